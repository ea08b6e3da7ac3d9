import { screen, waitFor } from '@testing-library/react';
import { beforeEach, expect, test, vi } from 'vitest';
import { signIn, answer, json, problem } from '@/test/answers';
import { organizationWith } from '@/test/organization';
import { show } from '@/test/show';
import { OrganizationSettings } from './settings';

vi.mock('next/navigation', () => ({
  usePathname: () => '/console/orgs/demo/settings',
  useSearchParams: () => new URLSearchParams(window.location.search),
  useRouter: () => ({ push: vi.fn(), prefetch: vi.fn() }),
}));

const read = 'GET /api/v1/orgs/demo';
const change = 'PATCH /api/v1/orgs/demo';
const profiles = 'GET /api/v1/orgs/demo/profiles';

const demands = {
  items: [
    { name: 'oauth2.1', demands: ['Every code is protected by PKCE with S256.'], clients_unmet: { value: 0, exact: true } },
    { name: 'fapi2-security', demands: ['Every access token is bound to its sender.'], clients_unmet: { value: 2, exact: true } },
  ],
};

beforeEach(() => {
  vi.unstubAllGlobals();
  window.history.replaceState(null, '', '/console/orgs/demo/settings?tab=policies');
  signIn();
});

test('what a profile demands is said in the words of the server, with the clients that would not meet it', async () => {
  answer({ [read]: () => json(organizationWith(), 200, { ETag: '"3"' }), [profiles]: () => json(demands) });
  const person = show(<OrganizationSettings />);
  expect(await screen.findByText('Every code is protected by PKCE with S256.')).toBeVisible();
  await person.click(screen.getByRole('radio', { name: /^FAPI 2\.0 ?For banks/ }));
  expect(await screen.findByText('Every access token is bound to its sender.')).toBeVisible();
  expect(screen.getByText(/^2 clients do not meet it\./)).toBeVisible();
});

test('how many sessions a person has is a number, and only what changed is sent', async () => {
  const asked = answer({ [read]: () => json(organizationWith(), 200, { ETag: '"3"' }), [profiles]: () => json(demands), [change]: () => json(organizationWith({ sessions_per_person: 3 }), 200, { ETag: '"4"' }) });
  const person = show(<OrganizationSettings />);
  const limit = await screen.findByLabelText(/^Browsers that a person is signed in with/);
  await person.clear(limit);
  await person.type(limit, '101');
  await person.click(screen.getByRole('button', { name: 'Save policies' }));
  expect(await screen.findByText('Choose a number from 0 to 100; 0 sets no limit.')).toBeVisible();
  await person.clear(limit);
  await person.type(limit, '3');
  await person.click(screen.getByRole('button', { name: 'Save policies' }));
  await waitFor(() => expect(asked.filter(({ method }) => method === 'PATCH')).toHaveLength(1));
  expect(await asked.find(({ method }) => method === 'PATCH')!.json()).toEqual({ policies: { sessions_per_person: 3 } });
});

test('staying signed in is offered with its own lifetimes, and sessions are not bound to the browser', async () => {
  const asked = answer({ [read]: () => json(organizationWith(), 200, { ETag: '"3"' }), [profiles]: () => json(demands), [change]: () => json(organizationWith({ remember_me: 'offered' }), 200, { ETag: '"4"' }) });
  const person = show(<OrganizationSettings />);
  expect(await screen.findByRole('radio', { name: /^Nobody stays signed in/ })).toBeChecked();
  expect(screen.queryByText(/^Who stays signed in is signed out when unused for/)).toBeNull();
  await person.click(screen.getByRole('radio', { name: /^People may stay signed in/ }));
  expect(screen.getByText(/^Who stays signed in is signed out when unused for/)).toBeVisible();
  await person.click(screen.getByRole('radio', { name: /^Nothing but the cookie/ }));
  await person.click(screen.getByRole('button', { name: 'Save policies' }));
  await waitFor(() => expect(asked.filter(({ method }) => method === 'PATCH')).toHaveLength(1));
  expect(await asked.find(({ method }) => method === 'PATCH')!.json()).toEqual({ policies: { remember_me: 'offered', session_binding: 'off' } });
});

test('the policy for tokens is sent whole, and what is wrong with it is said at its field', async () => {
  const asked = answer({
    [read]: () => json(organizationWith({ token_policy: { refresh_token_rotation: 'keep' } }), 200, { ETag: '"3"' }),
    [profiles]: () => json(demands),
    [change]: () => problem(422, 'token_policy_invalid', { errors: [{ field: 'policies.token_policy.default_resources', code: 'token_policy_invalid', message: 'There is no such resource server.' }] }),
  });
  const person = show(<OrganizationSettings />);
  await person.selectOptions(await screen.findByLabelText('Access tokens are'), 'opaque');
  await person.type(screen.getByLabelText(/^APIs that tokens are for/), 'https://api.example/');
  await person.click(screen.getByRole('button', { name: 'Save policies' }));
  expect(await screen.findByText('There is no such resource server.')).toBeVisible();
  await waitFor(() => expect(asked.filter(({ method }) => method === 'PATCH')).toHaveLength(1));
  const sent = asked.find(({ method }) => method === 'PATCH')!;
  expect(await sent.json()).toEqual({ policies: { token_policy: { access_token_format: 'opaque', refresh_token_rotation: 'keep', default_resources: ['https://api.example/'] } } });
});
