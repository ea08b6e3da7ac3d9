import { Home } from '@/features/overview';

export default function Page() {
  return <Home />;
}
