import { screen, waitFor } from '@testing-library/react';
import { beforeEach, expect, test, vi } from 'vitest';
import type { Client } from '@/lib/api';
import { answer, json, signIn } from '@/test/answers';
import { organizationWith } from '@/test/organization';
import { show } from '@/test/show';
import { ClientSettings } from './settings';

vi.mock('next/navigation', () => ({
  usePathname: () => '/console/orgs/demo/clients/0193588f-4c00-7a10-8b5e-2f6d1c9a0201',
  useSearchParams: () => new URLSearchParams(),
}));

const client: Client = {
  id: '0193588f-4c00-7a10-8b5e-2f6d1c9a0201',
  client_id: 'https://editor.example/client.json',
  client_name: 'Editor',
  redirect_uris: ['https://editor.example/callback'],
  post_logout_redirect_uris: [],
  grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:token-exchange'],
  response_types: ['code'],
  token_endpoint_auth_method: 'private_key_jwt',
  jwks_uri: 'https://editor.example/jwks',
  application_type: 'web',
  scopes: ['openid'],
  contacts: [],
  id_token_signed_response_alg: 'ES256',
  authorization_details_types: ['gone'],
  require_consent: true,
  require_auth_time: false,
  subject_type: 'public',
  status: 'active',
  origin: 'metadata_document',
  built_in: false,
  created_at: '2026-01-01T00:00:00Z',
  updated_at: '2026-01-01T00:00:00Z',
  version: 2,
};

const change = `PATCH /api/v1/orgs/demo/clients/${client.id}`;

beforeEach(() => {
  vi.unstubAllGlobals();
  signIn();
});

function open(shown: Client, editable = true) {
  const asked = answer({
    'GET /api/v1/orgs/demo': () => json(organizationWith({ authorization_details_types: [{ type: 'payment', consent: { en: 'Pay' } }] }), 200, { ETag: '"3"' }),
    'GET /api/v1/orgs/demo/profiles': () => json({ items: [] }),
    [change]: () => json({ client: shown }, 200, { ETag: '"3"' }),
  });
  return { asked, person: show(<ClientSettings client={{ value: shown, etag: '"2"' }} editable={editable} />) };
}

test('of a client that a document describes exactly what is for administrators to decide can be changed', async () => {
  const { asked, person } = open(client);
  for (const fold of [/^Protocol/, /^Signing/, /^Sign-in/, /^Sessions/, /^Tokens/, /^APIs/, /^Token exchange/, /^Presentation/]) await person.click(screen.getByRole('button', { name: fold }));
  const form = screen.getByRole('textbox', { name: 'Name' }).closest('form')!;
  const controls = [...form.querySelectorAll<HTMLElement>('input:not([aria-hidden]), textarea, select, [role=checkbox]')];
  const labelled = (control: HTMLElement) => (control as HTMLInputElement).name || control.getAttribute('aria-label')?.replace(/: unit$/, '') || document.querySelector(`label[for="${control.id}"]`)!.firstChild!.textContent!;
  const names = controls.filter((control) => !control.matches(':disabled')).map((control) => labelled(control).replace(/^(token_policy\.|token_exchange_).*/, '$1'));
  expect(new Set(names)).toEqual(
    new Set(['profile', 'second_factor', 'Access tokens live', 'Refresh tokens live unused', 'A replaced refresh token still works for', 'token_policy.', 'resources', 'token_exchange_', 'It may name itself as actor']),
  );
  await person.type(screen.getByLabelText(/^Resource servers/), 'https://api.example.com/payments');
  await person.click(screen.getByRole('button', { name: 'Save settings' }));
  await waitFor(() => expect(asked.some(({ method }) => method === 'PATCH')).toBe(true));
  expect(await asked.find(({ method }) => method === 'PATCH')!.json()).toEqual({ resources: ['https://api.example.com/payments'] });
});

test('a client may ask in detail for what the organization defines, and answers about tokens are signed as it wants', async () => {
  const { asked, person } = open({ ...client, origin: 'administrator' });
  await person.click(screen.getByRole('button', { name: /^APIs/ }));
  expect(screen.getByRole('checkbox', { name: 'gone' })).toHaveAccessibleDescription(/does not define it any more/);
  await person.click(screen.getByRole('checkbox', { name: 'gone' }));
  await person.click(await screen.findByRole('checkbox', { name: 'payment' }));
  await person.selectOptions(screen.getByLabelText('Introspection signature'), 'PS256');
  await person.selectOptions(screen.getByLabelText('Introspection encryption'), 'ECDH-ES');
  await person.click(screen.getByRole('button', { name: 'Save settings' }));
  await waitFor(() => expect(asked.some(({ method }) => method === 'PATCH')).toBe(true));
  expect(await asked.find(({ method }) => method === 'PATCH')!.json()).toEqual({ authorization_details_types: ['payment'], introspection_signed_response_alg: 'PS256', introspection_encrypted_response_alg: 'ECDH-ES' });
});

test('a client that registered itself may change what it says of itself, and the page says so', () => {
  open({ ...client, origin: 'dynamic' });
  expect(screen.getByText(/may change what it says of itself/)).toBeInTheDocument();
});

test('without leave nothing can be changed', () => {
  open(client, false);
  expect(screen.queryByRole('button', { name: 'Save settings' })).not.toBeInTheDocument();
  expect(screen.getByRole('textbox', { name: 'Name' })).toBeDisabled();
});
