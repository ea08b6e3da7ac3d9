import { expect, test } from 'vitest';
import { dayStart } from '@/lib/time';

test('a day begins at local midnight and ends where the next begins', () => {
  expect(dayStart('')).toBeUndefined();
  expect(dayStart('2026-02-28')).toBe(new Date(2026, 1, 28).toISOString());
  expect(dayStart('2026-02-28', 1)).toBe(new Date(2026, 2, 1).toISOString());
});
