import { ClientList } from '@/features/clients';

export default function Page() {
  return <ClientList />;
}
