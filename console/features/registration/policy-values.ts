import { grantTypeValues } from '@/lib/grant-types';
import type { ClientDocumentPolicy, GrantType, Policies, PoliciesPatch, RegistrationPolicy } from '@/lib/api';
import { changes, lines, scopeList, words, z } from '@/lib/schema';

export const registrations: { value: RegistrationPolicy; label: string; hint: string }[] = [
  { value: 'closed', label: 'Closed', hint: 'Only administrators create clients.' },
  { value: 'loopback', label: 'For development', hint: 'Anybody may register a client that lives on their own machine (loopback redirect URIs).' },
  { value: 'initial_access_token', label: 'With a token', hint: 'Whoever holds an initial access token that an administrator issued. Such clients always ask for consent.' },
  { value: 'open', label: 'Open', hint: 'Anybody may register a client. Such clients always ask for consent.' },
];

export const documentPolicies: { value: ClientDocumentPolicy; label: string; hint: string }[] = [
  { value: 'closed', label: 'Not accepted', hint: 'Only clients that are registered sign people in.' },
  { value: 'open', label: 'Accepted', hint: 'The client id of an application may be the address of a document that describes it. People see its host and are always asked.' },
];

/** What clients may have where no rule names grant types: those by which people sign in. */
const usualGrants: GrantType[] = ['authorization_code', 'implicit', 'refresh_token'];

const hostPattern = /^(\*\.)?([a-z0-9]([a-z0-9-]*[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;

const hosts = z.string().superRefine((text, context) => {
  const wrong = lines(text).find((line) => !hostPattern.test(line));
  if (wrong !== undefined) context.addIssue({ code: 'custom', message: `${wrong} is not a host in small letters, such as app.example.com or *.example.com.` });
});

export const policySchema = z.object({
  registration: z.enum(['closed', 'loopback', 'open', 'initial_access_token']),
  client_id_metadata_documents: z.enum(['closed', 'open']),
  client_id_metadata_document_hosts: hosts,
  redirect_hosts: hosts,
  scopes: scopeList.refine((text) => !words(text).some((scope) => scope.startsWith('admin:')), 'Scopes that begin with admin: are given by administrators only.'),
  grant_types: z.array(z.enum(grantTypeValues)).min(1, 'Choose at least one.'),
});

export type PolicyValues = z.infer<typeof policySchema>;

export function valuesOf({ registration, registration_rules: rules, client_id_metadata_documents, client_id_metadata_document_hosts }: Policies): PolicyValues {
  return {
    registration,
    client_id_metadata_documents,
    client_id_metadata_document_hosts: client_id_metadata_document_hosts.join('\n'),
    redirect_hosts: (rules.redirect_hosts ?? []).join('\n'),
    scopes: (rules.scopes ?? []).join(' '),
    grant_types: rules.grant_types?.length ? rules.grant_types : usualGrants,
  };
}

/** The rules as the API has them: an empty list is no bound. */
function rulesOf(values: PolicyValues) {
  const usual = values.grant_types.length === usualGrants.length && usualGrants.every((grant) => values.grant_types.includes(grant));
  return { redirect_hosts: lines(values.redirect_hosts), scopes: words(values.scopes), grant_types: usual ? [] : values.grant_types };
}

const policiesOf = ({ registration, client_id_metadata_documents, client_id_metadata_document_hosts }: PolicyValues) => ({
  registration,
  client_id_metadata_documents,
  client_id_metadata_document_hosts: lines(client_id_metadata_document_hosts),
});

/** What differs, as a merge patch; undefined when nothing does. */
export function patchOf(policies: Policies, values: PolicyValues): PoliciesPatch | undefined {
  const before = valuesOf(policies);
  const rules = changes(rulesOf(before), rulesOf(values));
  const patch: PoliciesPatch = { ...changes(policiesOf(before), policiesOf(values)), ...(rules && { registration_rules: rules }) };
  return Object.keys(patch).length > 0 ? patch : undefined;
}

/** policies.registration_rules.redirect_hosts[0] → redirect_hosts. */
export function fieldOf(apiField: string): string {
  return apiField.replace(/^policies\.(registration_rules\.)?/, '').replace(/\[.*$/, '');
}
