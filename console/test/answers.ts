import { vi } from 'vitest';
import { setSession, type SignedIn } from '@/lib/session';

type Answer = (request: Request) => Response | Promise<Response>;

/** Answers requests by "METHOD /path"; anything else fails the test. Returns what was asked. */
export function answer(routes: Record<string, Answer>) {
  const asked: Request[] = [];
  vi.stubGlobal('fetch', async (input: Request | string, init?: RequestInit) => {
    const request = input instanceof Request ? input : new Request(new URL(input, window.location.origin), init);
    asked.push(request.clone());
    const route = routes[`${request.method} ${new URL(request.url).pathname}`];
    if (!route) throw new Error(`unexpected ${request.method} ${request.url}`);
    return route(request);
  });
  return asked;
}

export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json', ...headers } });
}

export function problem(status: number, code: string, more: object = {}, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify({ type: 'about:blank', title: 'Problem', status, code, request_id: 'request-1', detail: `Because of ${code}.`, ...more }), {
    status,
    headers: { 'Content-Type': 'application/problem+json', ...headers },
  });
}

export const signedIn: SignedIn = {
  state: 'signed-in',
  csrfToken: 'csrf-1',
  user: { id: '0193588f-4c00-7a10-8b5e-2f6d1c9a0102', username: 'admin@clavex.test' },
  organization: { id: '0193588f-4c00-7a10-8b5e-2f6d1c9a0001', slug: 'system', name: 'System' },
  permissions: ['platform:read', 'platform:write', 'organization:read', 'organization:write', 'users:read', 'users:write', 'clients:read', 'clients:write', 'audit:read'],
};

export function signIn() {
  setSession(signedIn);
}
