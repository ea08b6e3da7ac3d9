import { screen, waitFor, within } from '@testing-library/react';
import { beforeEach, expect, test, vi } from 'vitest';
import type { Policies } from '@/lib/api';
import { setSession } from '@/lib/session';
import { answer, json, problem, signedIn, signIn } from '@/test/answers';
import { organizationWith } from '@/test/organization';
import { show } from '@/test/show';
import { ScopesAndClaims } from './scopes-and-claims';
import { claimSchema, fieldOf, scopeOf, scopeSchema, scopeValues, withClaim, withScope } from './values';

vi.mock('next/navigation', () => ({
  usePathname: () => '/console/orgs/demo/scopes',
  useSearchParams: () => new URLSearchParams(window.location.search),
}));

const read = 'GET /api/v1/orgs/demo';
const change = 'PATCH /api/v1/orgs/demo';
const department = { name: 'department', attribute: 'department' };
const work = { name: 'work', claims: ['department', 'email'], description: { en: 'Your department', pt: 'O seu departamento' } };

function open(tab: 'scopes' | 'claims') {
  window.history.replaceState(null, '', `/console/orgs/demo/scopes?tab=${tab}`);
}

const organization = (policies: Partial<Policies> = {}) => json(organizationWith(policies), 200, { ETag: '"3"' });

beforeEach(() => {
  vi.unstubAllGlobals();
  signIn();
});

test('a scope is added beside the others, with its claims and what the consent page says', async () => {
  open('scopes');
  const asked = answer({ [read]: () => organization({ claims: [department], scopes: [{ name: 'orders' }] }), [change]: () => organization() });
  const person = show(<ScopesAndClaims />);
  await person.click(await screen.findByRole('button', { name: 'Add scope' }));
  const sheet = within(screen.getByRole('dialog'));
  await person.type(sheet.getByLabelText('Name'), 'orders');
  await person.click(sheet.getByRole('button', { name: 'Add scope' }));
  expect(await sheet.findByText('There is a scope with this name already.')).toBeInTheDocument();
  await person.clear(sheet.getByLabelText('Name'));
  await person.type(sheet.getByLabelText('Name'), 'work');
  await person.type(sheet.getByLabelText(/^Description, German/), 'Ihre Abteilung');
  await person.click(sheet.getByRole('checkbox', { name: 'department' }));
  await person.click(sheet.getByRole('button', { name: 'Add scope' }));
  await waitFor(() => expect(screen.queryByRole('dialog')).not.toBeInTheDocument());
  const sent = asked.find(({ method }) => method === 'PATCH')!;
  expect(sent.headers.get('If-Match')).toBe('"3"');
  expect(await sent.json()).toEqual({ policies: { scopes: [{ name: 'orders' }, { name: 'work', claims: ['department'], description: { de: 'Ihre Abteilung' } }] } });
});

test('a scope of OpenID Connect can stand for other claims, and be reset', async () => {
  open('scopes');
  const changed = { name: 'email', claims: ['email'] };
  const asked = answer({ [read]: () => organization(), [change]: () => organization({ scopes: [changed] }) });
  const person = show(<ScopesAndClaims />);
  await person.click(await screen.findByRole('button', { name: 'Edit email' }));
  const sheet = within(screen.getByRole('dialog'));
  expect(sheet.queryByLabelText('Name')).not.toBeInTheDocument();
  await person.click(sheet.getByRole('checkbox', { name: 'email_verified' }));
  await person.click(sheet.getByRole('button', { name: 'Save scope' }));
  await person.click(await screen.findByRole('button', { name: 'Reset email' }));
  await person.click(screen.getByRole('button', { name: 'Reset scope' }));
  await waitFor(() => expect(asked.filter(({ method }) => method === 'PATCH')).toHaveLength(2));
  const bodies = await Promise.all(asked.filter(({ method }) => method === 'PATCH').map((request) => request.json() as Promise<unknown>));
  expect(bodies).toEqual([{ policies: { scopes: [changed] } }, { policies: { scopes: [] } }]);
});

