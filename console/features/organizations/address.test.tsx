import { screen, waitFor, within } from '@testing-library/react';
import { beforeEach, expect, test, vi } from 'vitest';
import type { Domain, DomainList } from '@/lib/api';
import { answer, json, problem, signIn } from '@/test/answers';
import { organizationWith } from '@/test/organization';
import { show } from '@/test/show';
import { OrganizationSettings } from './settings';

vi.mock('next/navigation', () => ({
  usePathname: () => '/console/orgs/demo/settings',
  useSearchParams: () => new URLSearchParams(window.location.search),
  useRouter: () => ({ push: vi.fn(), prefetch: vi.fn() }),
}));

const place = '/api/v1/orgs/demo/domains';
const domain = (change: Partial<Domain> = {}): Domain => ({
  id: '0193588f-4c00-7a10-8b5e-2f6d1c9a0c01',
  host: 'login.acme.example',
  record: { name: '_clavex.login.acme.example', value: 'clavex-domain=abc' },
  status: 'claimed',
  created_at: '2026-11-26T08:00:00Z',
  ...change,
});
const list = (items: Domain[], address: Partial<DomainList['address']> = {}): DomainList => ({
  items,
  address: { issuer: 'https://id.example.com/demo', passkey_party: 'id.example.com', passkeys_here: 2, passkeys_elsewhere: 0, version: 3, ...address },
});

beforeEach(() => {
  vi.unstubAllGlobals();
  window.history.replaceState(null, '', '/console/orgs/demo/settings?tab=address');
  signIn();
});

const organization = () => json(organizationWith(), 200, { ETag: '"3"' });

test('a domain is claimed, and the record that proves it is shown', async () => {
  let domains = list([]);
  const asked = answer({
    'GET /api/v1/orgs/demo': organization,
    [`GET ${place}`]: () => json(domains),
    [`POST ${place}`]: () => {
      domains = list([domain()]);
      return json(domain(), 201);
    },
    [`POST ${place}/${domain().id}/verification`]: () => problem(409, 'domain_record_missing', { detail: 'The TXT record was not found.' }),
  });
  const person = show(<OrganizationSettings />);
  expect(await screen.findByText('https://id.example.com/demo')).toBeVisible();
  expect(screen.getByRole('button', { name: 'Claim domain' })).toBeDisabled();
  await person.type(screen.getByLabelText('Another domain'), ' login.acme.example ');
  await person.click(screen.getByRole('button', { name: 'Claim domain' }));
  expect(await screen.findByText('clavex-domain=abc')).toBeVisible();
  expect(await asked.find(({ method }) => method === 'POST')!.json()).toEqual({ host: 'login.acme.example' });
  await person.click(screen.getByRole('button', { name: 'Check the record of login.acme.example' }));
  expect(await screen.findByText(/TXT record was not found/)).toBeVisible();
});

test('moving says what it means, and is done against what was read', async () => {
  const asked = answer({
    'GET /api/v1/orgs/demo': organization,
    [`GET ${place}`]: () => json(list([domain({ status: 'proved' })])),
    'PUT /api/v1/orgs/demo/address': () => json(list([]).address, 200, { ETag: '"4"' }),
  });
  const person = show(<OrganizationSettings />);
  await person.click(await screen.findByRole('button', { name: 'Move to login.acme.example' }));
  const dialog = within(screen.getByRole('dialog'));
  expect(dialog.getByText(/^2 people have passkeys/)).toBeVisible();
  const days = dialog.getByLabelText(/^Days for which/);
  await person.clear(days);
  await person.type(days, '366');
  expect(dialog.getByRole('button', { name: 'Move the organization' })).toBeDisabled();
  await person.clear(days);
  await person.type(days, '60');
  await person.click(dialog.getByRole('button', { name: 'Move the organization' }));
  await waitFor(() => expect(asked.filter(({ method }) => method === 'PUT')).toHaveLength(1));
  const sent = asked.find(({ method }) => method === 'PUT')!;
  expect(sent.headers.get('If-Match')).toBe('"3"');
  expect(await sent.json()).toEqual({ domain: 'login.acme.example', grace_days: 60 });
});

test('a domain that does not lead here is moved to only by who says so', async () => {
  const asked = answer({
    'GET /api/v1/orgs/demo': organization,
    [`GET ${place}`]: () => json(list([domain({ status: 'proved' })])),
    'PUT /api/v1/orgs/demo/address': (request) =>
      request
        .clone()
        .json()
        .then((body: { unchecked?: boolean }) => (body.unchecked ? json(list([]).address, 200, { ETag: '"4"' }) : problem(409, 'domain_unreached', { detail: 'https://login.acme.example leads to another server.' }))),
  });
  const person = show(<OrganizationSettings />);
  await person.click(await screen.findByRole('button', { name: 'Move to login.acme.example' }));
  const dialog = within(screen.getByRole('dialog'));
  expect(dialog.queryByRole('checkbox')).toBeNull();
  await person.click(dialog.getByRole('button', { name: 'Move the organization' }));
  expect(await dialog.findByRole('alert')).toHaveTextContent('leads to another server');
  await person.click(dialog.getByRole('checkbox', { name: 'Move all the same' }));
  await person.click(dialog.getByRole('button', { name: 'Move the organization' }));
  await waitFor(() => expect(asked.filter(({ method }) => method === 'PUT')).toHaveLength(2));
  expect(await asked.filter(({ method }) => method === 'PUT')[1]!.json()).toEqual({ domain: 'login.acme.example', grace_days: 30, unchecked: true });
});

test('the address before can be given up', async () => {
  const asked = answer({
    'GET /api/v1/orgs/demo': organization,
    [`GET ${place}`]: () =>
      json(list([domain({ status: 'present' })], { issuer: 'https://login.acme.example', domain: 'login.acme.example', passkeys_elsewhere: 1, former: { issuer: 'https://id.example.com/demo', until: '2099-01-01T00:00:00Z' } })),
    'DELETE /api/v1/orgs/demo/address/former': () => new Response(null, { status: 204 }),
  });
  const person = show(<OrganizationSettings />);
  expect(await screen.findByText('1 person has passkeys of other addresses only')).toBeVisible();
  expect(screen.queryByRole('button', { name: 'Remove login.acme.example' })).toBeNull();
  await person.click(screen.getByRole('button', { name: 'Stop serving it' }));
  const dialog = within(screen.getByRole('dialog'));
  await person.click(dialog.getByRole('button', { name: 'Stop serving it' }));
  await waitFor(() => expect(asked.find(({ method }) => method === 'DELETE')?.headers.get('If-Match')).toBe('"3"'));
});
