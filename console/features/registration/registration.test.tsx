import { screen, waitFor, within } from '@testing-library/react';
import { beforeEach, expect, test, vi } from 'vitest';
import type { InitialAccessToken, Policies } from '@/lib/api';
import { setSession } from '@/lib/session';
import { answer, json, problem, signedIn, signIn } from '@/test/answers';
import { organizationWith } from '@/test/organization';
import { show } from '@/test/show';
import { issuerSchema, fieldOf as issuerFieldOf } from './issuer-values';
import { fieldOf, patchOf, policySchema, valuesOf } from './policy-values';
import { Registration } from './registration';
import { bodyOf, newToken, stateOf, tokenSchema } from './token-values';

vi.mock('next/navigation', () => ({
  usePathname: () => '/console/orgs/demo/registration',
  useSearchParams: () => new URLSearchParams(window.location.search),
  useRouter: () => ({ push: vi.fn(), prefetch: vi.fn() }),
}));

const read = 'GET /api/v1/orgs/demo';
const change = 'PATCH /api/v1/orgs/demo';
const tokens = '/api/v1/orgs/demo/initial-access-tokens';

function open(tab: 'policy' | 'tokens' | 'issuers') {
  window.history.replaceState(null, '', `/console/orgs/demo/registration?tab=${tab}`);
}

const organization = (policies: Partial<Policies> = {}) => json(organizationWith(policies), 200, { ETag: '"3"' });

beforeEach(() => {
  vi.unstubAllGlobals();
  signIn();
});

const token: InitialAccessToken = { id: 't1', name: 'Partner portal', max_uses: 10, uses: 3, expires_at: '2100-01-01T00:00:00Z', created_by: 'grace', created_at: '2026-01-01T00:00:00Z' };

test('who may register and the rules are saved against the version that was read; what is as usual is no bound', async () => {
  open('policy');
  const asked = answer({ [read]: () => organization(), [change]: () => json(organizationWith({ registration: 'open' }), 200, { ETag: '"4"' }) });
  const person = show(<Registration />);
  await person.click(await screen.findByRole('radio', { name: /^With a token/ }));
  await person.type(screen.getByLabelText(/^Hosts of redirect URIs/), '*.partner.example');
  await person.click(screen.getByRole('checkbox', { name: 'Client credentials' }));
  await person.click(screen.getByRole('button', { name: 'Save registration' }));
  await waitFor(() => expect(asked.filter(({ method }) => method === 'PATCH')).toHaveLength(1));
  const sent = asked.find(({ method }) => method === 'PATCH')!;
  expect(sent.headers.get('If-Match')).toBe('"3"');
  expect(await sent.json()).toEqual({
    policies: {
      registration: 'initial_access_token',
      registration_rules: { redirect_hosts: ['*.partner.example'], grant_types: ['authorization_code', 'implicit', 'refresh_token', 'client_credentials'] },
    },
  });
});

test('what the server refuses is said at its field', async () => {
  open('policy');
  answer({
    [read]: () => organization(),
    [change]: () => problem(422, 'registration_rules_invalid', { errors: [{ field: 'policies.registration_rules.scopes', code: 'registration_rules_invalid', message: 'A scope consists of visible ASCII characters.' }] }),
  });
  const person = show(<Registration />);
  await person.type(await screen.findByLabelText(/^Scopes/), 'orders');
  await person.click(screen.getByRole('button', { name: 'Save registration' }));
  await waitFor(() => expect(screen.getByLabelText(/^Scopes/)).toHaveAccessibleDescription(/visible ASCII/));
});

test('a policy that was not touched changes nothing; bounds are taken away by an empty list', () => {
  const { policies } = organizationWith({ registration_rules: { redirect_hosts: ['a.example'], grant_types: ['authorization_code'], scopes: ['openid'] } });
  expect(patchOf(policies, policySchema.parse(valuesOf(policies)))).toBeUndefined();
  expect(patchOf(policies, { ...valuesOf(policies), redirect_hosts: '', scopes: ' ', grant_types: ['refresh_token', 'implicit', 'authorization_code'] })).toEqual({
    registration_rules: { redirect_hosts: [], scopes: [], grant_types: [] },
  });
});

