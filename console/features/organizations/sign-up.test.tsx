import { screen, waitFor } from '@testing-library/react';
import { beforeEach, expect, test, vi } from 'vitest';
import { signIn, answer, json, problem } from '@/test/answers';
import { organizationWith } from '@/test/organization';
import { show } from '@/test/show';
import { OrganizationSettings } from './settings';
import { patchOf, signUpSchema, valuesOf } from './sign-up-values';

vi.mock('next/navigation', () => ({
  usePathname: () => '/console/orgs/demo/settings',
  useSearchParams: () => new URLSearchParams(window.location.search),
  useRouter: () => ({ push: vi.fn(), prefetch: vi.fn() }),
}));

const read = 'GET /api/v1/orgs/demo';
const change = 'PATCH /api/v1/orgs/demo';

beforeEach(() => {
  vi.unstubAllGlobals();
  window.history.replaceState(null, '', '/console/orgs/demo/settings?tab=accounts');
  signIn();
});

test('who makes accounts is saved against the version that was read', async () => {
  const asked = answer({ [read]: () => json(organizationWith(), 200, { ETag: '"3"' }), [change]: () => json(organizationWith({ sign_up: 'open' }), 200, { ETag: '"4"' }) });
  const person = show(<OrganizationSettings />);
  await person.click(await screen.findByRole('radio', { name: /^People themselves/ }));
  await person.type(screen.getByLabelText(/^Domains of email addresses/), 'acme.example');
  await person.click(screen.getByRole('button', { name: 'Save accounts' }));
  await waitFor(() => expect(asked.filter(({ method }) => method === 'PATCH')).toHaveLength(1));
  const sent = asked.find(({ method }) => method === 'PATCH')!;
  expect(sent.headers.get('If-Match')).toBe('"3"');
  expect(await sent.json()).toEqual({ policies: { sign_up: 'open', sign_up_email_domains: ['acme.example'] } });
});

test('that mail is missing is said where it matters', async () => {
  answer({
    [read]: () => json(organizationWith(), 200, { ETag: '"3"' }),
    [change]: () => problem(422, 'mail_not_configured', { errors: [{ field: 'policies.sign_up', code: 'mail_not_configured', message: 'Nobody can sign up before mail is sent.' }] }),
  });
  const person = show(<OrganizationSettings />);
  await person.click(await screen.findByRole('radio', { name: /^People themselves/ }));
  await person.click(screen.getByRole('button', { name: 'Save accounts' }));
  expect(await screen.findByText('Nobody can sign up before mail is sent.')).toBeVisible();
});

test('domains are judged before they are sent, and only what differs is', () => {
  const { policies } = organizationWith({ sign_up: 'open', sign_up_email_domains: ['acme.example'] });
  expect(valuesOf(policies)).toEqual({ sign_up: 'open', sign_up_email_domains: 'acme.example', password_recovery: 'mail', password_minimum_length: '8', email_change: 'open', account_deletion: 'open', account_deletion_grace_days: '14', proof_of_work: 'off', magic_links: 'off', identifier_first: 'off', sign_in_notices: 'on', passkeys: 'on', second_factor: 'optional', second_factor_administrators: '', second_factor_auditors: '', second_factor_platform: '', remembered_device_days: '0', second_factor_email_codes: 'off',
    invitation_lifetime_days: '7',
  });
  expect(patchOf(policies, valuesOf(policies))).toBeUndefined();
  expect(patchOf(policies, { ...valuesOf(policies), sign_up_email_domains: '' })).toEqual({ sign_up_email_domains: [] });
  expect(patchOf(policies, { ...valuesOf(policies), passkeys: 'off' })).toEqual({ passkeys: 'off' });
  expect(patchOf(policies, { ...valuesOf(policies), proof_of_work: 'always' })).toEqual({ proof_of_work: 'always' });
  expect(patchOf(policies, { ...valuesOf(policies), magic_links: 'on' })).toEqual({ magic_links: 'on' });
  expect(patchOf(policies, { ...valuesOf(policies), identifier_first: 'on' })).toEqual({ identifier_first: 'on' });
  expect(patchOf(policies, { ...valuesOf(policies), email_change: 'closed' })).toEqual({ email_change: 'closed' });
  expect(patchOf(policies, { ...valuesOf(policies), account_deletion: 'closed', account_deletion_grace_days: '30' })).toEqual({ account_deletion: 'closed', account_deletion_grace_days: 30 });
  for (const days of ['0', '91', '', 'x']) expect(signUpSchema.safeParse({ ...valuesOf(policies), account_deletion_grace_days: days }).success).toBe(false);
  expect(patchOf(policies, { ...valuesOf(policies), password_recovery: 'closed' })).toEqual({ password_recovery: 'closed' });
  expect(patchOf(policies, { ...valuesOf(policies), password_minimum_length: '15' })).toEqual({ password_minimum_length: 15 });
  for (const least of ['7', '65', '', 'x']) expect(signUpSchema.safeParse({ ...valuesOf(policies), password_minimum_length: least }).success).toBe(false);
  expect(patchOf(policies, { ...valuesOf(policies), second_factor: 'required' })).toEqual({ second_factor: 'required' });
  expect(patchOf(policies, { ...valuesOf(policies), second_factor_administrators: 'required' })).toEqual({ second_factor_roles: { 'organization-administrator': 'required' } });
  expect(patchOf(policies, { ...valuesOf(policies), second_factor_email_codes: 'on' })).toEqual({ second_factor_email_codes: 'on' });
  expect(patchOf(policies, { ...valuesOf(policies), remembered_device_days: '30' })).toEqual({ remembered_device_days: 30 });
  for (const days of ['91', '', 'x', '-1']) expect(signUpSchema.safeParse({ ...valuesOf(policies), remembered_device_days: days }).success).toBe(false);
  const ruled = organizationWith({ second_factor_roles: { 'organization-auditor': 'optional' } }).policies;
  expect(patchOf(ruled, { ...valuesOf(ruled), second_factor_auditors: '' })).toEqual({ second_factor_roles: {} });
  expect(patchOf(policies, { ...valuesOf(policies), invitation_lifetime_days: '3' })).toEqual({ invitation_lifetime_days: 3 });
  for (const days of ['0', '31', '', 'x']) expect(signUpSchema.safeParse({ ...valuesOf(policies), invitation_lifetime_days: days }).success).toBe(false);
  for (const domain of ['@acme.example', 'Acme.example', 'https://acme.example']) expect(signUpSchema.safeParse({ ...valuesOf(policies), sign_up_email_domains: domain }).success).toBe(false);
});
