import type { JsonWebKeySet, PoliciesPatch, SoftwareStatementIssuer } from '@/lib/api';
import { keySet, optionalUri, z } from '@/lib/schema';

/** The form of one issuer; the others' names are taken. */
export function issuerSchema(taken: string[]) {
  return z
    .object({
      issuer: z
        .string()
        .trim()
        .min(1, 'Write what stands in the statement as iss.')
        .max(2000, 'Use at most 2000 characters.')
        .refine((issuer) => !taken.includes(issuer), 'This issuer is there already.'),
      jwks_uri: optionalUri.refine((uri) => uri === '' || uri.startsWith('https://'), 'This has to be an https address.'),
      jwks: keySet,
    })
    .refine((values) => values.jwks !== '' || values.jwks_uri !== '', { path: ['jwks_uri'], message: 'Write where the public keys are, or paste them below: they prove who signed a statement.' })
    .refine((values) => values.jwks === '' || values.jwks_uri === '', { path: ['jwks'], message: 'Paste keys or write their address, not both.' });
}

export type IssuerValues = z.infer<ReturnType<typeof issuerSchema>>;

export function valuesOf(issuer?: SoftwareStatementIssuer): IssuerValues {
  return { issuer: issuer?.issuer ?? '', jwks_uri: issuer?.jwks_uri ?? '', jwks: issuer?.jwks ? JSON.stringify(issuer.jwks, null, 2) : '' };
}

export function issuerOf(values: IssuerValues): SoftwareStatementIssuer {
  return { issuer: values.issuer, ...(values.jwks_uri ? { jwks_uri: values.jwks_uri } : { jwks: JSON.parse(values.jwks) as JsonWebKeySet }) };
}

/** The list with one issuer put in place of another, added, or taken out. */
export function patchOf(issuers: SoftwareStatementIssuer[], before: string | undefined, after: SoftwareStatementIssuer | undefined): PoliciesPatch {
  const known = issuers.some(({ issuer }) => issuer === before);
  const list = issuers.flatMap((each) => (each.issuer === before ? (after ? [after] : []) : [each]));
  return { registration_rules: { software_statement_issuers: known || !after ? list : [...list, after] } };
}

/** policies.registration_rules.software_statement_issuers[0].jwks.keys[1].kty → jwks. */
export function fieldOf(apiField: string): string {
  return apiField.replace(/^policies\.registration_rules\.software_statement_issuers(\[\d+\])?\.?/, '').replace(/[.[].*$/, '');
}
