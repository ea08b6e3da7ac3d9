import { describe, expect, test } from 'vitest';
import type { Client } from '@/lib/api';
import { clientSchema, createBody, fieldOf, kindOf, newValues, patchOf, valuesOf } from './values';

const client: Client = {
  id: '0193588f-4c00-7a10-8b5e-2f6d1c9a0201',
  client_id: 'payroll',
  client_name: 'Payroll',
  redirect_uris: ['https://payroll.example.com/callback'],
  post_logout_redirect_uris: [],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  token_endpoint_auth_method: 'client_secret_basic',
  application_type: 'web',
  scopes: ['openid', 'profile'],
  contacts: [],
  tos_uri: 'https://payroll.example.com/terms',
  access_token_lifetime_seconds: 300,
  id_token_signed_response_alg: 'ES256',
  require_consent: true,
  require_auth_time: false,
  subject_type: 'public',
  status: 'active',
  origin: 'administrator',
  built_in: false,
  created_at: '2026-01-01T00:00:00Z',
  updated_at: '2026-01-01T00:00:00Z',
  version: 2,
};

test('what was read and not touched changes nothing', () => {
  expect(patchOf(client, clientSchema.parse(valuesOf(client)))).toBeUndefined();
});

test('what is demanded of sign-ins is one of the values, and nothing is null', () => {
  expect(patchOf(client, { ...valuesOf(client), second_factor: 'required' })).toEqual({ second_factor: 'required' });
  expect(patchOf({ ...client, second_factor: 'required' }, { ...valuesOf(client), second_factor: '' })).toEqual({ second_factor: null });
});

test('a patch holds what differs; what was emptied becomes null', () => {
  const values = { ...valuesOf(client), client_name: 'Pay', tos_uri: '', access_token_lifetime_seconds: Number.NaN, redirect_uris: 'https://a.example/cb\nhttps://b.example/cb' };
  expect(patchOf(client, values)).toEqual({
    client_name: 'Pay',
    tos_uri: null,
    access_token_lifetime_seconds: null,
    redirect_uris: ['https://a.example/cb', 'https://b.example/cb'],
  });
});

