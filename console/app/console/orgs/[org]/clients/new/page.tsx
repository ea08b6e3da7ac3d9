import { ClientCreate } from '@/features/clients';

export default function Page() {
  return <ClientCreate />;
}
