import { optionalUri, z } from '@/lib/schema';

/** What a client may say in several languages (RFC 7591 §2.2). */
export const localizable = [
  { member: 'client_name', label: 'Name' },
  { member: 'client_uri', label: 'Home page' },
  { member: 'logo_uri', label: 'Logo' },
  { member: 'policy_uri', label: 'Privacy notice' },
  { member: 'tos_uri', label: 'Terms of service' },
] as const;

const row = z
  .object({
    member: z.enum(['client_name', 'client_uri', 'logo_uri', 'policy_uri', 'tos_uri']),
    language: z
      .string()
      .trim()
      .max(35, 'Use at most 35 characters.')
      .regex(/^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$/, 'Write a language such as it or pt-BR.'),
    value: z.string().trim().min(1, 'Write it, or remove the line.'),
  })
  .superRefine(({ member, value }, context) => {
    const fault = member === 'client_name' ? (value.length > 200 ? 'Use at most 200 characters.' : undefined) : optionalUri.safeParse(value).error?.issues[0]?.message;
    if (fault) context.addIssue({ code: 'custom', path: ['value'], message: fault });
  });

export const localizedSchema = z
  .array(row)
  .max(100, 'Write at most 100 lines.')
  .superRefine((rows, context) => {
    const seen = new Set<string>();
    rows.forEach((each, index) => {
      const name = nameOf(each).toLowerCase();
      if (seen.has(name)) context.addIssue({ code: 'custom', path: [index, 'language'], message: 'This language is there already.' });
      seen.add(name);
    });
  });

export type LocalizedRow = z.infer<typeof row>;

type Localized = Record<string, string>;

function nameOf({ member, language }: LocalizedRow): string {
  return `${member}#${language}`;
}

/** {"client_name#it": "Paghe"} → a row for each, in the order of their names. */
export function localizedRows(localized: Localized = {}): LocalizedRow[] {
  return Object.keys(localized)
    .sort()
    .map((name) => {
      const [member, language = ''] = name.split('#');
      return { member: member as LocalizedRow['member'], language, value: localized[name]! };
    });
}

export function localizedOf(rows: LocalizedRow[]): Localized {
  return Object.fromEntries(rows.map((each) => [nameOf(each), each.value]));
}

/** What differs, as a merge patch: what is gone is null. */
export function localizedPatch(before: Localized, after: Localized): Record<string, string | null> | undefined {
  const gone = Object.keys(before).filter((name) => after[name] === undefined);
  const changed = Object.entries(after).filter(([name, value]) => before[name] !== value);
  return gone.length + changed.length > 0 ? { ...Object.fromEntries(gone.map((name) => [name, null])), ...Object.fromEntries(changed) } : undefined;
}

/** Where in the form a member with a language tag stands: client_name#it → localized.2.value. */
export function localizedIndex(rows: LocalizedRow[], name: string): string {
  const index = rows.findIndex((each) => nameOf(each) === name);
  return index < 0 ? 'localized' : `localized.${index}.value`;
}
