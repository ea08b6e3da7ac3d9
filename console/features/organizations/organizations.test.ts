import { expect, test } from 'vitest';
import { slugOf } from './create';

test.each([
  ['Città di Torino', 'citta-di-torino'],
  ['Straße & Söhne GmbH', 'strasse-sohne-gmbh'],
  ['  --ACME!!  ', 'acme'],
  ['x'.repeat(80), 'x'.repeat(63)],
  [`${'x'.repeat(62)} y`, 'x'.repeat(62)],
  ['東京', ''],
])('%s becomes %s', (name, slug) => expect(slugOf(name)).toBe(slug));
