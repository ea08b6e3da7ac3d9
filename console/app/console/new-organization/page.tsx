import { OrganizationCreate } from '@/features/organizations';

export default function Page() {
  return <OrganizationCreate />;
}
