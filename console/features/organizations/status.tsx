import { Badge, type Tone } from '@/components/ui/surface';
import type { OrganizationStatus } from '@/lib/api';

const words: Record<OrganizationStatus, [Tone, string]> = {
  active: ['success', 'Active'],
  suspended: ['warning', 'Suspended'],
  deleting: ['danger', 'Being deleted'],
};

export function OrganizationBadge({ status }: { status: OrganizationStatus }) {
  const [tone, text] = words[status];
  return <Badge tone={tone}>{text}</Badge>;
}
