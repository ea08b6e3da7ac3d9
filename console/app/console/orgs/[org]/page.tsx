import { Overview } from '@/features/overview';

export default function Page() {
  return <Overview />;
}
