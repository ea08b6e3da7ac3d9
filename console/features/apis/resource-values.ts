import type { Resource, ResourceCreate, ResourcePatch } from '@/lib/api';
import { absoluteUris, changes, lines, scopeList, words, z } from '@/lib/schema';

export const resourceSchema = z.object({
  name: z.string().trim().min(1, 'Give it a name.').max(200, 'Use at most 200 characters.'),
  identifier: z
    .string()
    .trim()
    .min(1, 'Write its address.')
    .max(2000, 'Use at most 2,000 characters.')
    .superRefine((text, context) => {
      const problem = absoluteUris(text);
      if (problem) context.addIssue({ code: 'custom', message: problem });
    }),
  scopes: scopeList.refine((text) => words(text).length <= 50, 'Name at most 50 scopes.'),
  /** Seconds; NaN for those of each client. */
  access_token_lifetime_seconds: z.union([z.nan(), z.number().int('Choose whole seconds.').min(30, 'Choose 30 seconds or more.').max(86_400, 'Choose at most 1 day.')]),
  introspection_clients: z.string().refine((text) => lines(text).length <= 50, 'Name at most 50 clients.'),
  published: z.boolean(),
});

export type ResourceValues = z.infer<typeof resourceSchema>;

export function valuesOf(resource?: Resource): ResourceValues {
  return {
    name: resource?.name ?? '',
    identifier: resource?.identifier ?? '',
    scopes: (resource?.scopes ?? []).join(' '),
    access_token_lifetime_seconds: resource?.access_token_lifetime_seconds ?? Number.NaN,
    introspection_clients: (resource?.introspection_clients ?? []).join('\n'),
    published: resource?.published ?? false,
  };
}

function always(values: ResourceValues) {
  return { name: values.name, identifier: values.identifier, scopes: words(values.scopes), introspection_clients: lines(values.introspection_clients), published: values.published };
}

const lifetime = (values: ResourceValues) => (Number.isNaN(values.access_token_lifetime_seconds) ? undefined : values.access_token_lifetime_seconds);

export function createBody(values: ResourceValues): ResourceCreate {
  const seconds = lifetime(values);
  return { ...always(values), ...(seconds !== undefined && { access_token_lifetime_seconds: seconds }) };
}

/** What differs, as a merge patch; undefined when nothing does. */
export function patchOf(resource: Resource, values: ResourceValues): ResourcePatch | undefined {
  const before = valuesOf(resource);
  const seconds = lifetime(values);
  const patch: ResourcePatch = { ...changes(always(before), always(values)), ...(lifetime(before) !== seconds && { access_token_lifetime_seconds: seconds ?? null }) };
  return Object.keys(patch).length > 0 ? patch : undefined;
}
