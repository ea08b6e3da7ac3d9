import { screen, waitFor, within } from '@testing-library/react';
import { beforeEach, expect, test, vi } from 'vitest';
import type { AttestationPreview, AuthenticatorMetadata } from '@/lib/api';
import { setSession } from '@/lib/session';
import { answer, json, problem, signedIn, signIn } from '@/test/answers';
import { organizationWith } from '@/test/organization';
import { show } from '@/test/show';
import { attestationSchema, isModel, policyOf, valuesOf } from './attestation-values';
import { OrganizationSettings } from './settings';

vi.mock('next/navigation', () => ({
  usePathname: () => '/console/orgs/demo/settings',
  useSearchParams: () => new URLSearchParams(window.location.search),
  useRouter: () => ({ push: vi.fn(), prefetch: vi.fn() }),
}));

const place = '/api/v1/orgs/demo';
const key = { aaguid: '2fc0579f-8113-47ea-b116-bb5a8db9202a', name: 'Acme Key 5', certification: 'FIDO_CERTIFIED_L1plus', statuses: ['FIDO_CERTIFIED_L1plus'] };
const old = { aaguid: 'ee882879-721c-4913-9775-3dfcce97072a', name: 'Acme Key 4', statuses: ['REVOKED'] };
const unknown = '01020304-0506-0708-0102-030405060708'; // no UUID by RFC 9562
const loaded: AuthenticatorMetadata = {
  configured: true, loaded: true, stale: false, number: 87, models: 1204, next_update: '2026-12-01T00:00:00Z', loaded_at: '2026-11-20T08:00:00Z', checked_at: '2026-11-20T08:00:00Z', source: 'https://mds3.fidoalliance.org/',
};
const nobody: AttestationPreview = { passkeys: 0, people: 0, people_without_another: 0, sessions: { value: 0, exact: true }, models: [], sample: [] };
const somebody: AttestationPreview = {
  passkeys: 140, people: 120, people_without_another: 1, sessions: { value: 100_000, exact: false },
  models: [{ aaguid: key.aaguid, name: key.name, attested: true, passkeys: 140, people: 120, problem: 'passkey_model_refused' }, { attested: false, passkeys: 1, people: 1 }],
  sample: [{ id: '0193588f-4c00-7a10-8b5e-2f6d1c9a0102', username: 'ada@demo.test' }],
};

beforeEach(() => {
  vi.unstubAllGlobals();
  Element.prototype.scrollIntoView = vi.fn();
  window.history.replaceState(null, '', '/console/orgs/demo/settings?tab=authenticators');
  signIn();
});

const routes = (metadata: AuthenticatorMetadata = loaded, preview: AttestationPreview = nobody, attestation: object = {}) => ({
  [`GET ${place}`]: () => json(organizationWith({ attestation }), 200, { ETag: '"3"' }),
  [`PATCH ${place}`]: () => json(organizationWith(), 200, { ETag: '"4"' }),
  [`GET ${place}/authenticator-metadata`]: () => json(metadata),
  [`POST ${place}/attestation-preview`]: () => json(preview),
  [`GET ${place}/authenticator-models`]: (request: Request) => {
    const asked = new URL(request.url).searchParams;
    const ids = asked.get('aaguid');
    return json({ items: [old, key].filter((model) => (ids !== null ? ids.includes(model.aaguid) : model.name.toLowerCase().includes(asked.get('q') ?? ''))) });
  },
});

