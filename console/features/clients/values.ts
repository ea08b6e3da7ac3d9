import type { Client, ClientCreate, ClientPatch, GrantType, JsonWebKeySet, ResponseType, SigningAlgorithm, TokenEndpointAuthMethod, TokenExchangePolicy, TokenPolicy } from '@/lib/api';
import { grantTypeValues } from '@/lib/grant-types';
import { backchannel, backchannelGrant } from './backchannel-values';
import { absoluteUris, changes, keySet, lines, optionalUri, scopeList, words, z } from '@/lib/schema';
import { tokenPolicyOf, tokenPolicySchema, tokenPolicyValues } from '@/lib/token-policy';
import { certificateNameKinds, encrypts, metadataAlways, metadataFields, metadataMaybe, metadataOf, newMetadata, signingAlgorithms } from './metadata-values';
import { localizedIndex, localizedOf, localizedRows, localizedSchema, localizedPatch } from './localized-values';

/** What people call a client; it decides the protocol fields that follow from it. */
export type Kind = 'web' | 'spa' | 'native' | 'device' | 'service';

interface KindFacts {
  label: string;
  hint: string;
  grant_types: GrantType[];
  token_endpoint_auth_method: TokenEndpointAuthMethod;
  application_type: 'web' | 'native';
  redirectHint: string;
}

export const kinds: Record<Kind, KindFacts> = {
  web: {
    label: 'Web application',
    hint: 'Rendered by a server that can keep a secret.',
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'client_secret_basic',
    application_type: 'web',
    redirectHint: 'Such as https://app.example.com/api/auth/callback.',
  },
  spa: {
    label: 'Single-page application',
    hint: 'Runs in the browser; no secret, PKCE instead.',
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'none',
    application_type: 'web',
    redirectHint: 'Such as https://app.example.com/callback. Its origin may call the token endpoint from the browser.',
  },
  native: {
    label: 'Mobile or desktop application',
    hint: 'Installed on a device; no secret, PKCE instead.',
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'none',
    application_type: 'native',
    redirectHint: 'A claimed https address, com.example.app:/callback, or http://127.0.0.1/callback.',
  },
  device: {
    label: 'Device or command line',
    hint: 'Has no browser of its own: people enter a code on another device.',
    grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
    token_endpoint_auth_method: 'none',
    application_type: 'native',
    redirectHint: '',
  },
  service: {
    label: 'Service',
    hint: 'A program that acts for itself; nobody signs in.',
    grant_types: ['client_credentials'],
    token_endpoint_auth_method: 'client_secret_basic',
    application_type: 'web',
    redirectHint: '',
  },
};

const uris = z.string().superRefine((text, context) => {
  const problem = absoluteUris(text);
  if (problem) context.addIssue({ code: 'custom', message: problem });
});

/** Seconds; NaN means the organization's. */
const lifetime = (min: number, max: number, words: string) => z.union([z.nan(), z.number().int(words).min(min, words).max(max, words)]);

/** Every response type, the one of OAuth 2.1 first. */
export const responseTypes = ['code', 'code id_token', 'code token', 'code id_token token', 'id_token', 'id_token token', 'token', 'none'] as const satisfies readonly ResponseType[];

