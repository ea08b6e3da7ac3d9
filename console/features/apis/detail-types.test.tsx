import { screen, waitFor, within } from '@testing-library/react';
import { beforeEach, expect, test, vi } from 'vitest';
import type { AuthorizationDetailsType } from '@/lib/api';
import { setSession } from '@/lib/session';
import { answer, json, problem, signedIn, signIn } from '@/test/answers';
import { organizationWith } from '@/test/organization';
import { show } from '@/test/show';
import { Apis } from './apis';
import { detailSchema, fieldOf, previewOf, typeOf, valuesOf, withType } from './detail-values';

vi.mock('next/navigation', () => ({
  usePathname: () => '/console/orgs/demo/apis',
  useSearchParams: () => new URLSearchParams(window.location.search),
  useRouter: () => ({ push: () => {} }),
}));

const read = 'GET /api/v1/orgs/demo';
const change = 'PATCH /api/v1/orgs/demo';
const payment: AuthorizationDetailsType = {
  type: 'payment',
  fields: [
    { name: 'amount', kind: 'amount', required: true, label: { en: 'Amount', fr: 'Montant' } },
    { name: 'creditor', kind: 'text' },
  ],
  consent: { en: 'Pay {amount} to {creditor}', de: '{amount} an {creditor} zahlen' },
};
const organization = (types: AuthorizationDetailsType[]) => json(organizationWith({ authorization_details_types: types }), 200, { ETag: '"3"' });

beforeEach(() => {
  vi.unstubAllGlobals();
  window.history.replaceState(null, '', '/console/orgs/demo/apis?tab=details');
  signIn();
});

test('a type is added with its fields and sentences, and shown as people will read it', async () => {
  const asked = answer({ [read]: () => organization([]), [change]: () => organization([payment]) });
  const person = show(<Apis />);
  await person.click(await screen.findByRole('button', { name: 'Add type' }));
  const sheet = within(screen.getByRole('dialog'));
  await person.type(sheet.getByLabelText('Type'), 'payment');
  await person.click(sheet.getByRole('button', { name: 'Add a field' }));
  const row = within(sheet.getByRole('group', { name: 'Field 1' }));
  await person.type(row.getByLabelText('Field'), 'amount');
  await person.selectOptions(row.getByLabelText('Kind'), 'amount');
  await person.click(row.getByRole('checkbox', { name: 'Always there' }));
  await person.click(row.getByRole('button', { name: /^Labels/ }));
  await person.type(row.getByLabelText(/^Label, German/), 'Betrag');
  await person.type(sheet.getByLabelText('Sentence, English'), 'Pay {{amount} to {{creditor}');
  await person.type(sheet.getByLabelText(/^Sentence, German/), '{{amount} zahlen');
  const preview = within(sheet.getByRole('region', { name: 'On the consent page' }));
  expect(preview.getByText('Pay 12.50 EUR to –')).toBeInTheDocument();
  await person.click(sheet.getByRole('button', { name: 'Add type' }));
  expect(await sheet.findByText('{creditor} is no field of this type.')).toBeInTheDocument();
  await person.clear(sheet.getByLabelText('Sentence, English'));
  await person.type(sheet.getByLabelText('Sentence, English'), 'Pay {{amount}');
  await person.selectOptions(preview.getByLabelText('Language of the preview'), 'de');
  expect(preview.getByText('12.50 EUR zahlen')).toBeInTheDocument();
  expect(preview.getByText('Betrag: 12.50 EUR')).toBeInTheDocument();
  await person.click(sheet.getByRole('button', { name: 'Add type' }));
  await waitFor(() => expect(screen.queryByRole('dialog')).not.toBeInTheDocument());
  const sent = asked.find(({ method }) => method === 'PATCH')!;
  expect(sent.headers.get('If-Match')).toBe('"3"');
  expect(await sent.json()).toEqual({
    policies: { authorization_details_types: [{ type: 'payment', fields: [{ name: 'amount', kind: 'amount', required: true, label: { de: 'Betrag' } }], consent: { en: 'Pay {amount}', de: '{amount} zahlen' } }] },
  });
});