describe('creating', () => {
  test('a web application: essentials only', () => {
    const body = createBody(clientSchema.parse({ ...newValues('web'), client_name: ' Payroll ', redirect_uris: 'https://a.example/cb' }));
    expect(body).toMatchObject({ client_name: 'Payroll', grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'], token_endpoint_auth_method: 'client_secret_basic', id_token_signed_response_alg: 'ES256' });
    expect(body).not.toHaveProperty('client_id');
    expect(body).not.toHaveProperty('access_token_lifetime_seconds');
    expect(body).not.toHaveProperty('logo_uri');
  });
  test('a service has no redirect URI and no response type', () => {
    const body = createBody(clientSchema.parse({ ...newValues('service'), client_id: 'batch', client_name: 'Batch', redirect_uris: 'https://left.over/cb' }));
    expect(body).toMatchObject({ client_id: 'batch', grant_types: ['client_credentials'], redirect_uris: [], response_types: [] });
  });
  test.each([
    ['no redirect URI', { ...newValues('spa'), client_name: 'A' }],
    ['a redirect URI with a fragment', { ...newValues('spa'), client_name: 'A', redirect_uris: 'https://a.example/#x' }],
    ['client credentials without a secret', { ...newValues('service'), client_name: 'A', token_endpoint_auth_method: 'none' }],
    ['refresh without code', { ...newValues('service'), client_name: 'A', grant_types: ['client_credentials', 'refresh_token'] }],
    ['no name', { ...newValues('service') }],
  ])('refuses %s', (_, values) => expect(clientSchema.safeParse(values).success).toBe(false));
});

describe('keys of a client (RFC 7591 §2)', () => {
  const set = { keys: [{ kty: 'EC', crv: 'P-256', x: 'a', y: 'b' }] };
  const signing = { ...newValues('web'), client_name: 'A', redirect_uris: 'https://a.example/cb', token_endpoint_auth_method: 'private_key_jwt' as const };
  const faults = (values: object) => clientSchema.safeParse({ ...signing, ...values }).error?.issues.map((issue) => issue.path[0]);

  test('are pasted or have an address', () => {
    const pasted = createBody(clientSchema.parse({ ...signing, jwks: JSON.stringify(set, null, 2), token_endpoint_auth_signing_alg: 'ES256' }));
    expect(pasted).toMatchObject({ token_endpoint_auth_method: 'private_key_jwt', jwks: set, token_endpoint_auth_signing_alg: 'ES256' });
    expect(pasted).not.toHaveProperty('jwks_uri');
    expect(createBody(clientSchema.parse({ ...signing, jwks_uri: 'https://a.example/keys' }))).toMatchObject({ jwks_uri: 'https://a.example/keys' });
  });
  test.each([
    ['neither', {}, 'jwks_uri'],
    ['both', { jwks: JSON.stringify(set), jwks_uri: 'https://a.example/keys' }, 'jwks'],
    ['text that is not JSON', { jwks: '{"keys": [' }, 'jwks'],
    ['a single key', { jwks: JSON.stringify(set.keys[0]) }, 'jwks'],
    ['null', { jwks: 'null' }, 'jwks'],
    ['no key', { jwks: '{"keys": []}' }, 'jwks'],
    ['an address that is none', { jwks_uri: 'keys' }, 'jwks_uri'],
  ])('cannot be %s', (_, values, field) => expect(faults(values)).toEqual([field]));

  test('written differently are the same; replaced by an address they are removed', () => {
    const before: Client = { ...client, token_endpoint_auth_method: 'private_key_jwt', jwks: set };
    expect(patchOf(before, { ...valuesOf(before), jwks: JSON.stringify(set) })).toBeUndefined();
    expect(patchOf(before, { ...valuesOf(before), jwks: '', jwks_uri: 'https://a.example/keys' })).toEqual({ jwks: null, jwks_uri: 'https://a.example/keys' });
  });
  test('an algorithm goes with the method it was chosen for', () => {
    const before: Client = { ...client, token_endpoint_auth_method: 'private_key_jwt', jwks: set, token_endpoint_auth_signing_alg: 'PS256' };
    const after = { ...valuesOf(before), token_endpoint_auth_method: 'client_secret_basic' as const };
    expect(patchOf(before, after)).toEqual({ token_endpoint_auth_method: 'client_secret_basic', token_endpoint_auth_signing_alg: null });
  });
});

test('what the API says of a part is said at its field', () => {
  expect(['jwks.keys[0].kty', 'jwks', 'jwks_uri', 'response_types[1]'].map((name) => fieldOf(name))).toEqual(['jwks', 'jwks', 'jwks_uri', 'response_types']);
});

test('response types follow the grant types, and none is lost on the way', () => {
  const hybrid: Client = { ...client, grant_types: ['authorization_code', 'implicit'], response_types: ['code', 'code id_token', 'none'] };
  expect(patchOf(hybrid, clientSchema.parse(valuesOf(hybrid)))).toBeUndefined();
  expect(patchOf(hybrid, { ...valuesOf(hybrid), grant_types: ['authorization_code'] })).toEqual({ grant_types: ['authorization_code'], response_types: ['code', 'none'] });
  expect(kindOf({ ...hybrid, grant_types: ['implicit'] })).toBe('Web application');
});

test('an implicit grant without a response type that uses it is refused at the response types', () => {
  const values = { ...newValues('web'), client_name: 'A', redirect_uris: 'https://a.example/cb', grant_types: ['authorization_code', 'implicit'], profile: 'oidc-legacy' };
  expect(clientSchema.safeParse(values).error?.issues.map((issue) => issue.path[0])).toEqual(['response_types']);
  expect(createBody(clientSchema.parse({ ...values, response_types: ['code id_token'] }))).toMatchObject({ profile: 'oidc-legacy', response_types: ['code id_token'] });
});

test('a profile given back is the organization’s again', () => {
  const own: Client = { ...client, profile: 'oidc-legacy' };
  expect(patchOf(own, { ...valuesOf(own), profile: '' })).toEqual({ profile: null });
});

test('the session is required only where a logout URI is', () => {
  const told: Client = { ...client, backchannel_logout_uri: 'https://payroll.example.com/bye', backchannel_logout_session_required: true };
  expect(patchOf(told, clientSchema.parse(valuesOf(told)))).toBeUndefined();
  expect(patchOf(told, { ...valuesOf(told), backchannel_logout_uri: '' })).toEqual({ backchannel_logout_uri: null, backchannel_logout_session_required: false });
  expect(clientSchema.safeParse({ ...valuesOf(told), initiate_login_uri: 'http://payroll.example.com/start' }).success).toBe(false);
});

test('the kind is told from the metadata', () => {
  expect(kindOf(client)).toBe('Web application');
  expect(kindOf({ ...client, token_endpoint_auth_method: 'none' })).toBe('Single-page application');
  expect(kindOf({ ...client, token_endpoint_auth_method: 'none', application_type: 'native' })).toBe('Mobile or desktop application');
  expect(kindOf({ ...client, grant_types: ['client_credentials'] })).toBe('Service');
});

describe('signing, encryption and request objects (OpenID Connect Registration 1.0 §2)', () => {
  const full: Client = {
    ...client,
    jwks_uri: 'https://payroll.example.com/keys',
    id_token_encrypted_response_alg: 'RSA-OAEP-256',
    id_token_encrypted_response_enc: 'A128CBC-HS256',
    userinfo_signed_response_alg: 'PS256',
    userinfo_encrypted_response_alg: 'ECDH-ES',
    userinfo_encrypted_response_enc: 'A256GCM',
    authorization_signed_response_alg: 'PS256',
    authorization_encrypted_response_alg: 'ECDH-ES+A128KW',
    authorization_encrypted_response_enc: 'A128GCM',
    request_object_signing_alg: 'none',
    request_object_encryption_alg: 'ECDH-ES+A256KW',
    request_object_encryption_enc: 'A256CBC-HS512',
    request_uris: ['https://payroll.example.com/request#hash'],
    require_pushed_authorization_requests: true,
    require_signed_request_object: false,
    subject_type: 'pairwise',
    sector_identifier_uri: 'https://payroll.example.com/sector',
    default_max_age: 0,
    require_auth_time: true,
    default_acr_values: ['urn:one', 'urn:two'],
    software_id: 'payroll',
    software_version: '4.2',
    localized: { 'client_name#it': 'Paghe', 'client_uri#de': 'https://payroll.example.com/de' },
  };
  test('every member that was read and not touched stays', () => {
    expect(patchOf(full, clientSchema.parse(valuesOf(full)))).toBeUndefined();
  });
  test('what is emptied becomes null, and the content goes with the key', () => {
    const emptied = { ...valuesOf(full), id_token_encrypted_response_alg: '' as const, userinfo_signed_response_alg: '' as const, request_object_signing_alg: '' as const, request_uris: '', default_max_age: Number.NaN, default_acr_values: '', software_id: '' };
    expect(patchOf(full, clientSchema.parse(emptied))).toEqual({
      id_token_encrypted_response_alg: null,
      id_token_encrypted_response_enc: null,
      userinfo_signed_response_alg: null,
      request_object_signing_alg: null,
      request_uris: [],
      default_max_age: null,
      default_acr_values: [],
      software_id: null,
    });
  });
  test('a new client says only what was chosen', () => {
    const values = { ...newValues('web'), client_name: 'A', redirect_uris: 'https://a.example/cb', jwks_uri: 'https://a.example/keys' };
    expect(createBody(clientSchema.parse(values))).not.toHaveProperty('id_token_encrypted_response_alg');
    expect(createBody(clientSchema.parse(values))).not.toHaveProperty('localized');
    const chosen = createBody(clientSchema.parse({ ...values, id_token_encrypted_response_alg: 'ECDH-ES', default_max_age: 0, localized: [{ member: 'client_name', language: 'it', value: ' Alfa ' }] }));
    expect(chosen).toMatchObject({ id_token_encrypted_response_alg: 'ECDH-ES', default_max_age: 0, localized: { 'client_name#it': 'Alfa' } });
    expect(chosen).not.toHaveProperty('id_token_encrypted_response_enc');
  });
  test.each([
    ['encryption without a key', { jwks_uri: '', id_token_encrypted_response_alg: 'ECDH-ES' }, ['jwks_uri']],
    ['encryption of answers without a key', { jwks_uri: '', authorization_encrypted_response_alg: 'ECDH-ES' }, ['jwks_uri']],
    ['signed requests without a key', { jwks_uri: '', id_token_encrypted_response_alg: '', userinfo_encrypted_response_alg: '', authorization_encrypted_response_alg: '', request_object_signing_alg: '', require_signed_request_object: true }, ['jwks_uri']],
    ['signed requests without a signature', { require_signed_request_object: true }, ['request_object_signing_alg']],
    ['a request URI that is none', { request_uris: 'request' }, ['request_uris']],
    ['an http sector', { sector_identifier_uri: 'http://payroll.example.com/sector' }, ['sector_identifier_uri']],
    ['a negative age', { default_max_age: -1 }, ['default_max_age']],
    ['a language that is none', { localized: [{ member: 'client_name', language: 'italiano!', value: 'Paghe' }] }, ['localized', 0, 'language']],
    ['a translation twice', { localized: [{ member: 'client_name', language: 'it', value: 'Paghe' }, { member: 'client_name', language: 'IT', value: 'Stipendi' }] }, ['localized', 1, 'language']],
    ['an address that is none in another language', { localized: [{ member: 'tos_uri', language: 'it', value: 'condizioni' }] }, ['localized', 0, 'value']],
  ])('refuses %s where it is', (_, values, path) => {
    const found = clientSchema.safeParse({ ...valuesOf(full), userinfo_encrypted_response_alg: '', id_token_encrypted_response_alg: '', ...values });
    expect(found.error?.issues.map((issue) => issue.path)).toEqual([path]);
  });
});

test('translations are added, changed and removed one by one', () => {
  const spoken: Client = { ...client, localized: { 'client_name#de': 'Lohn', 'client_name#it': 'Paghe' } };
  const before = valuesOf(spoken);
  expect(before.localized.map(({ language }) => language)).toEqual(['de', 'it']);
  const after = [{ ...before.localized[1]!, value: 'Stipendi' }, { member: 'client_uri' as const, language: 'fr', value: 'https://payroll.example.com/fr' }];
  expect(patchOf(spoken, clientSchema.parse({ ...before, localized: after }))).toEqual({ localized: { 'client_name#de': null, 'client_name#it': 'Stipendi', 'client_uri#fr': 'https://payroll.example.com/fr' } });
  expect(fieldOf('localized.client_name#it', before)).toBe('localized.1.value');
  expect(fieldOf('localized.client_name#fr', before)).toBe('localized');
});

test('a policy for tokens is sent whole, and taken away whole; none is a choice of its own', () => {
  const values = valuesOf(client);
  const wanted = { ...values, token_policy: { ...values.token_policy, access_token_format: 'opaque' as const, access_token_claims: 'none', refresh_token_grace_seconds: 0, default_resources: 'https://api.example/\nurn:ledger' } };
  const policy = { access_token_format: 'opaque' as const, access_token_claims: [], refresh_token_grace_seconds: 0, default_resources: ['https://api.example/', 'urn:ledger'] };
  expect(clientSchema.safeParse(wanted).success).toBe(true);
  expect(patchOf(client, wanted)).toEqual({ token_policy: policy });
  const having: Client = { ...client, token_policy: policy };
  expect(patchOf(having, clientSchema.parse(valuesOf(having)))).toBeUndefined();
  expect(patchOf(having, { ...valuesOf(having), token_policy: valuesOf(client).token_policy })).toEqual({ token_policy: null });
  expect(fieldOf('token_policy.access_token_claims[0]')).toBe('token_policy.access_token_claims');
});