export const clientFields = {
  /** Only when creating; empty for a random one. */
  client_id: z.string().trim().max(100, 'Use at most 100 characters.').regex(/^[A-Za-z0-9._~-]*$/, 'Use letters, digits and . _ ~ -'),
  client_name: z.string().trim().min(1, 'Give it a name.').max(200, 'Use at most 200 characters.'),
  redirect_uris: uris,
  post_logout_redirect_uris: uris,
  grant_types: z.array(z.enum(grantTypeValues)).min(1, 'Choose at least one.'),
  /** Empty: the organization's. */
  profile: z.enum(['', 'oauth2.1', 'oidc-legacy', 'fapi2-security', 'fapi2-message-signing', 'fapi-ciba']),
  response_types: z.array(z.enum(responseTypes)),
  token_endpoint_auth_method: z.enum(['none', 'client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth', 'attest_jwt_client_auth']),
  token_endpoint_auth_signing_alg: z.union([z.literal(''), z.enum(signingAlgorithms)]),
  jwks: keySet,
  jwks_uri: optionalUri,
  application_type: z.enum(['web', 'native']),
  scopes: scopeList,
  require_consent: z.boolean(),
  /** Empty: nothing beside the organization. */
  second_factor: z.enum(['', 'optional', 'required']),
  id_token_signed_response_alg: z.enum(signingAlgorithms),
  access_token_lifetime_seconds: lifetime(30, 86_400, 'Choose between 30 seconds and 1 day.'),
  refresh_token_lifetime_seconds: lifetime(60, 31_536_000, 'Choose between 1 minute and 365 days.'),
  client_uri: optionalUri,
  logo_uri: optionalUri,
  policy_uri: optionalUri,
  tos_uri: optionalUri,
  contacts: z.string(),
  backchannel_logout_uri: optionalUri,
  backchannel_logout_session_required: z.boolean(),
  frontchannel_logout_uri: optionalUri,
  frontchannel_logout_session_required: z.boolean(),
  initiate_login_uri: optionalUri.refine((uri) => uri === '' || uri.startsWith('https://'), 'This has to be an https address.'),
  backchannel_token_delivery_mode: z.enum(['poll', 'ping', 'push']),
  backchannel_client_notification_endpoint: optionalUri,
  /** Empty: its requests are not signed. */
  backchannel_authentication_request_signing_alg: z.union([z.literal(''), z.enum(signingAlgorithms).exclude(['HS256'])]),
  token_exchange_clients: z.string(),
  token_exchange_audiences: z.string(),
  token_exchange_subjects: z.string(),
  token_exchange_delegation: z.boolean(),
  token_policy: tokenPolicySchema,
  ...metadataFields,
  localized: localizedSchema,
};

export const exchangeGrant: GrantType = 'urn:ietf:params:oauth:grant-type:token-exchange';

/** What a person allows, so that a refresh token can come with it. */
const bringRefreshTokens: GrantType[] = ['authorization_code', 'urn:ietf:params:oauth:grant-type:device_code', backchannelGrant];

export const clientSchema = z
  .object(clientFields)
  .refine((values) => !signsPeopleIn(values.grant_types) || lines(values.redirect_uris).length > 0, {
    path: ['redirect_uris'],
    message: 'Write at least one redirect URI: after sign-in, people are sent back only to these.',
  })
  .refine((values) => !(values.grant_types.includes('client_credentials') && values.token_endpoint_auth_method === 'none'), {
    path: ['grant_types'],
    message: 'Client credentials need a client that authenticates with a secret.',
  })
  .refine((values) => !values.grant_types.includes('refresh_token') || values.grant_types.some((grant) => bringRefreshTokens.includes(grant)), {
    path: ['grant_types'],
    message: 'Refresh tokens come with a grant that a person gives: the authorization code, the device code or the back channel.',
  })
  .refine(({ grant_types, response_types }) => !grant_types.includes('implicit') || responseTypesFor(grant_types, response_types).some((type) => needs(type).includes('implicit')), {
    path: ['response_types'],
    message: 'The implicit grant needs a response type with a token. Choose one, or leave out the grant.',
  })
  .refine((values) => values.token_endpoint_auth_method !== 'private_key_jwt' || values.jwks !== '' || values.jwks_uri !== '', {
    path: ['jwks_uri'],
    message: 'Write where the public keys are, or paste them below: the application proves itself with them.',
  })
  .refine((values) => values.token_endpoint_auth_method !== 'self_signed_tls_client_auth' || values.jwks !== '' || values.jwks_uri !== '', {
    path: ['jwks_uri'],
    message: 'Write where the public keys are, or paste them below: the key of the certificate has to be among them.',
  })
  .refine((values) => values.token_endpoint_auth_method !== 'tls_client_auth' || values.certificate_name !== '', {
    path: ['certificate_name'],
    message: 'Write the name in the certificate: that is how the application is told from others.',
  })
  .refine((values) => !values.require_signed_request_object || values.request_object_signing_alg === 'HS256' || values.jwks !== '' || values.jwks_uri !== '', {
    path: ['jwks_uri'],
    message: 'To sign its requests the application needs keys: give their address, or paste the public ones.',
  })
  .refine((values) => !values.require_signed_request_object || values.request_object_signing_alg !== 'none', {
    path: ['request_object_signing_alg'],
    message: 'Only signed requests are accepted: choose how they are signed.',
  })
  .refine((values) => values.token_endpoint_auth_method === 'private_key_jwt' || !encrypts(values) || values.jwks !== '' || values.jwks_uri !== '', {
    path: ['jwks_uri'],
    message: 'Write where the public keys are, or paste them below: what the application gets is encrypted to them.',
  })
  .refine((values) => (lines(values.token_exchange_clients).length === 0) === (lines(values.token_exchange_audiences).length === 0) || !values.grant_types.includes(exchangeGrant), {
    path: ['token_exchange_audiences'],
    message: 'Write both: whose tokens the client may exchange, and for whom.',
  })
  .refine((values) => !values.grant_types.includes(backchannelGrant) || values.token_endpoint_auth_method !== 'none', {
    path: ['grant_types'],
    message: 'The back channel is for clients that can prove themselves.',
  })
  .refine((values) => !values.grant_types.includes(backchannelGrant) || values.backchannel_token_delivery_mode === 'poll' || values.backchannel_client_notification_endpoint !== '', {
    path: ['backchannel_client_notification_endpoint'],
    message: 'Write where the application is told.',
  })
  .refine((values) => values.jwks === '' || values.jwks_uri === '', {
    path: ['jwks'],
    message: 'Paste keys or write their address, not both.',
  });