test('a type is changed in its place and deleted', async () => {
  const account: AuthorizationDetailsType = { type: 'account', consent: { en: 'See your account' } };
  const asked = answer({
    [read]: () => organization([payment, account]),
    [change]: () => problem(422, 'authorization_details_types_invalid', { errors: [{ field: 'policies.authorization_details_types[0].fields[1].name', code: 'x', message: 'Called so already.' }] }),
  });
  const person = show(<Apis />);
  await person.click(await screen.findByRole('button', { name: 'Edit payment' }));
  const sheet = within(screen.getByRole('dialog'));
  await person.type(sheet.getAllByLabelText('Field')[1]!, 's');
  await person.clear(sheet.getByLabelText('Sentence, English'));
  await person.type(sheet.getByLabelText('Sentence, English'), 'Pay');
  await person.clear(sheet.getByLabelText(/^Sentence, German/));
  await person.click(sheet.getByRole('button', { name: 'Save type' }));
  await waitFor(() => expect(sheet.getAllByLabelText('Field')[1]).toHaveAccessibleDescription(/Called so already/));
  await person.click(sheet.getByRole('button', { name: 'Cancel' }));
  await person.click(screen.getByRole('button', { name: 'Delete payment' }));
  await person.click(screen.getByRole('button', { name: 'Delete type' }));
  await waitFor(() => expect(asked.filter(({ method }) => method === 'PATCH')).toHaveLength(2));
  const [first, second] = await Promise.all(asked.filter(({ method }) => method === 'PATCH').map((request) => request.json() as Promise<{ policies: { authorization_details_types: AuthorizationDetailsType[] } }>));
  expect(first!.policies.authorization_details_types.map(({ type }) => type)).toEqual(['payment', 'account']);
  expect(second!.policies.authorization_details_types).toEqual([account]);
});

test('whoever only reads is offered no change', async () => {
  setSession({ ...signedIn, permissions: ['organization:read'] });
  answer({ [read]: () => organization([payment]) });
  show(<Apis />);
  expect(await screen.findByText('Pay 12.50 EUR to Merchant A')).toBeInTheDocument();
  expect(screen.queryByRole('button', { name: /Add|Edit|Delete/ })).not.toBeInTheDocument();
});

test('what was read and not touched stays, languages included that the console does not know', () => {
  expect(typeOf(detailSchema([]).parse(valuesOf(payment)))).toEqual(payment);
  expect(withType({}, undefined, payment)).toEqual({ authorization_details_types: [payment] });
  expect(['policies.authorization_details_types[0].consent', 'policies.authorization_details_types[2].fields[1].label', 'policies.authorization_details_types[0].type'].map(fieldOf)).toEqual(['consent.en', 'fields.1.label.en', 'type']);
  expect(previewOf(valuesOf(payment), 'it')).toEqual({ sentence: 'Pay 12.50 EUR to Merchant A', facts: [{ label: 'Amount', value: '12.50 EUR' }, { label: 'creditor', value: 'Merchant A' }] });
});

test.each([
  ['no sentence', { consent: { en: '' } }],
  ['a field that every type has', { fields: [{ name: 'actions', kind: 'text', required: false, label: {} }] }],
  ['a field twice', { fields: [{ name: 'a', kind: 'text', required: false, label: {} }, { name: 'a', kind: 'text', required: false, label: {} }] }],
  ['a taken name', { type: 'taken' }],
  ['a name with spaces', { type: 'two words' }],
])('refuses %s', (_, wrong) => expect(detailSchema(['taken']).safeParse({ ...valuesOf(payment), consent: { en: 'Yes' }, ...wrong }).success).toBe(false));
