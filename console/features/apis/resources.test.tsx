import { screen, waitFor, within } from '@testing-library/react';
import { beforeEach, expect, test, vi } from 'vitest';
import type { Resource } from '@/lib/api';
import { setSession } from '@/lib/session';
import { answer, json, problem, signedIn, signIn } from '@/test/answers';
import { organizationWith } from '@/test/organization';
import { show } from '@/test/show';
import { Apis } from './apis';
import { patchOf, resourceSchema, valuesOf } from './resource-values';

vi.mock('next/navigation', () => ({
  usePathname: () => '/console/orgs/demo/apis',
  useSearchParams: () => new URLSearchParams(window.location.search),
  useRouter: () => ({ push: () => {} }),
}));

const organization = 'GET /api/v1/orgs/demo';
const list = 'GET /api/v1/orgs/demo/resources';
const payments: Resource = {
  id: '0193588f-4c00-7a10-8b5e-2f6d1c9a0701',
  identifier: 'https://api.example.com/payments',
  name: 'Payments',
  scopes: ['payments:read'],
  access_token_lifetime_seconds: 120,
  introspection_clients: ['payments-api'],
  published: false,
  created_at: '2026-01-01T00:00:00Z',
  updated_at: '2026-01-01T00:00:00Z',
  version: 4,
};
const one = `/api/v1/orgs/demo/resources/${payments.id}`;

beforeEach(() => {
  vi.unstubAllGlobals();
  window.history.replaceState(null, '', '/console/orgs/demo/apis');
  signIn();
});

function routes(more: Parameters<typeof answer>[0], items: Resource[] = [payments]) {
  return answer({ [organization]: () => json(organizationWith(), 200, { ETag: '"3"' }), [list]: () => json({ items }), ...more });
}

test('a resource server is registered with what was written, once', async () => {
  const asked = routes({ 'POST /api/v1/orgs/demo/resources': () => json(payments, 201) }, []);
  const person = show(<Apis />);
  await person.click(await screen.findByRole('button', { name: 'Register the first' }));
  const sheet = within(screen.getByRole('dialog'));
  await person.type(sheet.getByLabelText('Name'), 'Payments');
  await person.type(sheet.getByLabelText('Identifier'), 'payments');
  await person.click(sheet.getByRole('button', { name: 'Register' }));
  expect(await sheet.findByText('payments is not a complete address without a fragment.')).toBeInTheDocument();
  await person.clear(sheet.getByLabelText('Identifier'));
  await person.type(sheet.getByLabelText('Identifier'), 'https://api.example.com/payments');
  await person.type(sheet.getByLabelText(/^Scopes of its own/), 'payments:read payments:write');
  await person.click(sheet.getByRole('checkbox', { name: 'Publish it' }));
  await person.click(sheet.getByRole('button', { name: 'Register' }));
  await waitFor(() => expect(screen.queryByRole('dialog')).not.toBeInTheDocument());
  const sent = asked.find(({ method }) => method === 'POST')!;
  expect(sent.headers.get('Idempotency-Key')).toMatch(/^[0-9a-f-]{36}$/);
  expect(await sent.json()).toEqual({ name: 'Payments', identifier: 'https://api.example.com/payments', scopes: ['payments:read', 'payments:write'], introspection_clients: [], published: true });
});

test('a change is sent against the version that was shown, and what the server says stands at its field', async () => {
  const asked = routes({ [`PATCH ${one}`]: () => problem(422, 'resource_invalid', { errors: [{ field: 'identifier', code: 'identifier_taken', message: 'Another one is called so.' }] }) });
  const person = show(<Apis />);
  await person.click(await screen.findByRole('button', { name: 'Edit Payments' }));
  const sheet = within(screen.getByRole('dialog'));
  await person.type(sheet.getByLabelText('Identifier'), '/2');
  await person.click(sheet.getByRole('button', { name: 'Save resource server' }));
  await waitFor(() => expect(sheet.getByLabelText('Identifier')).toHaveAccessibleDescription(/Another one is called so/));
  const sent = asked.find(({ method }) => method === 'PATCH')!;
  expect(sent.headers.get('If-Match')).toBe('"4"');
  expect(await sent.json()).toEqual({ identifier: 'https://api.example.com/payments/2' });
});

test('deleting asks for its identifier', async () => {
  const asked = routes({ [`DELETE ${one}`]: () => new Response(null, { status: 204 }) });
  const person = show(<Apis />);
  await person.click(await screen.findByRole('button', { name: 'Delete Payments' }));
  const button = screen.getByRole('button', { name: 'Delete resource server' });
  expect(button).toBeDisabled();
  await person.type(screen.getByLabelText(/^Type https/), payments.identifier);
  await person.click(button);
  await waitFor(() => expect(asked.find(({ method }) => method === 'DELETE')?.headers.get('If-Match')).toBe('"4"'));
});

test('whoever only reads is offered no change; a list that cannot be read says so', async () => {
  setSession({ ...signedIn, permissions: ['organization:read'] });
  let broken = true;
  answer({ [organization]: () => json(organizationWith(), 200, { ETag: '"3"' }), [list]: () => (broken ? problem(500, 'internal_error') : json({ items: [payments] })) });
  const person = show(<Apis />);
  expect(await screen.findByText('The list could not be read')).toBeInTheDocument();
  broken = false;
  await person.click(screen.getByRole('button', { name: 'Try again' }));
  expect(await screen.findByText('https://api.example.com/payments')).toBeInTheDocument();
  expect(screen.queryByRole('button', { name: /Register|Edit|Delete/ })).not.toBeInTheDocument();
});

test('what was read and not touched changes nothing; a lifetime that is emptied becomes null', () => {
  const values = resourceSchema.parse(valuesOf(payments));
  expect(patchOf(payments, values)).toBeUndefined();
  expect(patchOf(payments, { ...values, access_token_lifetime_seconds: Number.NaN, published: true })).toEqual({ access_token_lifetime_seconds: null, published: true });
});
