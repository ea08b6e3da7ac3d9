import type { TokenPolicy } from './api';
import { absoluteUris, lines, words, z } from './schema';

/** What a client writes that wants none, where the organization wants some. */
export const none = 'none';

const uris = z.string().superRefine((text, context) => {
  const problem = text.trim() === none ? undefined : absoluteUris(text);
  if (problem) context.addIssue({ code: 'custom', message: problem });
});

/** A policy for tokens as a form holds it. Empty leaves the choice to whoever is asked next. */
export const tokenPolicySchema = z.object({
  access_token_format: z.enum(['', 'jwt', 'opaque']),
  access_token_claims: z.string().refine((text) => words(text).length <= 50, 'Name at most 50 claims.'),
  refresh_token_rotation: z.enum(['', 'rotate', 'keep']),
  /** Seconds; NaN for the default. */
  refresh_token_grace_seconds: z.union([z.nan(), z.number().int('Choose whole seconds.').min(0, 'Choose 0 or more.').max(300, 'Choose at most 5 minutes.')]),
  default_resources: uris,
});

export type TokenPolicyValues = z.infer<typeof tokenPolicySchema>;

export function tokenPolicyValues(policy: TokenPolicy = {}): TokenPolicyValues {
  const text = (list: string[] | undefined, separator: string) => (list?.length === 0 ? none : (list ?? []).join(separator));
  return {
    access_token_format: policy.access_token_format ?? '',
    access_token_claims: text(policy.access_token_claims, ' '),
    refresh_token_rotation: policy.refresh_token_rotation ?? '',
    refresh_token_grace_seconds: policy.refresh_token_grace_seconds ?? Number.NaN,
    default_resources: text(policy.default_resources, '\n'),
  };
}

/** The policy as the Admin API takes it, without what was left open. */
export function tokenPolicyOf(values: TokenPolicyValues): TokenPolicy {
  const list = (text: string, split: (text: string) => string[]) => (text.trim() === none ? [] : split(text));
  const claims = list(values.access_token_claims, words);
  const resources = list(values.default_resources, lines);
  return {
    ...(values.access_token_format && { access_token_format: values.access_token_format }),
    ...((claims.length > 0 || values.access_token_claims.trim() === none) && { access_token_claims: claims }),
    ...(values.refresh_token_rotation && { refresh_token_rotation: values.refresh_token_rotation }),
    ...(!Number.isNaN(values.refresh_token_grace_seconds) && { refresh_token_grace_seconds: values.refresh_token_grace_seconds }),
    ...((resources.length > 0 || values.default_resources.trim() === none) && { default_resources: resources }),
  };
}