test.each([
  ['a host with capital letters', { redirect_hosts: 'App.example.com' }],
  ['an address for a host', { redirect_hosts: 'https://app.example.com' }],
  ['an administrative scope', { scopes: 'openid admin:write' }],
  ['no grant type', { grant_types: [] }],
])('refuses %s', (_, values) => {
  expect(policySchema.safeParse({ ...valuesOf(organizationWith().policies), ...values }).success).toBe(false);
});

test('names of the API become those of the forms', () => {
  expect(['policies.registration', 'policies.registration_rules.grant_types[0]'].map(fieldOf)).toEqual(['registration', 'grant_types']);
  expect(['policies.registration_rules.software_statement_issuers[1].jwks.keys[0].kty', 'policies.registration_rules.software_statement_issuers[0].jwks_uri'].map(issuerFieldOf)).toEqual(['jwks', 'jwks_uri']);
});

test('a token that is issued is shown once, and the list is read again', async () => {
  open('tokens');
  let issued = false;
  const asked = answer({
    [read]: () => organization(),
    [`GET ${tokens}`]: () => json({ items: issued ? [token] : [] }),
    [`POST ${tokens}`]: () => {
      issued = true;
      return json({ initial_access_token: token, value: 's3cret-token' }, 201);
    },
  });
  const person = show(<Registration />);
  await person.click(await screen.findByRole('button', { name: 'Issue the first' }));
  const sheet = within(screen.getByRole('dialog'));
  await person.type(sheet.getByLabelText('What is it for?'), 'Partner portal');
  await person.type(sheet.getByLabelText(/^How many clients/), '10');
  await person.click(sheet.getByRole('button', { name: 'Issue token' }));
  expect(await screen.findByTestId('secret')).toHaveTextContent('s3cret-token');
  const sent = asked.find(({ method }) => method === 'POST')!;
  expect(await sent.json()).toMatchObject({ name: 'Partner portal', max_uses: 10 });
  expect(sent.headers.get('Idempotency-Key')).toBeTruthy();
  await person.click(screen.getByRole('button', { name: 'I have stored it' }));
  expect(screen.queryByText('s3cret-token')).not.toBeInTheDocument();
  expect(await screen.findByText('3 of 10')).toBeInTheDocument();
});

test('a value that got lost on the way is not pretended, and the next attempt is another one', async () => {
  open('tokens');
  const asked = answer({
    [read]: () => organization(),
    [`GET ${tokens}`]: () => json({ items: [] }),
    [`POST ${tokens}`]: () => json({ initial_access_token: token }, 201, { 'Idempotent-Replayed': 'true' }),
  });
  const person = show(<Registration />);
  await person.click(await screen.findByRole('button', { name: 'Issue the first' }));
  await person.type(screen.getByLabelText('What is it for?'), 'Partner portal');
  const issue = within(screen.getByRole('dialog')).getByRole('button', { name: 'Issue token' });
  await person.click(issue);
  expect(await screen.findByText(/cannot be shown again/)).toBeInTheDocument();
  await person.click(issue);
  await waitFor(() => expect(asked.filter(({ method }) => method === 'POST')).toHaveLength(2));
  const keys = asked.filter(({ method }) => method === 'POST').map(({ headers }) => headers.get('Idempotency-Key'));
  expect(keys[0]).not.toBe(keys[1]);
});

test('revoking asks first; what is over cannot be revoked', async () => {
  open('tokens');
  const asked = answer({
    [read]: () => organization({ registration: 'closed' }),
    [`GET ${tokens}`]: () => json({ items: [token, { ...token, id: 't2', name: 'Old', revoked_at: '2026-02-01T00:00:00Z' }] }),
    [`DELETE ${tokens}/t1`]: () => new Response(null, { status: 204 }),
  });
  const person = show(<Registration />);
  expect(await screen.findByText('Registration is closed')).toBeInTheDocument();
  await person.click(await screen.findByRole('button', { name: 'Revoke Partner portal' }));
  expect(screen.queryByRole('button', { name: 'Revoke Old' })).not.toBeInTheDocument();
  expect(asked.some(({ method }) => method === 'DELETE')).toBe(false);
  await person.click(within(screen.getByRole('dialog')).getByRole('button', { name: 'Revoke token' }));
  await waitFor(() => expect(asked.some(({ method }) => method === 'DELETE')).toBe(true));
});

