import { UserCreate } from '@/features/users';

export default function Page() {
  return <UserCreate />;
}
