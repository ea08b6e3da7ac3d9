import { z } from '@/lib/schema';

/** An address or nothing. The server decides finally; this only catches slips. */
export const email = z
  .string()
  .trim()
  .max(254, 'Use at most 254 characters.')
  .refine((value) => value === '' || /^[^\s@]+@[^\s@]+$/.test(value), 'Write an address such as ada@example.com.');

export const phone = z
  .string()
  .transform((value) => value.replace(/[\s().-]/g, ''))
  .refine((value) => value === '' || /^\+[1-9][0-9]{5,14}$/.test(value), 'Begin with + and the country, such as +390612345678.');