export type ClientValues = z.infer<typeof clientSchema>;

export function newValues(kind: Kind): ClientValues {
  const facts = kinds[kind];
  return {
    client_id: '',
    client_name: '',
    redirect_uris: '',
    post_logout_redirect_uris: '',
    grant_types: facts.grant_types,
    response_types: signsPeopleIn(facts.grant_types) ? ['code'] : [],
    token_endpoint_auth_method: facts.token_endpoint_auth_method,
    token_endpoint_auth_signing_alg: '',
    jwks: '',
    jwks_uri: '',
    application_type: facts.application_type,
    scopes: kind === 'service' ? '' : 'openid profile email',
    require_consent: true,
    second_factor: '',
    id_token_signed_response_alg: 'ES256',
    access_token_lifetime_seconds: Number.NaN,
    refresh_token_lifetime_seconds: Number.NaN,
    client_uri: '',
    logo_uri: '',
    policy_uri: '',
    tos_uri: '',
    contacts: '',
    profile: '',
    backchannel_logout_uri: '',
    backchannel_logout_session_required: false,
    frontchannel_logout_uri: '',
    frontchannel_logout_session_required: false,
    initiate_login_uri: '',
    backchannel_token_delivery_mode: 'poll',
    backchannel_client_notification_endpoint: '',
    backchannel_authentication_request_signing_alg: '',
    token_exchange_clients: '',
    token_exchange_audiences: '',
    token_exchange_subjects: '',
    token_exchange_delegation: false,
    token_policy: tokenPolicyValues(),
    ...newMetadata(),
    localized: [],
  };
}

export function valuesOf(client: Client): ClientValues {
  return {
    client_id: '', // it stays, whatever it is: an address, for a client that a document describes
    client_name: client.client_name,
    redirect_uris: client.redirect_uris.join('\n'),
    post_logout_redirect_uris: client.post_logout_redirect_uris.join('\n'),
    grant_types: client.grant_types,
    response_types: client.response_types,
    token_endpoint_auth_method: client.token_endpoint_auth_method,
    token_endpoint_auth_signing_alg: client.token_endpoint_auth_signing_alg ?? '',
    jwks: client.jwks ? JSON.stringify(client.jwks, null, 2) : '',
    jwks_uri: client.jwks_uri ?? '',
    application_type: client.application_type,
    scopes: client.scopes.join(' '),
    require_consent: client.require_consent,
    second_factor: client.second_factor ?? '',
    id_token_signed_response_alg: client.id_token_signed_response_alg,
    access_token_lifetime_seconds: client.access_token_lifetime_seconds ?? Number.NaN,
    refresh_token_lifetime_seconds: client.refresh_token_lifetime_seconds ?? Number.NaN,
    client_uri: client.client_uri ?? '',
    logo_uri: client.logo_uri ?? '',
    policy_uri: client.policy_uri ?? '',
    tos_uri: client.tos_uri ?? '',
    contacts: client.contacts.join('\n'),
    profile: client.profile ?? '',
    backchannel_logout_uri: client.backchannel_logout_uri ?? '',
    backchannel_logout_session_required: client.backchannel_logout_session_required ?? false,
    frontchannel_logout_uri: client.frontchannel_logout_uri ?? '',
    frontchannel_logout_session_required: client.frontchannel_logout_session_required ?? false,
    initiate_login_uri: client.initiate_login_uri ?? '',
    backchannel_token_delivery_mode: client.backchannel_token_delivery_mode ?? 'poll',
    backchannel_client_notification_endpoint: client.backchannel_client_notification_endpoint ?? '',
    backchannel_authentication_request_signing_alg: (client.backchannel_authentication_request_signing_alg ?? '') as ClientValues['backchannel_authentication_request_signing_alg'],
    token_exchange_clients: (client.token_exchange?.subject_clients ?? []).join('\n'),
    token_exchange_audiences: (client.token_exchange?.audiences ?? []).join('\n'),
    token_exchange_subjects: (client.token_exchange?.subject_audiences ?? []).join('\n'),
    token_exchange_delegation: client.token_exchange?.delegation ?? false,
    token_policy: tokenPolicyValues(client.token_policy),
    ...metadataOf(client),
    localized: localizedRows(client.localized),
  };
}

