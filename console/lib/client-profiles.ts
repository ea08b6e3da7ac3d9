import type { ClientProfile } from './api';

/** The profiles of clients, with what each asks of them. */
export const clientProfiles: { value: ClientProfile; label: string; hint: string }[] = [
  { value: 'oauth2.1', label: 'OAuth 2.1', hint: 'The authorization code flow, with PKCE for everybody.' },
  { value: 'oidc-legacy', label: 'OpenID Connect with older flows', hint: 'Also implicit and hybrid flows, whose tokens travel through the browser, and clients with a secret may leave out PKCE.' },
];
