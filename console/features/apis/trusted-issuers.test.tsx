import { screen, waitFor, within } from '@testing-library/react';
import { beforeEach, expect, test, vi } from 'vitest';
import type { TrustedIssuer } from '@/lib/api';
import { answer, json, problem, signIn } from '@/test/answers';
import { organizationWith } from '@/test/organization';
import { show } from '@/test/show';
import { Apis } from './apis';
import { fieldOf, issuerSchema, patchOf, valuesOf } from './issuer-values';

vi.mock('next/navigation', () => ({
  usePathname: () => '/console/orgs/demo/apis',
  useSearchParams: () => new URLSearchParams(window.location.search),
  useRouter: () => ({ push: () => {} }),
}));

const partner: TrustedIssuer = {
  id: '0193588f-4c00-7a10-8b5e-2f6d1c9a0801',
  issuer: 'https://idp.partner.example',
  name: 'Partner',
  status: 'active',
  jwks_uri: 'https://idp.partner.example/jwks',
  algorithms: ['ES256'],
  assertion_types: ['JWT', 'later+jwt'],
  subject_claim: 'sub',
  subject_match: 'linked_identity',
  clients: ['partner-agent'],
  scopes: ['orders:read'],
  resources: [],
  maximum_lifetime_seconds: 300,
  created_at: '2026-01-01T00:00:00Z',
  updated_at: '2026-01-01T00:00:00Z',
  version: 7,
};
const all = '/api/v1/orgs/demo/trusted-issuers';
const one = `${all}/${partner.id}`;

beforeEach(() => {
  vi.unstubAllGlobals();
  window.history.replaceState(null, '', '/console/orgs/demo/apis?tab=issuers');
  signIn();
});

function routes(more: Parameters<typeof answer>[0], items: TrustedIssuer[] = [partner]) {
  return answer({ 'GET /api/v1/orgs/demo': () => json(organizationWith(), 200, { ETag: '"3"' }), [`GET ${all}`]: () => json({ items }), ...more });
}

test('an issuer is trusted as far as was written down', async () => {
  const asked = routes({ [`POST ${all}`]: () => json(partner, 201) }, []);
  const person = show(<Apis />);
  await person.click(await screen.findByRole('button', { name: 'Trust the first issuer' }));
  const sheet = within(screen.getByRole('dialog'));
  await person.type(sheet.getByLabelText('Name'), 'Partner');
  await person.type(sheet.getByLabelText('Issuer'), 'https://idp.partner.example');
  await person.type(sheet.getByLabelText(/^Clients that may present/), 'partner-agent');
  await person.type(sheet.getByLabelText(/^Scopes/), 'orders:read admin:read');
  await person.click(sheet.getByRole('button', { name: 'Trust issuer' }));
  expect(await sheet.findByText(/scopes that begin with admin: are never among them/)).toBeInTheDocument();
  expect(sheet.getByLabelText(/^Address of its public keys/)).toHaveAccessibleDescription(/Write where the public keys are/);
  await person.clear(sheet.getByLabelText(/^Scopes/));
  await person.type(sheet.getByLabelText(/^Address of its public keys/), 'https://idp.partner.example/jwks');
  await person.click(sheet.getByRole('radio', { name: /By their verified e-mail/ }));
  await person.click(sheet.getByRole('button', { name: 'Trust issuer' }));
  await waitFor(() => expect(screen.queryByRole('dialog')).not.toBeInTheDocument());
  const body = (await asked.find(({ method }) => method === 'POST')!.json()) as object;
  expect(body).toMatchObject({ name: 'Partner', issuer: 'https://idp.partner.example', status: 'active', jwks_uri: 'https://idp.partner.example/jwks', subject_match: 'verified_email', subject_claim: 'email', clients: ['partner-agent'], scopes: [], assertion_types: ['JWT'], maximum_lifetime_seconds: 300 });
  expect(body).not.toHaveProperty('jwks');
});

test('its word is taken no longer, against the version that was shown; outdated ones are told', async () => {
  const asked = routes({ [`PATCH ${one}`]: () => problem(412, 'version_mismatch') });
  const person = show(<Apis />);
  await person.click(await screen.findByRole('button', { name: 'Edit Partner' }));
  const sheet = within(screen.getByRole('dialog'));
  await person.click(sheet.getByRole('checkbox', { name: 'Its word is taken' }));
  await person.click(sheet.getByRole('button', { name: 'Save issuer' }));
  expect(await sheet.findByText('Somebody else changed this in the meantime')).toBeInTheDocument();
  const sent = asked.find(({ method }) => method === 'PATCH')!;
  expect(sent.headers.get('If-Match')).toBe('"7"');
  expect(await sent.json()).toEqual({ status: 'disabled' });
});

test('who its subjects are is said by username, and taken back', async () => {
  const linked = { id: '0193588f-4c00-7a10-8b5e-2f6d1c9a0901', subject: 'u-1', user_id: '0193588f-4c00-7a10-8b5e-2f6d1c9a0101', created_at: '2026-01-01T00:00:00Z' };
  const ada = { id: linked.user_id, username: 'Ada@demo.test', email: 'ada@demo.test' };
  const items: (typeof linked)[] = [];
  const asked = routes({
    [`GET ${one}/identities`]: () => json({ items }),
    'GET /api/v1/orgs/demo/users': (request) => json({ items: new URL(request.url).searchParams.get('q')?.startsWith('ada') ? [{ ...ada, id: 'another', username: 'ada@demo.test.example' }, ada] : [] }),
    [`POST ${one}/identities`]: () => {
      items.push(linked);
      return json(linked, 201);
    },
    [`DELETE ${one}/identities/${linked.id}`]: () => {
      items.pop();
      return new Response(null, { status: 204 });
    },
  });
  const person = show(<Apis />);
  await person.click(await screen.findByRole('button', { name: 'People of Partner' }));
  const sheet = within(screen.getByRole('dialog'));
  expect(await sheet.findByText('Nobody yet')).toBeInTheDocument();
  await person.type(sheet.getByLabelText('Subject'), 'u-1');
  await person.type(sheet.getByLabelText('User'), 'nobody');
  await person.click(sheet.getByRole('button', { name: 'Link' }));
  expect(await sheet.findByText('Nobody here has this username or address.')).toBeInTheDocument();
  await person.clear(sheet.getByLabelText('User'));
  await person.type(sheet.getByLabelText('User'), 'ada@demo.test');
  await person.click(sheet.getByRole('button', { name: 'Link' }));
  expect(await sheet.findByRole('heading', { name: 'u-1' })).toBeInTheDocument();
  expect(await asked.find(({ method }) => method === 'POST')!.json()).toEqual({ subject: 'u-1', user_id: ada.id });
  await person.click(sheet.getByRole('button', { name: 'Unlink u-1' }));
  expect(await sheet.findByText('Nobody yet')).toBeInTheDocument();
});

test('what was read and not touched changes nothing, types that the console does not know included', () => {
  const values = issuerSchema.parse(valuesOf(partner));
  expect(patchOf(partner, values)).toBeUndefined();
  expect(patchOf(partner, { ...values, jwks_uri: '', jwks: '{"keys":[{"kty":"EC"}]}' })).toEqual({ jwks: { keys: [{ kty: 'EC' }] } });
  expect(['jwks.keys[0].kty', 'status', 'scopes[1]'].map(fieldOf)).toEqual(['jwks', 'active', 'scopes']);
});
