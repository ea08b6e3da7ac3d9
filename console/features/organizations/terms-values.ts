import type { TermsPublish } from '@/lib/api';

export interface TermsValues {
  texts: { key: string; language: string; title: string; url: string; text: string }[];
  /** A moment in the viewer's zone, as the browser's field writes it; empty for now. */
  from: string;
}

export const newText = (language: string) => ({ key: crypto.randomUUID(), language, title: '', url: '', text: '' });

/** What is wrong, in a sentence, before anything is sent. */
export function problemOf({ texts }: TermsValues): string | undefined {
  for (const { title, url, text } of texts) {
    if (title.trim() === '') return 'Give the terms a title in each language.';
    if (url.trim() === '' && text.trim() === '') return 'Say in each language where the terms can be read, or what they say.';
    if (url.trim() !== '' && !url.trim().startsWith('https://')) return 'Write an address that begins with https://.';
  }
  return undefined;
}

export function bodyOf({ texts, from }: TermsValues): TermsPublish {
  return {
    texts: Object.fromEntries(
      texts.map(({ language, title, url, text }) => [language, { title: title.trim(), ...(url.trim() && { url: url.trim() }), ...(text.trim() && { text: text.trim() }) }]),
    ),
    ...(from && { in_force_at: new Date(from).toISOString() }),
  };
}
