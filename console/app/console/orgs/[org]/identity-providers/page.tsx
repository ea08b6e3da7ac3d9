import { IdentityProviders } from '@/features/identity-providers';

export default function Page() {
  return <IdentityProviders />;
}
