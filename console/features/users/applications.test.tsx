import { QueryClientProvider } from '@tanstack/react-query';
import { render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, test, vi } from 'vitest';
import { TooltipProvider } from '@/components/ui/tooltip';
import type { Consent, User } from '@/lib/api';
import { makeQueryClient } from '@/lib/query';
import { answer, json, problem, signIn } from '@/test/answers';
import { Applications } from './applications';

vi.mock('next/navigation', () => ({ usePathname: () => '/console/orgs/demo/users/u1', useSearchParams: () => new URLSearchParams(), useRouter: () => ({}) }));

beforeEach(() => {
  vi.unstubAllGlobals();
  window.history.replaceState(null, '', '/console/orgs/demo/users/u1');
  signIn();
});

const user = { id: 'u1', username: 'ada@demo.test' } as User;
const consent = (id: string, name: string): Consent => ({
  client_id: id,
  client_name: name,
  scopes: ['openid', 'offline_access'],
  created_at: '2026-01-01T00:00:00Z',
  updated_at: '2026-01-02T00:00:00Z',
});
const list = 'GET /api/v1/orgs/demo/users/u1/consents';

function show() {
  const client = makeQueryClient();
  client.setDefaultOptions({ queries: { retry: false } });
  render(
    <QueryClientProvider client={client}>
      <TooltipProvider>
        <Applications user={user} />
      </TooltipProvider>
    </QueryClientProvider>,
  );
  return userEvent.setup();
}

test('applications stand with scopes and dates, page by page', async () => {
  answer({
    [list]: (request) => json(new URL(request.url).searchParams.get('cursor') ? { items: [consent('c2', 'Calendar')] } : { items: [consent('c1', 'Payroll')], next_cursor: 'n' }),
  });
  const person = show();
  expect(await screen.findByRole('link', { name: 'Payroll' })).toHaveAttribute('href', '/console/orgs/demo/clients/c1');
  expect(within(screen.getByRole('list', { name: 'Scopes' })).getByText('offline_access')).toBeInTheDocument();
  await person.click(screen.getByRole('button', { name: 'Show more' }));
  expect(await screen.findByRole('link', { name: 'Calendar' })).toBeInTheDocument();
});

test('withdrawing asks first, and what is gone is gone', async () => {
  let withdrawn = false;
  const asked = answer({
    [list]: () => json({ items: withdrawn ? [] : [consent('c1', 'Payroll')] }),
    'DELETE /api/v1/orgs/demo/users/u1/consents/c1': () => {
      withdrawn = true;
      return new Response(null, { status: 204 });
    },
  });
  const person = show();
  await person.click(await screen.findByRole('button', { name: 'Withdraw consent for Payroll' }));
  expect(asked.filter((request) => request.method === 'DELETE')).toHaveLength(0);
  await person.click(within(screen.getByRole('dialog')).getByRole('button', { name: 'Withdraw consent' }));
  expect(await screen.findByText('No application yet')).toBeInTheDocument();
});

test('a refusal stays in the question', async () => {
  answer({ [list]: () => json({ items: [consent('c1', 'Payroll')] }), 'DELETE /api/v1/orgs/demo/users/u1/consents/c1': () => problem(403, 'forbidden') });
  const person = show();
  await person.click(await screen.findByRole('button', { name: 'Withdraw consent for Payroll' }));
  await person.click(within(screen.getByRole('dialog')).getByRole('button', { name: 'Withdraw consent' }));
  expect(await within(screen.getByRole('dialog')).findByText(/Because of forbidden/)).toBeInTheDocument();
});
