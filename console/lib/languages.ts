/** The languages that the consent page speaks. */
export const languages: { tag: string; label: string }[] = [
  { tag: 'en', label: 'English' },
  { tag: 'de', label: 'German' },
  { tag: 'fr', label: 'French' },
  { tag: 'it', label: 'Italian' },
  { tag: 'es', label: 'Spanish' },
  { tag: 'nl', label: 'Dutch' },
];
