import type { GrantType } from './api';

export const grantTypeValues = ['authorization_code', 'implicit', 'refresh_token', 'client_credentials', 'urn:ietf:params:oauth:grant-type:device_code', 'urn:openid:params:grant-type:ciba', 'urn:ietf:params:oauth:grant-type:token-exchange', 'urn:ietf:params:oauth:grant-type:jwt-bearer'] as const satisfies readonly GrantType[];

/** The grant types, with what each is for. */
export const grantTypes: { value: GrantType; label: string; hint: string }[] = [
  { value: 'authorization_code', label: 'Authorization code', hint: 'People sign in with the browser.' },
  { value: 'implicit', label: 'Implicit', hint: 'Tokens travel through the browser. Only for applications that know nothing else.' },
  { value: 'refresh_token', label: 'Refresh token', hint: 'Stays signed in without asking again; each use replaces the token.' },
  { value: 'client_credentials', label: 'Client credentials', hint: 'The client acts for itself.' },
  { value: 'urn:ietf:params:oauth:grant-type:device_code', label: 'Device code', hint: 'For devices without a browser: people enter a short code elsewhere.' },
  { value: 'urn:openid:params:grant-type:ciba', label: 'Back channel (CIBA)', hint: 'Asks for a person who is elsewhere: they are told, and approve on a page of ours.' },
  { value: 'urn:ietf:params:oauth:grant-type:token-exchange', label: 'Token exchange', hint: 'A service gets tokens for the services that it calls, as far as is written down under Token exchange.' },
  { value: 'urn:ietf:params:oauth:grant-type:jwt-bearer', label: 'JWT bearer', hint: 'A service presents what a trusted issuer says of a person, and gets a token for that person.' },
];
