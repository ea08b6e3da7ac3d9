import type { JWTPayload } from "jose";

export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken?: string;
  readonly idToken: string;
  /** When the access token was issued and when it expires, in milliseconds since the epoch. */
  readonly issuedAt: number;
  readonly expiresAt: number;
}

/** A signed-in person. Lives on the server; the browser holds only a sealed identifier. */
export interface Session {
  readonly kind: "active";
  /** Claims of the ID token together with those of the userinfo endpoint. */
  readonly claims: JWTPayload & { readonly sub: string };
  readonly tokens: Tokens;
  readonly startedAt: number;
  readonly endsAt: number;
  /** How often the tokens were refreshed: tells a renewal that happened from one that is still due. */
  readonly renewals: number;
}

/** What remains of a session that the identity server ended, so that the person can be told. */
export interface EndedSession {
  readonly kind: "ended";
  readonly endsAt: number;
}

export type StoredSession = Session | EndedSession;

/**
 * Where sessions are kept. The files of `file-session-store.ts` serve one process; an
 * application that runs on several machines implements this on Redis or its database.
 */
export interface SessionStore {
  read(id: string): Promise<StoredSession | undefined>;
  write(id: string, session: StoredSession): Promise<void>;
  remove(id: string): Promise<void>;
  /**
   * Runs `work` while nobody else runs work for the same session. Refresh tokens rotate: two
   * requests that refresh at once would present the same one twice, which the identity server
   * must treat as theft. With several processes this needs a distributed lock.
   */
  exclusively<T>(id: string, work: () => Promise<T>): Promise<T>;
}
