import { ScopesAndClaims } from '@/features/scopes';

export default function Page() {
  return <ScopesAndClaims />;
}
