import { screen, waitFor, within } from '@testing-library/react';
import { beforeEach, expect, test, vi } from 'vitest';
import type { IdentityProvider, IdentityProviderTest } from '@/lib/api';
import { setSession } from '@/lib/session';
import { answer, json, problem, signedIn, signIn } from '@/test/answers';
import { organizationWith } from '@/test/organization';
import { show } from '@/test/show';
import { IdentityProviders } from './providers';
import { createBody, patchOf, schemaOf, valuesOf } from './provider-values';

vi.mock('next/navigation', () => ({
  usePathname: () => '/console/orgs/demo/identity-providers',
  useSearchParams: () => new URLSearchParams(window.location.search),
  useRouter: () => ({ push: () => {} }),
}));

const corp: IdentityProvider = {
  id: '0193588f-4c00-7a10-8b5e-2f6d1c9a0b01',
  alias: 'corp',
  name: 'Example Corp',
  status: 'active',
  issuer: 'https://login.example.org',
  client_id: 'clavex',
  client_authentication: 'client_secret_basic',
  scopes: ['openid', 'email'],
  redirect_uri: 'https://id.example.com/demo/idp/corp/callback',
  created_at: '2026-01-01T00:00:00Z',
  updated_at: '2026-01-01T00:00:00Z',
  version: 4,
};
const all = '/api/v1/orgs/demo/identity-providers';
const one = `${all}/${corp.id}`;

beforeEach(() => {
  vi.unstubAllGlobals();
  window.history.replaceState(null, '', '/console/orgs/demo/identity-providers');
  signIn();
});

function routes(more: Parameters<typeof answer>[0], items: IdentityProvider[] = [corp]) {
  return answer({ 'GET /api/v1/orgs/demo': () => json(organizationWith(), 200, { ETag: '"3"' }), [`GET ${all}`]: () => json({ items }), ...more });
}

test('a provider is added after it was tried; its redirect URI stands there before', async () => {
  let outcome: IdentityProviderTest = { outcome: 'unusable', message: 'The host could not be reached.', error: 'fetch_unreachable' };
  const asked = routes({ [`POST ${all}/test`]: () => json(outcome), [`POST ${all}`]: () => json(corp, 201) }, []);
  const person = show(<IdentityProviders />);
  await person.click(await screen.findByRole('button', { name: 'Add the first provider' }));
  const sheet = within(screen.getByRole('dialog'));
  await person.type(sheet.getByLabelText('Name'), 'Example Corp');
  await person.type(sheet.getByLabelText('Name in addresses'), 'corp');
  expect(sheet.getByText('https://id.example.com/demo/idp/corp/callback')).toBeVisible();
  expect(sheet.getByRole('button', { name: 'Copy redirect URI' })).toBeVisible();
  await person.type(sheet.getByLabelText('Issuer'), 'https://login.example.org');
  await person.type(sheet.getByLabelText('Client ID'), 'clavex');
  await person.click(sheet.getByRole('button', { name: 'Add provider' }));
  expect(await sheet.findByText(/Write the secret that the provider gave/)).toBeInTheDocument();
  await person.type(sheet.getByLabelText('Client secret'), 'what it gave');
  await person.click(sheet.getByRole('button', { name: 'Add provider' }));
  expect(await sheet.findByText('The host could not be reached.')).toBeInTheDocument();
  expect(sheet.getByRole('checkbox', { name: 'Add it although it cannot be used now' })).not.toBeChecked();
  expect(asked.filter(({ method, url }) => method === 'POST' && url.endsWith('identity-providers'))).toHaveLength(0);
  outcome = { outcome: 'usable', message: 'People can be sent there.', authorization_endpoint: 'https://login.example.org/authorize' };
  await person.click(sheet.getByRole('button', { name: 'Try the issuer' }));
  expect(await sheet.findByText('https://login.example.org/authorize')).toBeVisible();
  expect(sheet.queryByRole('checkbox', { name: 'Add it although it cannot be used now' })).not.toBeInTheDocument();
  await person.click(sheet.getByRole('button', { name: 'Add provider' }));
  await waitFor(() => expect(screen.queryByRole('dialog')).not.toBeInTheDocument());
  const sent = asked.find(({ method, url }) => method === 'POST' && url.endsWith('identity-providers'))!;
  expect(await sent.json()).toEqual({
    name: 'Example Corp',
    alias: 'corp',
    issuer: 'https://login.example.org',
    client_id: 'clavex',
    client_authentication: 'client_secret_basic',
    client_secret: 'what it gave',
    scopes: ['openid', 'email', 'profile'],
  });
});

