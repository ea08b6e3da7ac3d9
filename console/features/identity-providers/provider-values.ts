import type { IdentityProvider, IdentityProviderAuthentication, IdentityProviderCreate, IdentityProviderPatch } from '@/lib/api';
import { changes, scopeList, words, z } from '@/lib/schema';

export const authentications: { value: IdentityProviderAuthentication; label: string }[] = [
  { value: 'client_secret_basic', label: 'With its secret, in the header (client_secret_basic)' },
  { value: 'client_secret_post', label: 'With its secret, in the form (client_secret_post)' },
  { value: 'none', label: 'By PKCE alone (none)' },
];

const fields = z.object({
  name: z.string().trim().min(1, 'Give it a name.').max(100, 'Use at most 100 characters.'),
  alias: z
    .string()
    .trim()
    .min(2, 'Use at least 2 characters.')
    .max(40, 'Use at most 40 characters.')
    .regex(/^[a-z0-9](-?[a-z0-9])*$/, 'Use small letters, digits and single hyphens between them.'),
  issuer: z.string().trim().min(1, 'Write its issuer.').max(2000, 'Use at most 2,000 characters.'),
  client_id: z.string().trim().min(1, 'Write what the provider knows Clavex by.').max(500, 'Use at most 500 characters.'),
  client_authentication: z.enum(['client_secret_basic', 'client_secret_post', 'none']),
  /** Empty: the one that is saved, if there is one. */
  client_secret: z.string().max(1000, 'Use at most 1,000 characters.'),
  scopes: scopeList.refine((text) => words(text).length <= 20, 'Use at most 20 scopes.'),
});

export type ProviderValues = z.infer<typeof fields>;

/** What a form about the provider, or a new one, may say: a secret where none is saved that would do. */
export const schemaOf = (provider?: IdentityProvider) =>
  fields.superRefine((values, context) => {
    const saved = provider !== undefined && provider.client_authentication !== 'none' && provider.client_id === values.client_id;
    if (values.client_authentication !== 'none' && values.client_secret === '' && !saved) {
      context.addIssue({ code: 'custom', path: ['client_secret'], message: 'Write the secret that the provider gave for this client ID.' });
    }
  });

export function valuesOf(provider?: IdentityProvider): ProviderValues {
  return {
    name: provider?.name ?? '',
    alias: provider?.alias ?? '',
    issuer: provider?.issuer ?? '',
    client_id: provider?.client_id ?? '',
    client_authentication: provider?.client_authentication ?? 'client_secret_basic',
    client_secret: '',
    scopes: (provider?.scopes ?? ['openid', 'email', 'profile']).join(' '),
  };
}

function common({ name, alias, client_id, client_authentication, scopes }: ProviderValues) {
  return { name, alias, client_id, client_authentication, scopes: [...new Set(['openid', ...words(scopes)])] };
}

const secretOf = ({ client_authentication, client_secret }: ProviderValues) => (client_authentication !== 'none' && client_secret !== '' ? { client_secret } : {});

export function createBody(values: ProviderValues): IdentityProviderCreate {
  return { ...common(values), issuer: values.issuer, ...secretOf(values) };
}

/** What differs from what is saved; undefined when nothing does. */
export function patchOf(provider: IdentityProvider, values: ProviderValues): IdentityProviderPatch | undefined {
  const patch = { ...changes(common(valuesOf(provider)), common(values)), ...secretOf(values) };
  return Object.keys(patch).length > 0 ? patch : undefined;
}

/** Where the provider sends people back to; it is registered there. */
export const redirectUri = (issuer: string, alias: string): string => `${issuer}/idp/${alias}/callback`;
