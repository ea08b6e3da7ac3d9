import { beforeEach, expect, test, vi } from 'vitest';
import { answer, json, signedIn } from '@/test/answers';
import { getSession, loadSession, setSession, signInAddress } from './store';

beforeEach(() => {
  vi.unstubAllGlobals();
  setSession({ state: 'unknown' });
});

const answered = { authenticated: true, csrf_token: 'csrf-1', user: signedIn.user, organization: signedIn.organization, permissions: signedIn.permissions };

test('whoever is signed in is known after one request', async () => {
  answer({ 'GET /console/api/session': () => json(answered) });
  await loadSession();
  expect(getSession()).toEqual(signedIn);
});

test('nobody signed in is not an error', async () => {
  answer({ 'GET /console/api/session': () => json({ authenticated: false }) });
  await loadSession();
  expect(getSession()).toEqual({ state: 'signed-out' });
});

test('a server that does not answer is told apart from being signed out, and forgiven later', async () => {
  answer({ 'GET /console/api/session': () => new Response('', { status: 502 }) });
  await loadSession();
  expect(getSession().state).toBe('unreachable');
  setSession(signedIn);
  await loadSession();
  expect(getSession()).toBe(signedIn);
});

test('a session that ended elsewhere is noticed, and comes back when the same person signs in beside', async () => {
  setSession(signedIn);
  answer({ 'GET /console/api/session': () => json({ authenticated: false }) });
  await loadSession();
  expect(getSession()).toEqual({ state: 'ended', last: signedIn });
  answer({ 'GET /console/api/session': () => json({ ...answered, csrf_token: 'csrf-2' }) });
  await loadSession();
  expect(getSession()).toEqual({ ...signedIn, csrfToken: 'csrf-2' });
});

test('the way to sign in carries the address to come back to', () => {
  expect(signInAddress('demo', '/console/orgs/demo/users?q=a&b')).toBe('/console/login?organization=demo&return_to=%2Fconsole%2Forgs%2Fdemo%2Fusers%3Fq%3Da%26b');
  expect(signInAddress('system')).toBe('/console/login?organization=system');
});
