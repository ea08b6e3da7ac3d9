import { UserList } from '@/features/users';

export default function Page() {
  return <UserList />;
}
