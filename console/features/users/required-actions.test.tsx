import { screen, waitFor } from '@testing-library/react';
import { beforeEach, expect, test, vi } from 'vitest';
import type { User } from '@/lib/api';
import { answer, json, signIn } from '@/test/answers';
import { show } from '@/test/show';
import { RequiredActionBadges, RequiredActions } from './required-actions';

vi.mock('next/navigation', () => ({ usePathname: () => '/console/orgs/demo/users/u1', useSearchParams: () => new URLSearchParams(), useRouter: () => ({}) }));

beforeEach(() => {
  vi.unstubAllGlobals();
  window.history.replaceState(null, '', '/console/orgs/demo/users/u1');
  signIn();
});

const user = { id: 'u1', username: 'eva@demo.test', required_actions: ['change_password'] } as unknown as User;
const place = 'PATCH /api/v1/orgs/demo/users/u1';

test('what is required is saved against the version that was read', async () => {
  const asked = answer({ [place]: () => json(user, 200, { ETag: '"4"' }) });
  const person = show(<RequiredActions user={{ value: user, etag: '"3"' }} />);
  await person.click(screen.getByText('Require something'));
  expect(screen.getByRole('button', { name: 'Save required actions' })).toBeDisabled();
  await person.click(screen.getByRole('checkbox', { name: /^Make a passkey/ }));
  await person.click(screen.getByRole('checkbox', { name: /^Choose another password/ }));
  await person.click(screen.getByRole('button', { name: 'Save required actions' }));
  await waitFor(() => expect(asked).toHaveLength(1));
  expect(asked[0]!.headers.get('If-Match')).toBe('"3"');
  expect(await asked[0]!.json()).toEqual({ required_actions: ['enrol_passkey'] });
});

test('what is left to do stands beside the name', () => {
  show(<RequiredActionBadges actions={['verify_email', 'enrol_passkey']} />);
  expect(screen.getByText('Must prove the address')).toBeVisible();
  expect(screen.getByText('Must make a passkey')).toBeVisible();
  expect(screen.queryByText('Must choose a new password')).toBeNull();
});
