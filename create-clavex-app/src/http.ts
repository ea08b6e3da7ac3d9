/** The server could not be asked, or did not finish its answer. */
export class Unreachable extends Error {}

export interface JsonAnswer {
  readonly status: number;
  /** The body, when it is a JSON object. */
  readonly json: Readonly<Record<string, unknown>> | undefined;
}

export interface JsonRequest {
  readonly method?: "GET" | "POST" | "DELETE";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
}

const TIMEOUT = 10_000;
const LARGEST_BODY = 1024 * 1024;

/**
 * One request that expects JSON. Redirects are not followed: neither discovery nor
 * registration has any, and a secret must not travel to another place.
 */
export async function fetchJson(address: string, init: JsonRequest): Promise<JsonAnswer> {
  try {
    const response = await fetch(address, {
      ...init,
      redirect: "manual",
      headers: { accept: "application/json", ...init.headers },
      signal: AbortSignal.any([init.signal, AbortSignal.timeout(TIMEOUT)]),
    });
    return { status: response.status, json: parseObject(await limitedText(response)) };
  } catch (error) {
    if (init.signal.aborted) throw init.signal.reason;
    throw new Unreachable(reasonOf(error));
  }
}

async function limitedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > LARGEST_BODY) throw new Error("the answer is too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parseObject(text: string): JsonAnswer["json"] {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** fetch() says only "fetch failed"; why is in the cause, or in the causes of that. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "no answer";
  if (error.name === "TimeoutError") return `no answer within ${TIMEOUT / 1000} seconds`;
  const { cause } = error;
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : cause;
  if (first instanceof Error) {
    const { code } = first as NodeJS.ErrnoException;
    if (code === "ECONNREFUSED") return "connection refused";
    if (code === "ENOTFOUND") return "there is no such host";
    return first.message;
  }
  return error.message;
}
