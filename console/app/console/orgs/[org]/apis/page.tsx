import { Apis } from '@/features/apis';

export default function Page() {
  return <Apis />;
}
