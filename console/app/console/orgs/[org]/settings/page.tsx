import { OrganizationSettings } from '@/features/organizations';

export default function Page() {
  return <OrganizationSettings />;
}
