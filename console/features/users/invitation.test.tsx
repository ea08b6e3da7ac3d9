import { screen, waitFor } from '@testing-library/react';
import { beforeEach, expect, test, vi } from 'vitest';
import type { User } from '@/lib/api';
import { answer, json, problem, signIn } from '@/test/answers';
import { organizationWith } from '@/test/organization';
import { show } from '@/test/show';
import { UserCreate } from './create';
import { Invitation } from './invitation';

const router = { push: vi.fn(), prefetch: vi.fn() };
vi.mock('next/navigation', () => ({
  usePathname: () => '/console/orgs/demo/users/u1',
  useSearchParams: () => new URLSearchParams(window.location.search),
  useRouter: () => router,
}));

beforeEach(() => {
  vi.unstubAllGlobals();
  vi.clearAllMocks();
  window.history.replaceState(null, '', '/console/orgs/demo/users/u1');
  signIn();
});

const user = { id: 'u1', username: 'eva@demo.test', email: 'eva@demo.test', status: 'active' } as User;
const sent = { state: 'invited', email: 'eva@demo.test', sent_at: '2026-11-26T08:00:00Z', expires_at: '2026-12-03T08:00:00Z' } as const;
const place = '/api/v1/orgs/demo/users/u1/invitation';

test('an invitation is sent again, and revoked after a question', async () => {
  const asked = answer({ [`POST ${place}`]: () => json(sent), [`DELETE ${place}`]: () => new Response(null, { status: 204 }) });
  const person = show(<Invitation user={{ ...user, invitation: sent }} mayInvite />);
  expect(screen.getByText('Invited')).toBeVisible();
  await person.click(screen.getByRole('button', { name: 'Send again' }));
  expect(await screen.findByText('An invitation goes to eva@demo.test')).toBeInTheDocument();
  await person.click(screen.getByRole('button', { name: 'Revoke' }));
  expect(asked.filter(({ method }) => method === 'DELETE')).toHaveLength(0);
  await person.click(screen.getByRole('button', { name: 'Revoke invitation' }));
  await waitFor(() => expect(asked.filter(({ method }) => method === 'DELETE')).toHaveLength(1));
});

test('who can sign in is not invited, and why it went wrong is said', async () => {
  answer({ [`POST ${place}`]: () => problem(422, 'mail_not_configured') });
  const person = show(<Invitation user={user} mayInvite />);
  await person.click(screen.getByRole('button', { name: 'Send an invitation' }));
  expect(await screen.findByRole('alert')).toHaveTextContent('mail_not_configured');
});

test('an accepted invitation says so and offers nothing', () => {
  answer({});
  show(<Invitation user={{ ...user, invitation: { ...sent, state: 'accepted', accepted_at: '2026-11-27T08:00:00Z' } }} mayInvite={false} />);
  expect(screen.getByText('Accepted')).toBeVisible();
  expect(screen.queryByRole('button')).toBeNull();
});

test('inviting makes the user and sends the mail in one request', async () => {
  window.history.replaceState(null, '', '/console/orgs/demo/users/new?way=invitation');
  const asked = answer({
    'GET /api/v1/orgs/demo': () => json(organizationWith(), 200, { ETag: '"1"' }),
    'POST /api/v1/orgs/demo/users': () => json({ ...user, invitation: sent }, 201),
  });
  const person = show(<UserCreate />);
  await person.click(screen.getByRole('button', { name: 'Send invitation' }));
  expect(await screen.findByText('An invitation goes by mail: give an e-mail address.')).toBeVisible();
  await person.type(screen.getByRole('textbox', { name: 'E-mail' }), 'eva@demo.test');
  await person.selectOptions(screen.getByRole('combobox', { name: /^Language/ }), 'it');
  await person.click(screen.getByRole('button', { name: 'Send invitation' }));
  await waitFor(() => expect(router.push).toHaveBeenCalledWith('/console/orgs/demo/users/u1?tab=sign-in'));
  expect(await asked.find(({ method }) => method === 'POST')!.json()).toEqual({ username: 'eva@demo.test', email: 'eva@demo.test', email_verified: false, profile: { locale: 'it' }, invite: true });
});
