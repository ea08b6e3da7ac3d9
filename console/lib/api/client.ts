import createClient from 'openapi-fetch';
import { csrfToken, loadSession, sessionEnded } from '@/lib/session/store';
import { ProblemError, problemFrom } from './problem';
import type { paths } from './schema';

/** The only way to the Admin API: typed by the contract, authenticated by the console's cookie. */
export const api = createClient<paths>({
  baseUrl: typeof window === 'undefined' ? '' : window.location.origin,
  credentials: 'same-origin',
  // Looked up at each call, so that a test can put another in its place.
  fetch: (request) => globalThis.fetch(request),
});

const readOnly = new Set(['GET', 'HEAD']);

api.use({
  onRequest({ request }) {
    if (!readOnly.has(request.method)) request.headers.set('X-CSRF-Token', csrfToken());
    request.headers.set('Accept', 'application/json, application/problem+json');
    return request;
  },
});

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** What was read, with the version that updates must name in If-Match. */
export interface Versioned<T> {
  value: T;
  etag: string;
}

async function settle<T>(call: Promise<Answer<T>>): Promise<Answer<T>> {
  let answer: Answer<T>;
  try {
    answer = await call;
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
    throw new ProblemError({ status: 0, code: 'network' });
  }
  if (answer.response.ok) return answer;
  const problem = problemFrom(answer.response, answer.error);
  if (problem.status === 401) sessionEnded();
  // Somebody signed in again in another tab: the next attempt carries the new token.
  if (problem.code === 'csrf_token_invalid') await loadSession();
  throw problem;
}

/** Returns the answer's body or throws a ProblemError. */
export async function read<T>(call: Promise<Answer<T>>): Promise<T> {
  return (await settle(call)).data as T;
}

/** Like read, with the ETag. */
export async function readVersioned<T>(call: Promise<Answer<T>>): Promise<Versioned<T>> {
  const answer = await settle(call);
  return { value: answer.data as T, etag: answer.response.headers.get('ETag') ?? '' };
}
