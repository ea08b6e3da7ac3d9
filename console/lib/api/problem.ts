import type { FieldError, Problem } from './schema';

/** A request that did not succeed: the server's problem details (RFC 9457), or no answer at all (status 0). */
export class ProblemError extends Error {
  readonly status: number;
  readonly code: string;
  readonly requestId: string;
  readonly errors: FieldError[];
  /** Seconds to wait before trying again, when the server said so. */
  readonly retryAfter: number | undefined;

  constructor(problem: Partial<Problem> & { status: number }, retryAfter?: number) {
    super(problem.detail || problem.title || defaultMessage(problem.status));
    this.name = 'ProblemError';
    this.status = problem.status;
    this.code = problem.code ?? 'unknown';
    this.requestId = problem.request_id ?? '';
    this.errors = problem.errors ?? [];
    this.retryAfter = retryAfter;
  }
}

function defaultMessage(status: number): string {
  if (status === 0) return 'The server did not answer. Check your connection and try again.';
  if (status >= 500) return 'The server could not answer. Try again in a moment.';
  return 'The server refused this request.';
}

/** Reads whatever a failed response holds; a proxy's HTML page becomes a problem by its status. */
export function problemFrom(response: Response, body: unknown): ProblemError {
  const retryAfter = Number(response.headers.get('Retry-After')) || undefined;
  const isProblem = typeof body === 'object' && body !== null && 'code' in body;
  return new ProblemError({ ...(isProblem ? (body as Problem) : {}), status: response.status }, retryAfter);
}

export function isProblem(error: unknown, code?: string): error is ProblemError {
  return error instanceof ProblemError && (code === undefined || error.code === code);
}
