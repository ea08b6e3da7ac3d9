import { beforeEach, expect, test, vi } from 'vitest';
import { getSession, setSession } from '@/lib/session';
import { answer, json, problem, signIn, signedIn } from '@/test/answers';
import { api, isProblem, read, readVersioned, type ProblemError } from '.';

beforeEach(() => {
  vi.unstubAllGlobals();
  signIn();
});

const path = { org: 'demo' };

async function failure(call: Promise<unknown>): Promise<ProblemError> {
  try {
    await call;
  } catch (error) {
    if (isProblem(error)) return error;
    throw error;
  }
  throw new Error('expected a problem');
}

test('a change carries the CSRF token and the version, a reading neither', async () => {
  const asked = answer({
    'GET /api/v1/orgs/demo': () => json({ slug: 'demo' }, 200, { ETag: '"7"' }),
    'PATCH /api/v1/orgs/demo': () => json({ slug: 'demo' }, 200, { ETag: '"8"' }),
  });
  const before = await readVersioned(api.GET('/api/v1/orgs/{org}', { params: { path } }));
  expect(before).toEqual({ value: { slug: 'demo' }, etag: '"7"' });
  const after = await readVersioned(api.PATCH('/api/v1/orgs/{org}', { params: { path, header: { 'If-Match': before.etag } }, body: { name: 'Demo' } }));
  expect(after.etag).toBe('"8"');
  expect(asked.map((request) => request.headers.get('X-CSRF-Token'))).toEqual([null, 'csrf-1']);
  expect(asked[1]?.headers.get('If-Match')).toBe('"7"');
});

test('problem details become an error with code, fields and request id', async () => {
  answer({ 'POST /api/v1/orgs': () => problem(409, 'slug_taken', { errors: [{ field: 'slug', code: 'slug_taken', message: 'Taken.' }] }) });
  const error = await failure(read(api.POST('/api/v1/orgs', { body: { slug: 'demo', name: 'Demo' } })));
  expect(error).toMatchObject({ status: 409, code: 'slug_taken', requestId: 'request-1', message: 'Because of slug_taken.' });
  expect(error.errors[0]?.field).toBe('slug');
  expect(getSession()).toBe(signedIn);
});

test('a page of a proxy in place of JSON is still a problem, and says how long to wait', async () => {
  answer({ 'GET /api/v1/orgs/demo': () => new Response('<html>', { status: 503, headers: { 'Retry-After': '5' } }) });
  expect(await failure(read(api.GET('/api/v1/orgs/{org}', { params: { path } })))).toMatchObject({ status: 503, code: 'unknown', retryAfter: 5 });
});

test('no answer at all is a problem of the network', async () => {
  answer({ 'GET /api/v1/orgs/demo': () => Promise.reject(new TypeError('Failed to fetch')) });
  expect(await failure(read(api.GET('/api/v1/orgs/{org}', { params: { path } })))).toMatchObject({ status: 0, code: 'network' });
});

test('401 ends the session, but keeps who it was', async () => {
  answer({ 'GET /api/v1/orgs/demo': () => problem(401, 'unauthenticated') });
  await failure(read(api.GET('/api/v1/orgs/{org}', { params: { path } })));
  expect(getSession()).toEqual({ state: 'ended', last: signedIn });
});

test('a wrong CSRF token is asked for again', async () => {
  const tokens = ['csrf-1', 'csrf-2'];
  const asked = answer({
    'POST /api/v1/orgs/demo/suspend': (request) => (request.headers.get('X-CSRF-Token') === 'csrf-2' ? json({ slug: 'demo' }) : problem(403, 'csrf_token_invalid')),
    'GET /console/api/session': () => json({ authenticated: true, csrf_token: tokens[1], user: signedIn.user, organization: signedIn.organization, permissions: [] }),
  });
  await failure(read(api.POST('/api/v1/orgs/{org}/suspend', { params: { path } })));
  await read(api.POST('/api/v1/orgs/{org}/suspend', { params: { path } }));
  expect(asked).toHaveLength(3);
});

test('nobody signed in sends no token', async () => {
  setSession({ state: 'signed-out' });
  const asked = answer({ 'POST /api/v1/orgs/demo/suspend': () => problem(401, 'unauthenticated') });
  await failure(read(api.POST('/api/v1/orgs/{org}/suspend', { params: { path } })));
  expect(asked[0]?.headers.get('X-CSRF-Token')).toBe('');
  expect(getSession().state).toBe('signed-out');
});
