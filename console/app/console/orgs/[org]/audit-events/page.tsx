import { AuditEventList } from '@/features/audit';

export default function Page() {
  return <AuditEventList />;
}