test('a model is found by keyboard, seen through and saved against what was read', async () => {
  const asked = answer(routes(loaded, somebody));
  const person = show(<OrganizationSettings />);
  const field = await screen.findByRole('combobox', { name: /^Denied models/ });
  await person.type(field, 'acme');
  expect(await screen.findByText('2 models found.')).toBeInTheDocument();
  expect(within(screen.getByRole('listbox', { name: 'Models for: Denied models' })).getAllByRole('option')).toHaveLength(2);
  expect(screen.getByRole('option', { name: /Acme Key 4/ })).toHaveTextContent('Revoked');
  await person.keyboard('{ArrowDown}');
  expect(field).toHaveAttribute('aria-activedescendant', screen.getByRole('option', { name: /Acme Key 5/ }).id);
  await person.keyboard('{Enter}');
  expect(await screen.findByRole('button', { name: 'Remove Acme Key 5' })).toBeVisible();
  expect(field).toHaveValue('');
  expect(asked.filter(({ method }) => method !== 'GET')).toHaveLength(0);

  await person.click(screen.getByRole('button', { name: 'See who is affected' }));
  const dialog = await screen.findByRole('dialog', { name: 'Who this affects' });
  expect(dialog).toHaveTextContent('140 passkeys of 120 people would not sign in');
  expect(dialog).toHaveTextContent('1 of these people has neither a password nor another passkey');
  expect(dialog).toHaveTextContent('more than 100,000 sessions');
  expect(within(dialog).getByRole('link', { name: /ada@demo.test/ })).toHaveAttribute('href', '/console/orgs/demo/users/0193588f-4c00-7a10-8b5e-2f6d1c9a0102');
  expect(within(dialog).getAllByRole('listitem').find((item) => item.textContent?.includes('Acme Key 5'))).toHaveTextContent('Not accepted');
  await person.click(within(dialog).getByRole('button', { name: 'Change something' }));
  await waitFor(() => expect(screen.queryByRole('dialog')).not.toBeInTheDocument());
  expect(asked.filter(({ method }) => method === 'PATCH')).toHaveLength(0);

  await person.click(screen.getByRole('button', { name: 'See who is affected' }));
  await person.click(within(await screen.findByRole('dialog')).getByRole('button', { name: 'Save policy' }));
  await waitFor(() => expect(asked.filter(({ method }) => method === 'PATCH')).toHaveLength(1));
  const sent = asked.find(({ method }) => method === 'PATCH')!;
  expect(sent.headers.get('If-Match')).toBe('"3"');
  expect(((await sent.json()) as { policies: { attestation: object } }).policies.attestation).toMatchObject({ conveyance: 'none', denied_models: [key.aaguid] });
  const previewed = asked.findLast(({ method }) => method === 'POST')!;
  expect(await previewed.json()).toMatchObject({ denied_models: [key.aaguid] });
});

test('a model that the metadata does not describe is entered by its AAGUID, and removed', async () => {
  answer(routes());
  const person = show(<OrganizationSettings />);
  await person.type(await screen.findByRole('combobox', { name: /^Allowed models/ }), unknown);
  await person.click(await screen.findByRole('option', { name: new RegExp(unknown) }));
  const chosen = await screen.findByRole('list', { name: 'Allowed models, chosen' });
  expect(chosen).toHaveTextContent('Not in the metadata');
  // What is demanded needs a proof: nothing is sent before.
  await person.click(screen.getByRole('button', { name: 'See who is affected' }));
  expect(await screen.findByText(/need a proof: choose direct or enterprise/)).toBeVisible();
  await person.click(within(chosen).getByRole('button', { name: `Remove ${unknown}` }));
  expect(screen.queryByRole('list', { name: 'Allowed models, chosen' })).not.toBeInTheDocument();
  expect(screen.getByRole('combobox', { name: /^Allowed models/ })).toHaveFocus();
  await person.type(screen.getByRole('combobox', { name: /^Allowed models/ }), 'nothing{Enter}');
  expect(await screen.findByText(/^No such model/)).toBeVisible();
});

test('nobody is affected', async () => {
  answer(routes());
  const person = show(<OrganizationSettings />);
  await person.click(await screen.findByRole('radio', { name: /The proof of the model/ }));
  await person.click(screen.getByRole('button', { name: 'See who is affected' }));
  expect(await screen.findByText('Every passkey goes on signing in')).toBeVisible();
  expect(screen.getByText('Nobody has one yet.')).toBeVisible();
});