test('what the server says of a claim stands at its field', async () => {
  open('claims');
  answer({
    [read]: () => organization({ claims: [department] }),
    [change]: () => problem(422, 'claims_invalid', { errors: [{ field: 'policies.claims[1].name', code: 'claims_invalid', message: 'The claim sub has a meaning in tokens already.' }] }),
  });
  const person = show(<ScopesAndClaims />);
  await person.click(await screen.findByRole('button', { name: 'Add claim' }));
  const sheet = within(screen.getByRole('dialog'));
  await person.type(sheet.getByLabelText('Name'), 'sub');
  await person.type(sheet.getByLabelText('Attribute'), 'number');
  await person.click(sheet.getByRole('button', { name: 'Add claim' }));
  await waitFor(() => expect(sheet.getByLabelText('Name')).toHaveAccessibleDescription(/has a meaning in tokens already/));
});

test('a claim that is deleted leaves the scopes too, and the question says so', async () => {
  open('claims');
  const asked = answer({ [read]: () => organization({ claims: [department], scopes: [work] }), [change]: () => organization() });
  const person = show(<ScopesAndClaims />);
  await person.click(await screen.findByRole('button', { name: 'Delete department' }));
  expect(screen.getByRole('dialog')).toHaveAccessibleDescription(/also taken out of work/);
  await person.click(screen.getByRole('button', { name: 'Delete claim' }));
  expect(await screen.findByText('No claims of your own yet')).toBeInTheDocument();
  expect(await asked.find(({ method }) => method === 'PATCH')!.json()).toEqual({ policies: { claims: [], scopes: [{ ...work, claims: ['email'] }] } });
});

test('what somebody else changed meanwhile is said, and shown when asked for', async () => {
  open('claims');
  let later = false;
  answer({
    [read]: () => organization({ claims: later ? [department, { name: 'team', attribute: 'team' }] : [department] }),
    [change]: () => {
      later = true;
      return problem(412, 'version_mismatch');
    },
  });
  const person = show(<ScopesAndClaims />);
  await person.click(await screen.findByRole('button', { name: 'Edit department' }));
  await person.type(screen.getByLabelText('Attribute'), 's');
  await person.click(screen.getByRole('button', { name: 'Save claim' }));
  await person.click(await screen.findByRole('button', { name: 'Show the newest' }));
  expect(await screen.findByRole('heading', { name: /team/ })).toBeInTheDocument();
  expect(screen.queryByRole('dialog')).not.toBeInTheDocument();
});

test('whoever only reads is offered no change', async () => {
  open('scopes');
  setSession({ ...signedIn, permissions: ['organization:read'] });
  answer({ [read]: () => organization({ scopes: [work] }) });
  show(<ScopesAndClaims />);
  expect(await screen.findByText('Your department')).toBeInTheDocument();
  expect(screen.queryByRole('button', { name: /Add|Edit|Delete/ })).not.toBeInTheDocument();
});

test('definitions are put in their place, and languages that the form does not know stay', () => {
  const policies = { scopes: [{ name: 'a' }, work], claims: [department] };
  expect(withScope(policies, 'work', scopeOf(scopeValues(work)))).toEqual({ scopes: policies.scopes });
  expect(withScope(policies, 'a')).toEqual({ scopes: [work] });
  expect(withClaim(policies, 'department', { name: 'unit', attribute: 'department' })).toEqual({ claims: [{ name: 'unit', attribute: 'department' }], scopes: [{ name: 'a', claims: undefined }, { ...work, claims: ['unit', 'email'] }] });
  expect(withClaim(policies, undefined, { name: 'team', attribute: 'team' })).toEqual({ claims: [department, { name: 'team', attribute: 'team' }] });
  expect(['policies.scopes[2].claims', 'policies.scopes[0].description', 'policies.scopes[0].description.de', 'policies.claims[1].attribute'].map(fieldOf)).toEqual(['claims', 'description.en', 'description.de', 'attribute']);
});

test.each(['openid', 'offline_access', 'admin:read', 'two words', 'quo"te', ' ', 'è'])('no scope is called %s', (name) => {
  expect(scopeSchema([]).safeParse({ ...scopeValues(), name }).success).toBe(false);
});

test.each(['email', 'taken', 'two words', ''])('no claim is called %s', (name) => {
  expect(claimSchema(['taken']).safeParse({ name, attribute: 'x' }).success).toBe(false);
});
