import type { JsonWebKeySet, SigningAlgorithm, TrustedIssuer, TrustedIssuerCreate, TrustedIssuerPatch, TrustedIssuerSubjectMatch } from '@/lib/api';
import { absoluteUris, changes, keySet, lines, optionalUri, scopeList, words, z } from '@/lib/schema';

export const algorithms = ['ES256', 'RS256', 'PS256', 'EdDSA', 'ES384', 'ES512', 'PS384', 'PS512', 'RS384', 'RS512'] as const satisfies readonly Exclude<SigningAlgorithm, 'HS256'>[];

export const subjectMatches: { value: TrustedIssuerSubjectMatch; label: string; hint: string }[] = [
  { value: 'linked_identity', label: 'By a link', hint: 'An administrator says which user a subject of the issuer is. Nobody else is let in.' },
  { value: 'username', label: 'By their username', hint: 'The claim has to be the username here, whoever chose it. Only for an issuer of the same house.' },
  { value: 'verified_email', label: 'By their verified e-mail address', hint: 'Both the issuer and this organization have to have verified it.' },
];

/** What the header typ of an assertion may be, as far as this release knows. */
export const assertionTypes: { value: string; label: string; hint: string }[] = [
  { value: 'JWT', label: 'JWT', hint: 'Assertions by the JWT bearer grant (RFC 7523), with or without a type.' },
  { value: 'oauth-id-jag+jwt', label: 'oauth-id-jag+jwt', hint: 'Identity assertions between servers, a draft in which the organization has to take part.' },
];

const uris = z.string().superRefine((text, context) => {
  const problem = absoluteUris(text);
  if (problem) context.addIssue({ code: 'custom', message: problem });
});

export const issuerSchema = z
  .object({
    name: z.string().trim().min(1, 'Give it a name.').max(200, 'Use at most 200 characters.'),
    issuer: z.string().trim().min(1, 'Write what stands in its assertions as iss.').max(2000, 'Use at most 2,000 characters.'),
    active: z.boolean(),
    jwks_uri: optionalUri.refine((uri) => uri === '' || uri.startsWith('https://'), 'This has to be an https address.'),
    jwks: keySet,
    subject_match: z.enum(['linked_identity', 'username', 'verified_email']),
    /** Empty: the one that goes with how people are found. */
    subject_claim: z.string().trim().max(100, 'Use at most 100 characters.'),
    clients: z.string().refine((text) => lines(text).length <= 50, 'Name at most 50 clients.'),
    scopes: scopeList.refine((text) => !words(text).some((scope) => scope === 'offline_access' || scope.startsWith('admin:')), 'offline_access and scopes that begin with admin: are never among them.'),
    resources: uris,
    algorithms: z.array(z.enum(algorithms)).min(1, 'Choose at least one.'),
    assertion_types: z.array(z.string()).min(1, 'Choose at least one.'),
    /** Seconds. */
    maximum_lifetime_seconds: z.number({ error: 'Choose between 30 seconds and 1 hour.' }).int('Choose whole seconds.').min(30, 'Choose 30 seconds or more.').max(3600, 'Choose at most 1 hour.'),
  })
  .refine((values) => values.jwks !== '' || values.jwks_uri !== '', { path: ['jwks_uri'], message: 'Write where the public keys are, or paste them below: nobody else’s verify its assertions.' })
  .refine((values) => values.jwks === '' || values.jwks_uri === '', { path: ['jwks'], message: 'Paste keys or write their address, not both.' });

export type IssuerValues = z.infer<typeof issuerSchema>;

const usualClaim = (match: TrustedIssuerSubjectMatch) => (match === 'verified_email' ? 'email' : 'sub');

export function valuesOf(issuer?: TrustedIssuer): IssuerValues {
  return {
    name: issuer?.name ?? '',
    issuer: issuer?.issuer ?? '',
    active: issuer?.status !== 'disabled',
    jwks_uri: issuer?.jwks_uri ?? '',
    jwks: issuer?.jwks ? JSON.stringify(issuer.jwks, null, 2) : '',
    subject_match: issuer?.subject_match ?? 'linked_identity',
    subject_claim: issuer && issuer.subject_claim !== usualClaim(issuer.subject_match) ? issuer.subject_claim : '',
    clients: (issuer?.clients ?? []).join('\n'),
    scopes: (issuer?.scopes ?? []).join(' '),
    resources: (issuer?.resources ?? []).join('\n'),
    algorithms: (issuer?.algorithms ?? [...algorithms]) as IssuerValues['algorithms'],
    assertion_types: issuer?.assertion_types ?? ['JWT'],
    maximum_lifetime_seconds: issuer?.maximum_lifetime_seconds ?? 300,
  };
}

function members(values: IssuerValues) {
  return {
    name: values.name,
    issuer: values.issuer,
    status: values.active ? ('active' as const) : ('disabled' as const),
    subject_match: values.subject_match,
    subject_claim: values.subject_claim || usualClaim(values.subject_match),
    clients: lines(values.clients),
    scopes: words(values.scopes),
    resources: lines(values.resources),
    algorithms: algorithms.filter((algorithm) => values.algorithms.includes(algorithm)),
    assertion_types: values.assertion_types,
    maximum_lifetime_seconds: values.maximum_lifetime_seconds,
  };
}

/** Its keys by one of two ways; naming one takes the other away. */
const keysOf = (values: IssuerValues) => (values.jwks_uri ? { jwks_uri: values.jwks_uri } : { jwks: JSON.parse(values.jwks) as JsonWebKeySet });

export function createBody(values: IssuerValues): TrustedIssuerCreate {
  return { ...members(values), ...keysOf(values) };
}

/** What differs, as a merge patch; undefined when nothing does. */
export function patchOf(issuer: TrustedIssuer, values: IssuerValues): TrustedIssuerPatch | undefined {
  const before = valuesOf(issuer);
  const moved = before.jwks_uri !== values.jwks_uri || JSON.stringify(keysOf(before)) !== JSON.stringify(keysOf(values));
  const patch: TrustedIssuerPatch = { ...changes(members(before), members(values)), ...(moved && keysOf(values)) };
  return Object.keys(patch).length > 0 ? patch : undefined;
}

/** jwks.keys[0].kty → jwks, status → active. */
export function fieldOf(apiField: string): string {
  const name = apiField.replace(/[.[].*$/, '');
  return name === 'status' ? 'active' : name;
}
