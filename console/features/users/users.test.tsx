import { QueryClientProvider } from '@tanstack/react-query';
import { render, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import type { ReactNode } from 'react';
import { beforeEach, expect, test, vi } from 'vitest';
import { TooltipProvider } from '@/components/ui/tooltip';
import type { User } from '@/lib/api';
import { makeQueryClient } from '@/lib/query';
import { answer, json, problem, signIn } from '@/test/answers';
import { organizationWith } from '@/test/organization';
import { bodyOf, UserCreate } from './create';
import { UserList } from './list';
import { patchOf, profileSchema, valuesOf } from './profile-values';

const router = { push: vi.fn(), replace: vi.fn(), prefetch: vi.fn() };
vi.mock('next/navigation', () => ({
  usePathname: () => '/console/orgs/demo/users',
  useSearchParams: () => new URLSearchParams(window.location.search),
  useRouter: () => router,
}));

beforeEach(() => {
  vi.unstubAllGlobals();
  vi.clearAllMocks();
  window.history.replaceState(null, '', '/console/orgs/demo/users');
  signIn();
});

function show(page: ReactNode) {
  const client = makeQueryClient();
  client.setDefaultOptions({ queries: { retry: false } });
  render(
    <QueryClientProvider client={client}>
      <TooltipProvider>{page}</TooltipProvider>
    </QueryClientProvider>,
  );
  return userEvent.setup();
}

const ada: User = {
  id: '0193588f-4c00-7a10-8b5e-2f6d1c9a0101',
  username: 'ada@demo.test',
  email: 'ada@demo.test',
  email_verified: true,
  phone_number_verified: false,
  status: 'active',
  profile: { name: 'Ada Lovelace', address: { formatted: '1 Square', locality: 'London' } },
  attributes: { department: 'Analytics' },
  required_actions: [],
  has_password: true,
  created_at: '2026-01-01T00:00:00Z',
  updated_at: '2026-01-01T00:00:00Z',
  version: 3,
};

const list = 'GET /api/v1/orgs/demo/users';

test('a list shows what was found, page by page, without losing the first', async () => {
  const asked = answer({
    [list]: (request) => (new URL(request.url).searchParams.get('cursor') === 'c1' ? json({ items: [{ ...ada, id: '2', username: 'grace@demo.test', name: 'Grace' }] }) : json({ items: [{ ...ada, name: 'Ada' }], next_cursor: 'c1' })),
  });
  const person = show(<UserList />);
  expect(screen.getByRole('status', { name: 'Loading' })).toBeInTheDocument();
  expect(await screen.findByRole('link', { name: 'Ada' })).toHaveAttribute('href', `/console/orgs/demo/users/${ada.id}`);
  await person.click(screen.getByRole('button', { name: 'Show more' }));
  expect(await screen.findByRole('link', { name: 'Grace' })).toBeInTheDocument();
  expect(screen.getByRole('link', { name: 'Ada' })).toBeInTheDocument();
  expect(asked).toHaveLength(2);
});

test('filters of the address are asked for', async () => {
  window.history.replaceState(null, '', '/console/orgs/demo/users?q=ada&status=disabled&sort=-created_at');
  const asked = answer({ [list]: () => json({ items: [] }) });
  show(<UserList />);
  expect(await screen.findByText('Nothing matches these filters')).toBeInTheDocument();
  expect(Object.fromEntries(new URL(asked[0]!.url).searchParams)).toEqual({ q: 'ada', status: 'disabled', sort: '-created_at' });
});

test('an empty list says what to do', async () => {
  answer({ [list]: () => json({ items: [] }) });
  show(<UserList />);
  expect(await screen.findByText('No users yet')).toBeInTheDocument();
});

test('a list that could not be read says why, with the request id, and tries again', async () => {
  let failing = true;
  answer({ [list]: () => (failing ? problem(500, 'internal_error') : json({ items: [{ ...ada, name: 'Ada' }] })) });
  const person = show(<UserList />);
  const alert = await screen.findByRole('alert');
  expect(within(alert).getByText('request-1')).toBeInTheDocument();
  failing = false;
  await person.click(within(alert).getByRole('button', { name: 'Try again' }));
  expect(await screen.findByRole('link', { name: 'Ada' })).toBeInTheDocument();
});

test('disabling several asks first, uses each one’s version, and tells which refused', async () => {
  const user = (id: string) => `/api/v1/orgs/demo/users/${id}`;
  const asked = answer({
    [list]: () => json({ items: ['1', '2'].map((id) => ({ ...ada, id, username: `user-${id}`, name: '' })) }),
    [`GET ${user('1')}`]: () => json(ada, 200, { ETag: '"3"' }),
    [`PATCH ${user('1')}`]: () => json(ada, 200, { ETag: '"4"' }),
    [`GET ${user('2')}`]: () => json(ada, 200, { ETag: '"9"' }),
    [`PATCH ${user('2')}`]: () => problem(412, 'version_mismatch'),
  });
  const person = show(<UserList />);
  await person.click(await screen.findByRole('checkbox', { name: 'Choose all' }));
  await person.click(screen.getByRole('button', { name: 'Disable' }));
  expect(asked.filter((request) => request.method === 'PATCH')).toHaveLength(0);
  await person.click(within(screen.getByRole('dialog')).getByRole('button', { name: 'Disable' }));
  expect(await screen.findByText('user-2: Because of version_mismatch.')).toBeInTheDocument();
  expect(asked.filter((request) => request.method === 'PATCH').map((request) => request.headers.get('If-Match'))).toEqual(['"3"', '"9"']);
});

test('a refused creation comes back to its field, and the next attempt has the same idempotency key', async () => {
  let taken = true;
  const asked = answer({
    'GET /api/v1/orgs/demo': () => json(organizationWith(), 200, { ETag: '"1"' }),
    'POST /api/v1/orgs/demo/users': () => (taken ? problem(409, 'username_taken', { errors: [{ field: 'username', code: 'username_taken', message: 'Somebody has this username.' }] }) : json(ada, 201)),
  });
  const person = show(<UserCreate />);
  await person.type(screen.getByRole('textbox', { name: 'E-mail' }), 'ada@demo.test');
  await person.click(screen.getByRole('button', { name: 'Create user' }));
  expect(await screen.findByText('Somebody has this username.')).toBeInTheDocument();
  await waitFor(() => expect(screen.getByRole('textbox', { name: 'E-mail' })).toHaveFocus());
  taken = false;
  await person.click(screen.getByRole('button', { name: 'Create user' }));
  await waitFor(() => expect(router.push).toHaveBeenCalledWith(`/console/orgs/demo/users/${ada.id}?tab=sign-in`));
  const keys = asked.filter(({ method }) => method === 'POST').map((request) => request.headers.get('Idempotency-Key'));
  expect(keys[0]).toBeTruthy();
  expect(keys[0]).toBe(keys[1]);
});

test('nothing is sent while something is missing', async () => {
  const asked = answer({ 'GET /api/v1/orgs/demo': () => json(organizationWith({ password_minimum_length: 15 }), 200, { ETag: '"1"' }) });
  const person = show(<UserCreate />);
  await person.click(screen.getByRole('button', { name: 'Create user' }));
  expect(await screen.findByText('Give an e-mail address, or a username below.')).toBeInTheDocument();
  expect(screen.getByRole('textbox', { name: 'E-mail' })).toHaveAccessibleDescription(/Give an e-mail address/);
  await person.click(screen.getByRole('radio', { name: /^Password/ }));
  expect(await screen.findByText(/^At least 15 characters/)).toBeVisible();
  expect(asked.filter(({ method }) => method !== 'GET')).toHaveLength(0);
});

test('the e-mail address is the username unless another is given, and no password is sent with a link', () => {
  const values = { email: 'a@b.c', username: '', given_name: 'Ada', family_name: '', phone_number: '', email_verified: true, way: 'link' as const, locale: '' as const, password: 'left over', password_temporary: true };
  expect(bodyOf(values)).toEqual({ username: 'a@b.c', email: 'a@b.c', email_verified: true, profile: { name: 'Ada', given_name: 'Ada' } });
  expect(bodyOf({ ...values, username: 'ada', way: 'password', password: 'x' })).toMatchObject({ username: 'ada', password: 'x', password_temporary: true });
});

test('a profile that was not touched changes nothing', () => {
  expect(patchOf(ada, profileSchema.parse(valuesOf(ada)))).toBeUndefined();
});

test('a changed claim replaces the profile and keeps what has no field', () => {
  expect(patchOf(ada, { ...valuesOf(ada), locality: 'Paris', email: '', attributes: '{}' })).toEqual({
    email: null,
    profile: { name: 'Ada Lovelace', address: { formatted: '1 Square', locality: 'Paris' } },
    attributes: {},
  });
});

test.each(['[]', '1', '{', 'null'])('attributes must be an object: %s', (attributes) => {
  expect(profileSchema.safeParse({ ...valuesOf(ada), attributes }).success).toBe(false);
});
