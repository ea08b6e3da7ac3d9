import type { AuthorizationDetailsField, AuthorizationDetailsType, Policies, PoliciesPatch } from '@/lib/api';
import { languages } from '@/lib/languages';
import { z } from '@/lib/schema';

export const fieldKinds = ['text', 'number', 'boolean', 'texts', 'amount'] as const satisfies readonly AuthorizationDetailsField['kind'][];

/** What each kind is called, and how such a value reads. */
export const kindFacts: Record<AuthorizationDetailsField['kind'], { label: string; sample: string }> = {
  text: { label: 'Text', sample: 'Merchant A' },
  number: { label: 'Number', sample: '3' },
  boolean: { label: 'True or false', sample: 'true' },
  texts: { label: 'Several texts', sample: 'first, second' },
  amount: { label: 'Amount with currency', sample: '12.50 EUR' },
};

/** Those that every type has (RFC 9396 §2.2), as the sentence may name them. */
export const commonFields: Record<string, string> = { actions: 'read, write', locations: 'https://api.example.com', datatypes: 'contacts', identifier: 'DE02 1203', privileges: 'admin' };

const words = z.record(z.string(), z.string().trim().max(300, 'Use at most 300 characters.'));

const fieldSchema = z.object({
  name: z
    .string()
    .trim()
    .regex(/^[A-Za-z][A-Za-z0-9_.-]{0,63}$/, 'Begin with a letter; then letters, digits, dots, hyphens and underscores.')
    .refine((name) => name !== 'type' && !(name in commonFields), 'Every type has this field already.'),
  kind: z.enum(fieldKinds),
  required: z.boolean(),
  label: z.record(z.string(), z.string().trim().max(100, 'Use at most 100 characters.')),
});

/** The form of one type; `taken` are the names of the others. */
export function detailSchema(taken: string[]) {
  return z
    .object({
      type: z
        .string()
        .trim()
        .regex(/^[!#-[\]-~]{1,200}$/, 'Use letters and digits without accents, and no spaces, quotation marks or backslashes.')
        .refine((type) => !taken.includes(type), 'There is a type with this name already.'),
      consent: words.refine((consent) => Object.values(consent).some((sentence) => sentence !== ''), { path: ['en'], message: 'Write what people read before they allow it, in at least one language.' }),
      fields: z.array(fieldSchema).max(30, 'Define at most 30 fields.'),
    })
    .superRefine(({ consent, fields }, context) => {
      const names = fields.map(({ name }) => name);
      names.forEach((name, index) => {
        if (names.indexOf(name) !== index) context.addIssue({ code: 'custom', path: ['fields', index, 'name'], message: 'This field is there already.' });
      });
      for (const [language, sentence] of Object.entries(consent)) {
        const unknown = placeholdersIn(sentence).find((name) => !names.includes(name) && !(name in commonFields));
        if (unknown !== undefined) context.addIssue({ code: 'custom', path: ['consent', language], message: `{${unknown}} is no field of this type.` });
      }
    });
}

export type DetailValues = z.infer<ReturnType<typeof detailSchema>>;

const placeholder = /\{([^{}]*)\}/g;

function placeholdersIn(sentence: string): string[] {
  return [...sentence.matchAll(placeholder)].map(([, name]) => name ?? '');
}

const inEveryLanguage = (known: Record<string, string> = {}) => ({ ...Object.fromEntries(languages.map(({ tag }) => [tag, ''])), ...known });
const written = (each: Record<string, string>) => Object.fromEntries(Object.entries(each).filter(([, text]) => text !== ''));

export const newField = (): DetailValues['fields'][number] => ({ name: '', kind: 'text', required: false, label: inEveryLanguage() });

export function valuesOf(known?: AuthorizationDetailsType): DetailValues {
  return {
    type: known?.type ?? '',
    consent: inEveryLanguage(known?.consent),
    fields: (known?.fields ?? []).map(({ name, kind, required, label }) => ({ name, kind, required: required ?? false, label: inEveryLanguage(label) })),
  };
}

export function typeOf(values: DetailValues): AuthorizationDetailsType {
  const fields = values.fields.map(({ name, kind, required, label }): AuthorizationDetailsField => {
    const labels = written(label);
    return { name, kind, ...(required && { required }), ...(Object.keys(labels).length > 0 && { label: labels }) };
  });
  return { type: values.type, ...(fields.length > 0 && { fields }), consent: written(values.consent) };
}

/** The list with one type put in place of another, added, or taken out. */
export function withType({ authorization_details_types: list = [] }: Pick<Policies, 'authorization_details_types'>, before: string | undefined, after?: AuthorizationDetailsType): PoliciesPatch {
  const known = list.some(({ type }) => type === before);
  const changed = list.flatMap((each) => (each.type === before ? (after ? [after] : []) : [each]));
  return { authorization_details_types: known || !after ? changed : [...changed, after] };
}

/** policies.authorization_details_types[0].fields[1].name → fields.1.name; a sentence is said at the first one. */
export function fieldOf(apiField: string): string {
  const field = apiField.replace(/^policies\.authorization_details_types(\[\d+\])?\.?/, '').replaceAll(/\[(\d+)\]/g, '.$1');
  if (field === 'consent') return `consent.${languages[0]!.tag}`;
  return field.endsWith('.label') ? `${field}.${languages[0]!.tag}` : field;
}

/** What the consent page says of an example, in one language: the sentence and every field below it. */
export function previewOf({ consent, fields }: Pick<DetailValues, 'consent' | 'fields'>, language: string): { sentence: string; facts: { label: string; value: string }[] } {
  const inLanguage = (each: Record<string, string>) => each[language] || each.en || Object.entries(each).sort(([a], [b]) => a.localeCompare(b)).find(([, text]) => text !== '')?.[1] || '';
  const samples: Record<string, string> = { ...commonFields, ...Object.fromEntries(fields.map(({ name, kind }) => [name, kindFacts[kind].sample])) };
  return {
    sentence: inLanguage(consent).replace(placeholder, (_, name: string) => samples[name] ?? '–'),
    facts: fields.filter(({ name }) => name !== '').map(({ name, kind, label }) => ({ label: inLanguage(label) || name, value: kindFacts[kind].sample })),
  };
}
