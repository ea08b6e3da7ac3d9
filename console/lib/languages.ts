/** The languages that the consent page speaks. */
export const languages: { tag: string; label: string }[] = [
  { tag: 'en', label: 'English' },
  { tag: 'de', label: 'German' },
  { tag: 'it', label: 'Italian' },
];
