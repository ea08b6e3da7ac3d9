import type { ClientProfile } from './api';

/** The profiles of clients, with what each asks of them. */
export const clientProfiles: { value: ClientProfile; label: string; hint: string }[] = [
  { value: 'oauth2.1', label: 'OAuth 2.1', hint: 'The authorization code flow, with PKCE for everybody.' },
  { value: 'oidc-legacy', label: 'OpenID Connect with older flows', hint: 'Also implicit and hybrid flows, whose tokens travel through the browser, and clients with a secret may leave out PKCE.' },
  {
    value: 'fapi2-security',
    label: 'FAPI 2.0',
    hint: 'For banks and whoever needs as much: requests are pushed, clients prove themselves with a key or a TLS certificate, and access tokens are bound to them. Signed with PS256, ES256 or EdDSA.',
  },
  { value: 'fapi2-message-signing', label: 'FAPI 2.0 with signed messages', hint: 'FAPI 2.0, and requests and answers are signed, so that either side can show them to others.' },
  { value: 'fapi-ciba', label: 'FAPI CIBA', hint: 'FAPI 2.0 with signed requests through the back channel, by PS256 or ES256. Tokens are polled or pinged for, never pushed.' },
];
