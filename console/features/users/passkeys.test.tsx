import { QueryClientProvider } from '@tanstack/react-query';
import { render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, test, vi } from 'vitest';
import { TooltipProvider } from '@/components/ui/tooltip';
import type { Passkey, User } from '@/lib/api';
import { makeQueryClient } from '@/lib/query';
import { answer, json, signIn } from '@/test/answers';
import { Passkeys } from './passkeys';

vi.mock('next/navigation', () => ({ usePathname: () => '/console/orgs/demo/users/u1', useSearchParams: () => new URLSearchParams(), useRouter: () => ({}) }));

beforeEach(() => {
  vi.unstubAllGlobals();
  window.history.replaceState(null, '', '/console/orgs/demo/users/u1');
  signIn();
});

const user = { id: 'u1', username: 'ada@demo.test', has_password: false } as User;
const passkey = (id: string, name: string, more: Partial<Passkey> = {}): Passkey => ({
  id,
  name,
  rp_id: 'id.example.com',
  backup_eligible: true,
  backed_up: true,
  transports: ['internal'],
  attestation_format: 'none',
  attested: false,
  created_at: '2026-01-01T00:00:00Z',
  ...more,
});
const list = 'GET /api/v1/orgs/demo/users/u1/passkeys';

function show() {
  const client = makeQueryClient();
  client.setDefaultOptions({ queries: { retry: false } });
  render(
    <QueryClientProvider client={client}>
      <TooltipProvider>
        <Passkeys user={user} />
      </TooltipProvider>
    </QueryClientProvider>,
  );
  return userEvent.setup();
}

test('passkeys are listed with what is known of them', async () => {
  answer({ [list]: () => json({ items: [passkey('p1', 'Laptop'), passkey('p2', 'Key', { backup_eligible: false, suspended_at: '2026-01-02T00:00:00Z', aaguid: 'adce0002-35bc-c60a-648b-0b25f1f05503' })] }) });
  show();
  expect(await screen.findByText('Laptop')).toBeVisible();
  const items = screen.getAllByRole('listitem');
  expect(within(items[0]!).getByText('Synchronized')).toBeVisible();
  expect(within(items[0]!).getByText(/never used, for id\.example\.com/)).toBeVisible();
  expect(within(items[1]!).getByText('May have been copied')).toBeVisible();
  expect(within(items[1]!).getByText(/adce0002/)).toBeVisible();
});

test('where there is none it says so', async () => {
  answer({ [list]: () => json({ items: [] }) });
  show();
  expect(await screen.findByText('No passkey yet')).toBeVisible();
});

test('one is removed after its consequence was read', async () => {
  let removed = false;
  const asked = answer({
    [list]: () => json({ items: removed ? [] : [passkey('p1', 'Laptop')] }),
    'DELETE /api/v1/orgs/demo/users/u1/passkeys/p1': () => {
      removed = true;
      return new Response(null, { status: 204 });
    },
  });
  const person = show();
  await person.click(await screen.findByRole('button', { name: 'Remove the passkey Laptop' }));
  expect(within(screen.getByRole('dialog')).getByText(/the user needs a one-time link/)).toBeVisible();
  expect(asked.filter((request) => request.method === 'DELETE')).toHaveLength(0);
  await person.click(within(screen.getByRole('dialog')).getByRole('button', { name: 'Remove passkey' }));
  expect(await screen.findByText('No passkey yet')).toBeInTheDocument();
});
