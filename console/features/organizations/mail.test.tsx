import { screen, waitFor } from '@testing-library/react';
import { beforeEach, expect, test, vi } from 'vitest';
import type { MailServer } from '@/lib/api';
import { answer, json, problem, signIn } from '@/test/answers';
import { organizationWith } from '@/test/organization';
import { show } from '@/test/show';
import { OrganizationSettings } from './settings';
import { bodyOf, mailSchema, valuesOf } from './mail-values';

vi.mock('next/navigation', () => ({
  usePathname: () => '/console/orgs/demo/settings',
  useSearchParams: () => new URLSearchParams(window.location.search),
  useRouter: () => ({ push: vi.fn(), prefetch: vi.fn() }),
}));

const place = '/api/v1/orgs/demo/mail-server';
const own: MailServer = {
  sends_by: 'organization',
  server: { host: 'smtp.acme.example', port: 465, tls: 'implicit', username: 'acme', password_set: true, from: 'post@acme.example', created_at: '2026-11-26T08:00:00Z', updated_at: '2026-11-26T08:00:00Z' },
  version: 2,
};

beforeEach(() => {
  vi.unstubAllGlobals();
  window.history.replaceState(null, '', '/console/orgs/demo/settings?tab=mail');
  signIn();
});

const organization = () => json(organizationWith(), 200, { ETag: '"3"' });

test('a server is saved against what was read', async () => {
  const asked = answer({
    'GET /api/v1/orgs/demo': organization,
    [`GET ${place}`]: () => json({ sends_by: 'installation', version: 0 }, 200, { ETag: '"0"' }),
    [`PUT ${place}`]: () => json(own, 200, { ETag: '"1"' }),
  });
  const person = show(<OrganizationSettings />);
  expect(await screen.findByText('Mail goes out by the server of this installation')).toBeVisible();
  expect(screen.getByRole('button', { name: 'Send a test' })).toBeDisabled();
  await person.type(screen.getByLabelText('Server'), 'smtp.acme.example');
  await person.click(screen.getByRole('button', { name: 'Save mail server' }));
  expect(await screen.findByText(/^Write an address/)).toBeVisible();
  expect(asked.filter(({ method }) => method === 'PUT')).toHaveLength(0);
  await person.type(screen.getByLabelText('From'), 'post@acme.example');
  await person.click(screen.getByRole('button', { name: 'Save mail server' }));
  await waitFor(() => expect(asked.filter(({ method }) => method === 'PUT')).toHaveLength(1));
  const sent = asked.find(({ method }) => method === 'PUT')!;
  expect(sent.headers.get('If-Match')).toBe('"0"');
  expect(await sent.json()).toEqual({ host: 'smtp.acme.example', port: 587, tls: 'starttls', from: 'post@acme.example' });
});

test('what the server answered to a test is said', async () => {
  answer({
    'GET /api/v1/orgs/demo': organization,
    [`GET ${place}`]: () => json(own, 200, { ETag: '"2"' }),
    [`POST ${place}/test`]: () => json({ outcome: 'failed', to: 'admin@clavex.test', error: 'authentication', reply: 535, message: 'The mail server does not take user name and password.' }),
  });
  const person = show(<OrganizationSettings />);
  await person.click(await screen.findByRole('button', { name: 'Send a test' }));
  expect(await screen.findByRole('alert')).toHaveTextContent('does not take user name and password. It answered 535.');
});

test('who removes the server does not save the form around the question', async () => {
  const asked = answer({
    'GET /api/v1/orgs/demo': organization,
    [`GET ${place}`]: () => json(own, 200, { ETag: '"2"' }),
    [`PUT ${place}`]: () => json(own, 200, { ETag: '"3"' }),
    [`DELETE ${place}`]: () => new Response(null, { status: 204 }),
  });
  const person = show(<OrganizationSettings />);
  await person.click(await screen.findByRole('button', { name: 'Remove' }));
  await person.click(screen.getByRole('button', { name: 'Remove mail server' }));
  expect(await screen.findByText('The mail server is removed')).toBeVisible();
  expect(asked.filter(({ method }) => method === 'DELETE')).toHaveLength(1);
  expect(asked.filter(({ method }) => method === 'PUT')).toHaveLength(0);
});

test('a password that is needed again is asked for at its field', async () => {
  answer({
    'GET /api/v1/orgs/demo': organization,
    [`GET ${place}`]: () => json(own, 200, { ETag: '"2"' }),
    [`PUT ${place}`]: () => problem(422, 'mail_server_malformed', { errors: [{ field: 'password', code: 'mail_server_malformed', message: 'Enter the password again.' }] }),
  });
  const person = show(<OrganizationSettings />);
  await person.type(await screen.findByLabelText('Server'), '.test');
  await person.click(screen.getByRole('button', { name: 'Save mail server' }));
  expect(await screen.findByText('Enter the password again.')).toBeVisible();
});

test('what is sent is what was written', () => {
  expect(bodyOf(valuesOf(own))).toEqual({ host: 'smtp.acme.example', port: 465, tls: 'implicit', username: 'acme', from: 'post@acme.example' });
  expect(bodyOf({ ...valuesOf(own), username: '', password: 'secret', reply_to: 'help@acme.example' })).toEqual({ host: 'smtp.acme.example', port: 465, tls: 'implicit', password: 'secret', from: 'post@acme.example', reply_to: 'help@acme.example' });
  for (const change of [{ host: 'smtp://acme.example' }, { host: '' }, { port: '0' }, { port: '65536' }, { port: 'x' }, { from: 'acme' }, { reply_to: 'acme' }]) {
    expect(mailSchema.safeParse({ ...valuesOf(own), ...change }).success).toBe(false);
  }
  expect(mailSchema.safeParse({ ...valuesOf(own), from: 'Acme <post@acme.example>' }).success).toBe(true);
});
