import { screen, within } from '@testing-library/react';
import { beforeEach, expect, test, vi } from 'vitest';
import type { User, UserIdentity } from '@/lib/api';
import { answer, json, problem, signIn } from '@/test/answers';
import { show } from '@/test/show';
import { Identities } from './identities';

vi.mock('next/navigation', () => ({ usePathname: () => '/console/orgs/demo/users/u1', useSearchParams: () => new URLSearchParams(), useRouter: () => ({}) }));

beforeEach(() => {
  vi.unstubAllGlobals();
  window.history.replaceState(null, '', '/console/orgs/demo/users/u1');
  signIn();
});

const user = { id: 'u1', username: 'ada@demo.test', has_password: false } as User;
const identity: UserIdentity = {
  id: 'i1',
  identity_provider_id: 'p1',
  identity_provider_name: 'Corp',
  subject: '4711',
  name: 'countess@corp.test',
  created_at: '2026-01-01T00:00:00Z',
  last_used_at: '2026-01-02T00:00:00Z',
};
const list = 'GET /api/v1/orgs/demo/users/u1/identities';

test('accounts elsewhere are listed, and where there is none it says so', async () => {
  answer({ [list]: () => json({ items: [identity, { ...identity, id: 'i2', name: undefined }] }) });
  show(<Identities user={user} />);
  expect(await screen.findByRole('heading', { name: 'countess@corp.test at Corp' })).toBeVisible();
  expect(screen.getByRole('heading', { name: 'Corp' })).toBeVisible();
  expect(screen.getAllByText('sub 4711')).toHaveLength(2);
});

test('one is unlinked after its consequence was read', async () => {
  let linked = true;
  const asked = answer({
    [list]: () => json({ items: linked ? [identity] : [] }),
    'DELETE /api/v1/orgs/demo/users/u1/identities/i1': () => {
      linked = false;
      return new Response(null, { status: 204 });
    },
  });
  const person = show(<Identities user={user} />);
  await person.click(await screen.findByRole('button', { name: 'Unlink countess@corp.test at Corp' }));
  const dialog = within(screen.getByRole('dialog'));
  expect(dialog.getByText(/everything that they are signed in to ends.*There is no password/)).toBeVisible();
  expect(asked.some(({ method }) => method === 'DELETE')).toBe(false);
  await person.click(dialog.getByRole('button', { name: 'Unlink account' }));
  expect(await screen.findByText('No account elsewhere')).toBeVisible();
});

test('what went wrong is said', async () => {
  answer({ [list]: () => problem(500, 'internal_error') });
  show(<Identities user={user} />);
  expect(await screen.findByRole('alert')).toBeVisible();
});
