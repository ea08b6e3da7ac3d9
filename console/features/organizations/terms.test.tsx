import { screen, waitFor } from '@testing-library/react';
import { beforeEach, expect, test, vi } from 'vitest';
import type { TermsList } from '@/lib/api';
import { answer, json, signIn } from '@/test/answers';
import { organizationWith } from '@/test/organization';
import { show } from '@/test/show';
import { OrganizationSettings } from './settings';
import { bodyOf, newText, problemOf } from './terms-values';

vi.mock('next/navigation', () => ({
  usePathname: () => '/console/orgs/demo/settings',
  useSearchParams: () => new URLSearchParams(window.location.search),
  useRouter: () => ({ push: vi.fn(), prefetch: vi.fn() }),
}));

const place = '/api/v1/orgs/demo/terms';
const list: TermsList = {
  items: [{ id: 't1', version: 1, state: 'in_force', texts: { en: { title: 'Terms of use', url: 'https://acme.example/terms' } }, in_force_at: '2026-11-20T08:00:00Z', published_at: '2026-11-20T08:00:00Z' }],
  people: 1200,
  accepted: 950,
};

beforeEach(() => {
  vi.unstubAllGlobals();
  window.history.replaceState(null, '', '/console/orgs/demo/settings?tab=terms');
  signIn();
});

const organization = () => json(organizationWith(), 200, { ETag: '"3"' });

test('how many people are asked is said before a version is published', async () => {
  const asked = answer({ 'GET /api/v1/orgs/demo': organization, [`GET ${place}`]: () => json(list), [`POST ${place}`]: () => json({ ...list.items[0], version: 2 }, 201) });
  const person = show(<OrganizationSettings />);
  expect(await screen.findByText(/950 of 1200 people accepted/)).toBeVisible();
  await person.click(screen.getByRole('button', { name: 'Publish version 2' }));
  expect(await screen.findByText(/Give the terms a title/)).toBeVisible();
  await person.type(screen.getByLabelText('Title'), 'Terms of use');
  await person.type(screen.getByLabelText(/^Address/), 'https://acme.example/terms-2');
  await person.click(screen.getByRole('button', { name: 'Publish version 2' }));
  expect(await screen.findByText(/^1200 people will be asked to accept it\. What was/)).toBeVisible();
  expect(asked.filter(({ method }) => method === 'POST')).toHaveLength(0);
  await person.click(screen.getByRole('button', { name: 'Publish' }));
  await waitFor(() => expect(asked.filter(({ method }) => method === 'POST')).toHaveLength(1));
  expect(await asked.find(({ method }) => method === 'POST')!.json()).toEqual({ texts: { en: { title: 'Terms of use', url: 'https://acme.example/terms-2' } } });
});

test('a version is withdrawn after a question', async () => {
  const asked = answer({ 'GET /api/v1/orgs/demo': organization, [`GET ${place}`]: () => json(list), [`DELETE ${place}/1`]: () => new Response(null, { status: 204 }) });
  const person = show(<OrganizationSettings />);
  await person.click(await screen.findByRole('button', { name: 'Withdraw version 1' }));
  await person.click(await screen.findByRole('button', { name: 'Withdraw version' }));
  await waitFor(() => expect(asked.filter(({ method }) => method === 'DELETE')).toHaveLength(1));
});

test('what is sent is what was written', () => {
  const text = { ...newText('de'), title: ' Bedingungen ', text: 'Seien Sie freundlich.' };
  expect(bodyOf({ texts: [text], from: '2027-01-01T00:00' })).toEqual({ texts: { de: { title: 'Bedingungen', text: 'Seien Sie freundlich.' } }, in_force_at: new Date('2027-01-01T00:00').toISOString() });
  expect(problemOf({ texts: [newText('en')], from: '' })).toMatch(/title/);
  expect(problemOf({ texts: [{ ...text, text: '' }], from: '' })).toMatch(/where/);
  expect(problemOf({ texts: [{ ...text, url: 'http://x.example' }], from: '' })).toMatch(/https/);
  expect(problemOf({ texts: [text], from: '' })).toBeUndefined();
});
