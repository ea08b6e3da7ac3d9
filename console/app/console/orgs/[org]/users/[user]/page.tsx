import { UserDetail } from '@/features/users';

/** Exported once; the placeholder stands for every id. */
export function generateStaticParams() {
  return [{ user: '_' }];
}

export default function Page() {
  return <UserDetail />;
}
