import type { ClaimDefinition, Policies, PoliciesPatch, ScopeDefinition } from '@/lib/api';
import { languages } from '@/lib/languages';
import { z } from '@/lib/schema';

/** The claims of OpenID Connect Core 1.0 §5.1 by the scope that asks for them (§5.4). */
export const standardScopes: { name: string; about: string; claims: string[] }[] = [
  {
    name: 'profile',
    about: 'Names, picture, language and the like',
    claims: ['name', 'family_name', 'given_name', 'middle_name', 'nickname', 'preferred_username', 'profile', 'picture', 'website', 'gender', 'birthdate', 'zoneinfo', 'locale', 'updated_at'],
  },
  { name: 'email', about: 'The e-mail address, and whether it was verified', claims: ['email', 'email_verified'] },
  { name: 'address', about: 'The postal address', claims: ['address'] },
  { name: 'phone', about: 'The telephone number, and whether it was verified', claims: ['phone_number', 'phone_number_verified'] },
];

const standardClaims = standardScopes.flatMap(({ claims }) => claims);

const token = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

/** The form of one scope; `taken` are the names of the others. */
export function scopeSchema(taken: string[]) {
  return z.object({
    name: z
      .string()
      .trim()
      .min(1, 'Give it a name.')
      .max(200, 'Use at most 200 characters.')
      .regex(token, 'Use letters and digits without accents, and no spaces, quotation marks or backslashes.')
      .refine((name) => name !== 'openid' && name !== 'offline_access' && !name.startsWith('admin:'), 'This name belongs to the protocol or to Clavex. Choose another one.')
      .refine((name) => !taken.includes(name), 'There is a scope with this name already.'),
    claims: z.array(z.string()),
    description: z.record(z.string(), z.string().trim().max(200, 'Use at most 200 characters.')),
  });
}

export type ScopeValues = z.infer<ReturnType<typeof scopeSchema>>;

export function scopeValues(scope?: ScopeDefinition): ScopeValues {
  const empty = Object.fromEntries(languages.map(({ tag }) => [tag, '']));
  return { name: scope?.name ?? '', claims: scope?.claims ?? [], description: { ...empty, ...scope?.description } };
}

export function scopeOf(values: ScopeValues): ScopeDefinition {
  const description = Object.fromEntries(Object.entries(values.description).filter(([, words]) => words !== ''));
  return { name: values.name, claims: values.claims, ...(Object.keys(description).length > 0 && { description }) };
}

/** The form of one claim; `taken` are the names of the others. */
export function claimSchema(taken: string[]) {
  return z.object({
    name: z
      .string()
      .trim()
      .min(1, 'Give it a name.')
      .max(200, 'Use at most 200 characters.')
      .regex(/^[!-~]+$/, 'Use letters, digits and signs without accents, and no spaces.')
      .refine((name) => !taken.includes(name) && !standardClaims.includes(name), 'There is a claim with this name already.'),
    attribute: z.string().trim().min(1, 'Say which attribute it is made of.').max(200, 'Use at most 200 characters.'),
  });
}

export type ClaimValues = z.infer<ReturnType<typeof claimSchema>>;

type Definitions = Pick<Policies, 'scopes' | 'claims'>;

/** Puts a scope in the place of the one with a name, else at the end; without a scope takes that one out. */
export function withScope({ scopes }: Definitions, name: string | undefined, scope?: ScopeDefinition): PoliciesPatch {
  const known = scopes.some((each) => each.name === name);
  const list = scopes.flatMap((each) => (each.name === name ? (scope ? [scope] : []) : [each]));
  return { scopes: known || !scope ? list : [...list, scope] };
}

/** The same for a claim. Scopes that tell it follow: to its new name, or they do without. */
export function withClaim({ scopes, claims }: Definitions, name: string | undefined, claim?: ClaimDefinition): PoliciesPatch {
  const known = claims.some((each) => each.name === name);
  const list = claims.flatMap((each) => (each.name === name ? (claim ? [claim] : []) : [each]));
  const followers = name !== undefined && name !== claim?.name && scopes.some((scope) => scope.claims?.includes(name));
  return {
    claims: known || !claim ? list : [...list, claim],
    ...(followers && { scopes: scopes.map((scope) => ({ ...scope, claims: scope.claims?.flatMap((each) => (each === name ? (claim ? [claim.name] : []) : [each])) })) }),
  };
}

/** The scopes that tell a claim, in the organization's words and in the specification's. */
export function scopesOf({ scopes }: Definitions, claim: string): string[] {
  return scopes.filter((scope) => scope.claims?.includes(claim)).map(({ name }) => name);
}

/** policies.scopes[2].claims[0] → claims, policies.scopes[2].description.de → description.de. */
export function fieldOf(apiField: string): string {
  const field = apiField.replace(/^policies\.(scopes|claims)\[\d+\]\.?/, '').replace(/\[.*$/, '');
  return field === 'description' ? `description.${languages[0]!.tag}` : field;
}
