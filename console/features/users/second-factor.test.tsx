import { screen, waitFor } from '@testing-library/react';
import { beforeEach, expect, test, vi } from 'vitest';
import type { User } from '@/lib/api';
import { answer, json, signIn } from '@/test/answers';
import { show } from '@/test/show';
import { SecondFactor } from './second-factor';

vi.mock('next/navigation', () => ({ usePathname: () => '/console/orgs/demo/users/u1', useSearchParams: () => new URLSearchParams(), useRouter: () => ({}) }));

beforeEach(() => {
  vi.unstubAllGlobals();
  window.history.replaceState(null, '', '/console/orgs/demo/users/u1');
  signIn();
});

const user = { id: 'u1', username: 'ada@demo.test' } as User;
const place = '/api/v1/orgs/demo/users/u1/second-factor';

test('a lost app is reset after a question', async () => {
  let there = true;
  const asked = answer({
    [`GET ${place}`]: () => json(there ? { authenticator_app: { added_at: '2026-01-01T00:00:00Z', last_used_at: '2026-01-02T00:00:00Z', recovery_codes_left: 1 } } : {}),
    [`DELETE ${place}`]: () => {
      there = false;
      return new Response(null, { status: 204 });
    },
  });
  const person = show(<SecondFactor user={user} />);
  expect(await screen.findByText(/1 recovery code is left/)).toBeVisible();
  await person.click(screen.getByRole('button', { name: 'Reset' }));
  expect(asked.filter(({ method }) => method === 'DELETE')).toHaveLength(0);
  await person.click(screen.getByRole('button', { name: 'Reset second factor' }));
  await waitFor(() => expect(screen.getByText('No authenticator app')).toBeVisible());
});

test('where there is none it says so', async () => {
  answer({ [`GET ${place}`]: () => json({}) });
  show(<SecondFactor user={user} />);
  expect(await screen.findByText('No authenticator app')).toBeVisible();
  expect(screen.queryByRole('button', { name: 'Reset' })).toBeNull();
});