/** Whether people sign in through the browser, so that there are redirect URIs. */
export function signsPeopleIn(grants: GrantType[]): boolean {
  return grants.includes('authorization_code') || grants.includes('implicit');
}

/** The response types among these that the grant types allow; what is left of none is the code (RFC 7591 §2.1). */
export function responseTypesFor(grants: GrantType[], chosen: ResponseType[]): ResponseType[] {
  if (!signsPeopleIn(grants)) return [];
  const left = chosen.filter((type) => needs(type).every((grant) => grants.includes(grant)));
  if (grants.includes('authorization_code') && !left.some((type) => needs(type).includes('authorization_code'))) left.unshift('code');
  return left;
}

/** What a response type delivers through the browser needs the implicit grant (OpenID Connect Registration 1.0 §2). */
export function needs(type: ResponseType): GrantType[] {
  if (type === 'none') return [];
  const parts = type.split(' ');
  return [...(parts.includes('code') ? (['authorization_code'] as const) : []), ...(parts.some((part) => part !== 'code') ? (['implicit'] as const) : [])];
}

/** The parts that are never absent. */
function always(values: ClientValues) {
  const redirects = signsPeopleIn(values.grant_types);
  return {
    client_name: values.client_name,
    redirect_uris: redirects ? lines(values.redirect_uris) : [],
    post_logout_redirect_uris: redirects ? lines(values.post_logout_redirect_uris) : [],
    grant_types: values.grant_types,
    response_types: responseTypesFor(values.grant_types, values.response_types),
    token_endpoint_auth_method: values.token_endpoint_auth_method,
    application_type: values.application_type,
    scopes: words(values.scopes),
    require_consent: values.require_consent,
    id_token_signed_response_alg: values.id_token_signed_response_alg,
    contacts: lines(values.contacts),
    backchannel_logout_session_required: redirects && values.backchannel_logout_uri !== '' && values.backchannel_logout_session_required,
    frontchannel_logout_session_required: redirects && values.frontchannel_logout_uri !== '' && values.frontchannel_logout_session_required,
    ...metadataAlways(values),
  };
}

/** An algorithm goes only with a method by which the client signs: the one that was chosen for another is dropped. */
function assertionAlgorithm({ token_endpoint_auth_method: method, token_endpoint_auth_signing_alg: algorithm }: ClientValues): SigningAlgorithm | undefined {
  const fits = method === 'private_key_jwt' ? algorithm !== 'HS256' : method === 'client_secret_jwt' && algorithm === 'HS256';
  return (fits && algorithm) || undefined;
}

/** What the client may exchange; nothing when nothing is written down. */
function exchangePolicy(values: ClientValues): TokenExchangePolicy | undefined {
  const subject_clients = lines(values.token_exchange_clients);
  const audiences = lines(values.token_exchange_audiences);
  if (!values.grant_types.includes(exchangeGrant) || (subject_clients.length === 0 && audiences.length === 0)) return undefined;
  const subject_audiences = lines(values.token_exchange_subjects);
  return { subject_clients, audiences, ...(subject_audiences.length > 0 && { subject_audiences }), delegation: values.token_exchange_delegation };
}