test('what the server refuses stands at its field', async () => {
  answer({
    ...routes(),
    [`POST ${place}/attestation-preview`]: () => problem(422, 'attestation_invalid', { errors: [{ field: 'attestation.denied_models', code: 'attestation_invalid', message: 'A list has at most 500 models.' }] }),
  });
  const person = show(<OrganizationSettings />);
  await person.click(await screen.findByRole('button', { name: 'See who is affected' }));
  expect(await screen.findByText('A list has at most 500 models.')).toBeVisible();
  expect(screen.getByRole('combobox', { name: /^Denied models/ })).toBeInvalid();
  expect(screen.getByRole('combobox', { name: /^Denied models/ })).toHaveFocus();
  expect(screen.queryByRole('dialog')).not.toBeInTheDocument();
});

test('without metadata it is said what to set', async () => {
  answer({
    ...routes({ configured: false, loaded: false, stale: false, models: 0 }),
    [`POST ${place}/attestation-preview`]: () => problem(409, 'attestation_metadata_missing', { detail: 'The metadata of authenticators is not loaded.' }),
  });
  const person = show(<OrganizationSettings />);
  expect(await screen.findByText('No metadata is configured')).toBeVisible();
  expect(screen.getByText('CLAVEX_FIDO_METADATA_URL')).toBeVisible();
  await person.click(screen.getByRole('button', { name: 'See who is affected' }));
  expect(await screen.findByText('The metadata of authenticators is not loaded.')).toBeVisible();
});

test.each([
  ['loaded', loaded, ['1,204', '1 Dec 2026', 'https://mds3.fidoalliance.org/']],
  ['overdue', { ...loaded, stale: true }, ['A newer one is overdue', 'Overdue']],
  ['no longer refreshed', { ...loaded, configured: false }, ['It is not refreshed any more']],
  ['failed', { ...loaded, last_error: 'The BLOB is not signed by mds.fidoalliance.org' }, ['The last look failed', 'The BLOB is not signed by mds.fidoalliance.org']],
  ['not loaded yet', { configured: true, loaded: false, stale: false, models: 0, last_error: 'The host cannot be reached.' }, ['Nothing is loaded yet', 'The host cannot be reached.', 'never']],
])('the state of the metadata: %s', async (_, metadata, texts) => {
  answer(routes(metadata));
  show(<OrganizationSettings />);
  for (const text of texts) expect(await screen.findByText(text)).toBeVisible();
});

test('who only reads sees the policy, and nothing to press', async () => {
  setSession({ ...signedIn, permissions: ['organization:read'] });
  answer(routes(loaded, nobody, { denied_models: [key.aaguid] }));
  show(<OrganizationSettings />);
  expect(await screen.findByText('Acme Key 5')).toBeVisible();
  expect(screen.queryByRole('button', { name: 'See who is affected' })).not.toBeInTheDocument();
  expect(screen.queryByRole('combobox', { name: /^Denied models/ })).not.toBeInTheDocument();
});

test('what is sent is what was chosen', () => {
  const values = valuesOf({});
  expect(values).toMatchObject({ conveyance: 'none', minimum_certification: 'none', unknown_models: 'accept', existing_passkeys: 'accept' });
  expect(values.refused_statuses).toHaveLength(5);
  expect(policyOf({ ...values, refused_statuses: ['RETIRED', 'REVOKED', 'SOMETHING'] }).refused_statuses).toEqual(['REVOKED', 'RETIRED']);
  for (const change of [{ minimum_certification: 'FIDO_CERTIFIED_L2' }, { unknown_models: 'refuse' }, { allowed_models: [unknown], conveyance: 'indirect' }, { denied_models: ['x'] }, { allowed_models: [unknown], denied_models: [unknown], conveyance: 'direct' }]) {
    expect(attestationSchema.safeParse({ ...values, ...change }).success).toBe(false);
  }
  expect(attestationSchema.safeParse({ ...values, conveyance: 'enterprise', minimum_certification: 'FIDO_CERTIFIED_L2' }).success).toBe(true);
  expect([unknown, '00000000-0000-0000-0000-000000000000', 'yubikey', unknown.slice(1)].map(isModel)).toEqual([true, false, false, false]);
});
