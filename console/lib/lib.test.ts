import { beforeEach, describe, expect, test, vi } from 'vitest';
import { address, placeOf } from './address';
import { actorName, differences, targetName, wordsOf } from './audit-words';
import { cn } from './cn';
import { isMissingChunk, reloadOnce } from './reload';
import { absoluteUris, changes, lines, slug } from './schema';
import { duration, relativeTime } from './time';

describe('placeOf', () => {
  test.each([
    ['/console/', {}],
    ['/console/orgs', {}],
    ['/console/new-organization', {}],
    [address.overview('demo'), { org: 'demo', section: undefined, id: undefined }],
    [address.auditEvents('demo'), { org: 'demo', section: 'audit-events', id: undefined }],
    [address.user('demo', '42'), { org: 'demo', section: 'users', id: '42' }],
  ])('%s', (path, place) => expect(placeOf(path)).toEqual(place));
});

describe('relativeTime', () => {
  const now = new Date('2026-03-01T12:00:00Z');
  test.each([
    ['2026-03-01T11:59:58Z', 'just now'],
    ['2026-03-01T11:57:00Z', '3 minutes ago'],
    ['2026-02-28T11:00:00Z', 'yesterday'],
    ['2026-03-02T12:00:00Z', 'tomorrow'],
    ['2024-02-01T12:00:00Z', '2 years ago'],
  ])('%s is %s', (instant, words) => expect(relativeTime(instant, now)).toBe(words));
});

test.each([
  [3600, '1 hour'],
  [5400, '90 minutes'],
  [604_800, '7 days'],
  [61, '61 seconds'],
])('%d seconds are %s', (seconds, words) => expect(duration(seconds)).toBe(words));

describe('schema', () => {
  test.each(['ab', 'comune-di-torino', '9a'])('%s is a name in addresses', (value) => expect(slug.safeParse(value).success).toBe(true));
  test.each(['a', 'A', '-a', 'a-', 'a--b', 'a_b', 'x'.repeat(64)])('%s is none', (value) => expect(slug.safeParse(value).success).toBe(false));
  test('lines', () => expect(lines(' a \n\nb\na')).toEqual(['a', 'b']));
  test('absoluteUris names the wrong line', () => {
    expect(absoluteUris('https://a.example/cb\ncom.example.app:/cb')).toBeUndefined();
    expect(absoluteUris('https://a.example/cb#x')).toContain('https://a.example/cb#x');
    expect(absoluteUris('https://a.example/cb#')).toBeDefined();
    expect(absoluteUris('/cb')).toContain('/cb');
  });
  test('changes', () => {
    expect(changes({ a: 1, b: [1, 2] }, { a: 1, b: [2] })).toEqual({ b: [2] });
    expect(changes({ a: 1 }, { a: 1 })).toBeUndefined();
  });
});

describe('audit', () => {
  test('differences are told field by field', () => {
    expect(differences({ name: 'A', profile: { locale: 'en' }, same: 1 }, { name: 'B', profile: {}, same: 1, uris: ['x', 'y'] })).toEqual([
      { field: 'name', before: 'A', after: 'B' },
      { field: 'profile.locale', before: 'en', after: undefined },
      { field: 'uris', before: undefined, after: 'x\ny' },
    ]);
  });
  test('words for known and unknown actions', () => {
    expect(wordsOf('user.updated')).toBe('User changed');
    expect(wordsOf('some_thing.happened')).toBe('Some thing happened');
  });
  test('no name that a client chose passes for a person', () => {
    expect(actorName({ type: 'user', id: '1', name: 'ada@acme.test' })).toBe('ada@acme.test');
    expect(actorName({ type: 'client', id: '1', name: 'ada@acme.test' })).toBe('ada@acme.test (client)');
    expect(actorName({ type: 'client', id: '1' })).toBe('A client');
    expect(actorName({ type: 'anonymous' })).toBe('Somebody not signed in');
  });
  test('the target is named by what is known', () => {
    const event = { id: '1', occurred_at: '', action: 'user.updated', outcome: 'success', actor: { type: 'system' } } as const;
    expect(targetName(event)).toBe('');
    expect(targetName({ ...event, target: { type: 'user', id: '0193588f-4c00' } })).toBe('user 0193588f…');
    expect(targetName({ ...event, target: { type: 'user', id: '1' }, before: { username: 'ada' } })).toBe('ada');
  });
});

describe('reloadOnce', () => {
  beforeEach(() => sessionStorage.clear());
  test('a missing file of an older release reloads, but not in a loop', () => {
    const reload = vi.fn();
    expect(reloadOnce(1_000_000, reload)).toBe(true);
    expect(reloadOnce(1_030_000, reload)).toBe(false);
    expect(reloadOnce(1_070_000, reload)).toBe(true);
    expect(reload).toHaveBeenCalledTimes(2);
  });
  test('which errors count', () => {
    expect(isMissingChunk(Object.assign(new Error('x'), { name: 'ChunkLoadError' }))).toBe(true);
    expect(isMissingChunk(new Error('Failed to load chunk /_next/static/chunks/a.js'))).toBe(true);
    expect(isMissingChunk(new Error('undefined is not a function'))).toBe(false);
  });
});

test('cn keeps a size of text beside a colour of text', () => {
  expect(cn('text-14 text-neutral-11', 'text-12')).toBe('text-neutral-11 text-12');
});
