import { Registration } from '@/features/registration';

export default function Page() {
  return <Registration />;
}