test('the state of a token, and the day it lives to', () => {
  const now = new Date('2026-11-25T12:00:00Z');
  expect(stateOf(token, now).label).toBe('Active');
  expect(stateOf({ ...token, uses: 10 }, now).label).toBe('Used up');
  expect(stateOf({ ...token, max_uses: undefined, uses: 10_000 }, now).label).toBe('Active');
  expect(stateOf({ ...token, expires_at: '2026-11-25T12:00:00Z' }, now).label).toBe('Expired');
  expect(stateOf({ ...token, uses: 10, revoked_at: '2026-01-02T00:00:00Z' }, now).label).toBe('Revoked');
  const values = tokenSchema.parse({ ...newToken(new Date(2026, 11, 25)), name: ' Partner ' });
  expect(bodyOf(values)).toEqual({ name: 'Partner', expires_at: new Date(2027, 0, 9).toISOString() });
  for (const max_uses of ['0', '-1', '1.5', 'ten', '1000001']) expect(tokenSchema.safeParse({ ...values, max_uses }).success).toBe(false);
});

test('an issuer is added beside the others, and removed when that was confirmed', async () => {
  open('issuers');
  const first = { issuer: 'https://first.example', jwks_uri: 'https://first.example/keys' };
  const asked = answer({
    [read]: () => organization({ registration_rules: { software_statement_issuers: [first] } }),
    [change]: () => organization({ registration_rules: { software_statement_issuers: [first] } }),
  });
  const person = show(<Registration />);
  await person.click(await screen.findByRole('button', { name: 'Add issuer' }));
  const sheet = within(screen.getByRole('dialog'));
  await person.type(sheet.getByLabelText('Issuer'), 'https://second.example');
  await person.click(sheet.getByRole('button', { name: 'Add issuer' }));
  expect(sheet.getByLabelText(/^Address of its public keys/)).toHaveAccessibleDescription(/Write where the public keys are/);
  await person.type(sheet.getByLabelText(/^Address of its public keys/), 'https://second.example/keys');
  await person.click(sheet.getByRole('button', { name: 'Add issuer' }));
  await waitFor(() => expect(screen.queryByRole('dialog')).not.toBeInTheDocument());
  await person.click(screen.getByRole('button', { name: 'Remove https://first.example' }));
  await person.click(screen.getByRole('button', { name: 'Remove issuer' }));
  await waitFor(() => expect(asked.filter(({ method }) => method === 'PATCH')).toHaveLength(2));
  const bodies = await Promise.all(asked.filter(({ method }) => method === 'PATCH').map((request) => request.json() as Promise<unknown>));
  const listed = (issuers: unknown[]) => ({ policies: { registration_rules: { software_statement_issuers: issuers } } });
  expect(bodies).toEqual([listed([first, { issuer: 'https://second.example', jwks_uri: 'https://second.example/keys' }]), listed([])]);
});

test('an issuer has a name of its own and keys in one place', () => {
  const schema = issuerSchema(['https://taken.example']);
  const good = { issuer: 'https://trust.example', jwks_uri: 'https://trust.example/keys', jwks: '' };
  expect(schema.safeParse(good).success).toBe(true);
  for (const wrong of [{ issuer: 'https://taken.example' }, { issuer: ' ' }, { jwks_uri: '' }, { jwks_uri: 'http://trust.example/keys' }, { jwks: '{"keys":[{"kty":"EC"}]}' }]) {
    expect(schema.safeParse({ ...good, ...wrong }).success).toBe(false);
  }
});

test('whoever only reads is offered no change', async () => {
  open('tokens');
  setSession({ ...signedIn, permissions: ['organization:read', 'clients:read'] });
  answer({ [read]: () => organization(), [`GET ${tokens}`]: () => json({ items: [token] }) });
  show(<Registration />);
  expect(await screen.findByText('Partner portal')).toBeInTheDocument();
  expect(screen.queryByRole('button', { name: /Issue|Revoke/ })).not.toBeInTheDocument();
});
