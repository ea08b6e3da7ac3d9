/** zod without its compiler of generated code, which the Content-Security-Policy forbids, and pieces that forms share. */
import { z } from 'zod';

z.config({ jitless: true });

export { z };

export const slug = z
  .string()
  .trim()
  .min(2, 'Use at least 2 characters.')
  .max(63, 'Use at most 63 characters.')
  .regex(/^[a-z0-9](-?[a-z0-9])*$/, 'Use small letters, digits and single hyphens between them.');

/** An address or nothing. */
export const optionalUri = z.union([z.literal(''), z.url({ protocol: /^https?$/, error: 'Write a complete address such as https://example.com/terms.' })]);

/** Lines of text; empty ones do not count. */
export function lines(text: string): string[] {
  return [...new Set(text.split('\n').map((line) => line.trim()).filter(Boolean))];
}

export function absoluteUris(text: string): string | undefined {
  const wrong = lines(text).find((line) => {
    try {
      return new URL(line).hash !== '' || line.includes('#');
    } catch {
      return true;
    }
  });
  return wrong === undefined ? undefined : `${wrong} is not a complete address without a fragment.`;
}

/** The fields that differ, as a merge patch; undefined when nothing does. */
export function changes<T extends object>(before: T, after: T): Partial<T> | undefined {
  const patch: Partial<T> = {};
  for (const key of Object.keys(after) as (keyof T)[]) {
    if (JSON.stringify(before[key]) !== JSON.stringify(after[key])) patch[key] = after[key];
  }
  return Object.keys(patch).length > 0 ? patch : undefined;
}

/** A JWK set as pasted, or nothing. Whether its keys are public and usable, the server judges. */
export const keySet = z.string().trim().superRefine((text, context) => {
  const problem = keySetProblem(text);
  if (problem) context.addIssue({ code: 'custom', message: problem });
});

function keySetProblem(text: string): string | undefined {
  if (text === '') return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'This is not JSON. Paste the whole key set, from the first brace to the last.';
  }
  const keys = typeof value === 'object' && value !== null && 'keys' in value ? value.keys : undefined;
  if (!Array.isArray(keys)) return 'A key set is an object with a list "keys". A single key goes inside of that list.';
  return keys.length > 0 ? undefined : 'There is no key in "keys".';
}

/** Scopes as typed, separated by spaces. */
export const scopeList = z.string().refine((text) => /^[\x21\x23-\x5b\x5d-\x7e\s]*$/.test(text), 'A scope has no quotation marks, backslashes or letters outside of ASCII.');

/** Words of a text, each once. */
export function words(text: string): string[] {
  return [...new Set(text.split(/\s+/).filter(Boolean))];
}