/** In what the client's tokens differ from those of its organization; nothing when they do not. */
function tokenPolicy(values: ClientValues): TokenPolicy | undefined {
  const policy = tokenPolicyOf(values.token_policy);
  return Object.keys(policy).length > 0 ? policy : undefined;
}

/** One of the five names in a certificate goes with the method that looks at it; the others are taken away. */
function certificateNames({ token_endpoint_auth_method: method, certificate_name_kind: kind, certificate_name: name }: ClientValues) {
  return Object.fromEntries(certificateNameKinds.map((each) => [each, (method === 'tls_client_auth' && each === kind && name) || undefined])) as { [kind in (typeof certificateNameKinds)[number]]?: string };
}

/** The parts that a client may be without. */
function maybe(values: ClientValues) {
  const redirects = signsPeopleIn(values.grant_types);
  return {
    profile: values.profile || undefined,
    backchannel_logout_uri: (redirects && values.backchannel_logout_uri) || undefined,
    frontchannel_logout_uri: (redirects && values.frontchannel_logout_uri) || undefined,
    initiate_login_uri: (redirects && values.initiate_login_uri) || undefined,
    token_endpoint_auth_signing_alg: assertionAlgorithm(values),
    ...certificateNames(values),
    jwks: values.jwks ? (JSON.parse(values.jwks) as JsonWebKeySet) : undefined,
    jwks_uri: values.jwks_uri || undefined,
    client_uri: values.client_uri || undefined,
    logo_uri: values.logo_uri || undefined,
    policy_uri: values.policy_uri || undefined,
    tos_uri: values.tos_uri || undefined,
    access_token_lifetime_seconds: Number.isNaN(values.access_token_lifetime_seconds) ? undefined : values.access_token_lifetime_seconds,
    refresh_token_lifetime_seconds: Number.isNaN(values.refresh_token_lifetime_seconds) ? undefined : values.refresh_token_lifetime_seconds,
    ...backchannel(values),
    token_exchange: exchangePolicy(values),
    token_policy: tokenPolicy(values),
    second_factor: values.second_factor || undefined,
    ...metadataMaybe(values),
  };
}

export function createBody(values: ClientValues): ClientCreate {
  const given = Object.fromEntries(Object.entries(maybe(values)).filter(([, value]) => value !== undefined));
  const localized = localizedOf(values.localized);
  return { ...always(values), ...given, ...(values.client_id && { client_id: values.client_id }), ...(Object.keys(localized).length > 0 && { localized }) };
}

/** What differs from the client, as a merge patch; undefined when nothing does. */
export function patchOf(client: Client, values: ClientValues): ClientPatch | undefined {
  const before = valuesOf(client);
  const emptied = Object.entries(changes(maybe(before), maybe(values)) ?? {}).map(([name, value]) => [name, value ?? null] as const);
  const localized = localizedPatch(client.localized ?? {}, localizedOf(values.localized));
  const patch: ClientPatch = { ...changes(always(before), always(values)), ...Object.fromEntries(emptied), ...(localized && { localized }) };
  return Object.keys(patch).length > 0 ? patch : undefined;
}

/** Turns the names of the API into those of the form: what is wrong with one key is said at the key set. */
export function fieldOf(apiField: string, { localized }: Pick<ClientValues, 'localized'> = { localized: [] }): string {
  const name = /^localized\.(.+)$/.exec(apiField)?.[1];
  if (name !== undefined) return localizedIndex(localized, name);
  if (apiField.startsWith('token_policy.')) return apiField.replace(/\[.*$/, '');
  if (apiField.startsWith('token_exchange')) return apiField.includes('subject_clients') ? 'token_exchange_clients' : apiField.includes('subject_audiences') ? 'token_exchange_subjects' : 'token_exchange_audiences';
  return apiField.replace(/[.[].*$/, '');
}

/** Which kind a client's metadata amounts to, in words. */
export function kindOf(client: Pick<Client, 'grant_types' | 'token_endpoint_auth_method' | 'application_type'>): string {
  if (!signsPeopleIn(client.grant_types)) return client.grant_types.includes('urn:ietf:params:oauth:grant-type:device_code') ? kinds.device.label : kinds.service.label;
  if (client.token_endpoint_auth_method !== 'none') return kinds.web.label;
  return client.application_type === 'native' ? kinds.native.label : kinds.spa.label;
}
