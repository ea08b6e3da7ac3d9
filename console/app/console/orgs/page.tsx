import { OrganizationList } from '@/features/organizations';

export default function Page() {
  return <OrganizationList />;
}