test('one that cannot be reached yet is added by whoever says so', async () => {
  const asked = routes({ [`POST ${all}/test`]: () => json({ outcome: 'unusable', message: 'The host could not be reached.' }), [`POST ${all}`]: () => json(corp, 201) }, []);
  const person = show(<IdentityProviders />);
  await person.click(await screen.findByRole('button', { name: 'Add provider' }));
  const sheet = within(screen.getByRole('dialog'));
  await person.type(sheet.getByLabelText('Name'), 'Example Corp');
  await person.type(sheet.getByLabelText('Name in addresses'), 'corp');
  await person.type(sheet.getByLabelText('Issuer'), 'https://login.example.org');
  await person.type(sheet.getByLabelText('Client ID'), 'clavex');
  await person.selectOptions(sheet.getByLabelText('How Clavex proves who it is'), 'none');
  expect(sheet.queryByLabelText('Client secret')).not.toBeInTheDocument();
  await person.click(sheet.getByRole('button', { name: 'Add provider' }));
  await person.click(await sheet.findByRole('checkbox', { name: 'Add it although it cannot be used now' }));
  await person.click(sheet.getByRole('button', { name: 'Add provider' }));
  await waitFor(() => expect(screen.queryByRole('dialog')).not.toBeInTheDocument());
  expect(await asked.findLast(({ method }) => method === 'POST')!.json()).not.toHaveProperty('client_secret');
});

test('one is edited without its secret, against the version that was shown; outdated ones are told', async () => {
  const asked = routes({ [`PATCH ${one}`]: () => problem(412, 'version_mismatch') });
  const person = show(<IdentityProviders />);
  await person.click(await screen.findByRole('button', { name: 'Edit Example Corp' }));
  const sheet = within(screen.getByRole('dialog'));
  expect(sheet.queryByLabelText('Issuer')).not.toBeInTheDocument();
  expect(sheet.getByLabelText('Client secret')).toHaveValue('');
  await person.clear(sheet.getByLabelText('Name'));
  await person.type(sheet.getByLabelText('Name'), 'Corp');
  await person.click(sheet.getByRole('button', { name: 'Save provider' }));
  expect(await sheet.findByText('Somebody else changed this in the meantime')).toBeInTheDocument();
  const sent = asked.find(({ method }) => method === 'PATCH')!;
  expect(sent.headers.get('If-Match')).toBe('"4"');
  expect(await sent.json()).toEqual({ name: 'Corp' });
});

test('one is switched off, and removed by whoever types its name, after the consequence was read', async () => {
  let items = [corp];
  const asked = answer({
    'GET /api/v1/orgs/demo': () => json(organizationWith(), 200, { ETag: '"3"' }),
    [`GET ${all}`]: () => json({ items }),
    [`PATCH ${one}`]: () => {
      items = [{ ...corp, status: 'disabled', version: 5 }];
      return json(items[0]);
    },
    [`DELETE ${one}`]: () => {
      items = [];
      return new Response(null, { status: 204 });
    },
  });
  const person = show(<IdentityProviders />);
  await person.click(await screen.findByRole('button', { name: 'Switch Example Corp off' }));
  expect(within(screen.getByRole('dialog')).getByText(/Nobody signs in there until it is switched on again/)).toBeVisible();
  await person.click(within(screen.getByRole('dialog')).getByRole('button', { name: 'Switch off' }));
  expect(await screen.findByRole('button', { name: 'Switch Example Corp on' })).toBeVisible();
  expect(await asked.find(({ method }) => method === 'PATCH')!.json()).toEqual({ status: 'disabled' });
  await person.click(screen.getByRole('button', { name: 'Remove Example Corp' }));
  const dialog = within(screen.getByRole('dialog'));
  expect(dialog.getByText(/is forgotten/)).toBeVisible();
  expect(dialog.getByRole('button', { name: 'Remove provider' })).toBeDisabled();
  await person.type(dialog.getByLabelText('Type Example Corp to confirm'), 'Example Corp');
  await person.click(dialog.getByRole('button', { name: 'Remove provider' }));
  expect(await screen.findByText('Nobody signs in elsewhere')).toBeVisible();
  expect(asked.find(({ method }) => method === 'DELETE')!.headers.get('If-Match')).toBe('"5"');
});

test('who may only look finds nothing to press, and a list that cannot be read says so', async () => {
  setSession({ ...signedIn, permissions: ['organization:read'] });
  routes({});
  show(<IdentityProviders />);
  expect(await screen.findByText('Example Corp')).toBeVisible();
  for (const name of [/^Edit/, /^Switch/, /^Remove/, /^Add/]) expect(screen.queryByRole('button', { name })).not.toBeInTheDocument();
});

test('a list that cannot be read says so', async () => {
  routes({ [`GET ${all}`]: () => problem(500, 'internal_error') });
  show(<IdentityProviders />);
  expect(await screen.findByRole('alert')).toBeVisible();
});

test('a secret is demanded where none is saved that would do; what is not touched changes nothing', () => {
  const values = valuesOf(corp);
  expect(patchOf(corp, values)).toBeUndefined();
  expect(schemaOf(corp).safeParse(values).success).toBe(true);
  expect(schemaOf(corp).safeParse({ ...values, client_id: 'another' }).success).toBe(false);
  expect(schemaOf({ ...corp, client_authentication: 'none' }).safeParse(values).success).toBe(false);
  expect(patchOf(corp, { ...values, client_authentication: 'none', client_secret: 'x' })).toEqual({ client_authentication: 'none' });
  expect(createBody({ ...values, scopes: 'profile email profile' }).scopes).toEqual(['openid', 'profile', 'email']);
  for (const alias of ['', 'x', 'Corp', '-corp', 'a--b', 'x'.repeat(41)]) expect(schemaOf(corp).safeParse({ ...values, alias }).success).toBe(false);
});
