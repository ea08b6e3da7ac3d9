import type { EndedSession, Session, SessionStore, StoredSession, Tokens } from "./session-store";

/** What came of a look at a session. */
export type SessionState =
  | { readonly kind: "none" }
  | { readonly kind: "ended" }
  /** `unreachable`: the identity server could not be asked, so the tokens may be stale. */
  | { readonly kind: "active"; readonly session: Session; readonly unreachable: boolean };

/** What the identity server gave for a refresh token. */
export interface Renewed {
  readonly tokens: Tokens;
  readonly claims: Session["claims"];
}

export type RenewalOutcome =
  | { readonly kind: "renewed"; readonly renewed: Renewed }
  /** The refresh token is worth nothing any more: the person has to sign in again. */
  | { readonly kind: "rejected" }
  /** Nobody can tell; another attempt may succeed. */
  | { readonly kind: "unreachable" };

export type Renew = (session: Session) => Promise<RenewalOutcome>;

const LONGEST_LEAD = 60_000;

/** Tokens are refreshed a little before they expire: a minute, or a quarter of a shorter life. */
export function isRenewalDue(tokens: Tokens, now: number): boolean {
  const lead = Math.min(LONGEST_LEAD, (tokens.expiresAt - tokens.issuedAt) / 4);
  return now >= tokens.expiresAt - lead;
}

/** Looks a session up and refreshes its tokens when that is due. */
export async function currentState(store: SessionStore, id: string, renew: Renew, now = Date.now): Promise<SessionState> {
  const stored = await store.read(id);
  const state = lookedUp(stored, now());
  if (state.kind !== "active" || !isRenewalDue(state.session.tokens, now())) return state;
  return renewSession(store, id, state.session, renew, now);
}

/**
 * Refreshes the tokens of a session that was seen as `seen`. Whoever waited while another
 * request refreshed them gets what that one brought, so one refresh token is presented once.
 */
export async function renewSession(
  store: SessionStore,
  id: string,
  seen: Session,
  renew: Renew,
  now = Date.now,
): Promise<SessionState> {
  return store.exclusively(id, async () => {
    // Read again inside: the session may have been refreshed, or signed out, while we waited.
    const latest = lookedUp(await store.read(id), now());
    if (latest.kind !== "active" || latest.session.renewals !== seen.renewals) return latest;

    const { session } = latest;
    const outcome: RenewalOutcome = session.tokens.refreshToken ? await renew(session) : withoutRefreshToken(session, now());
    switch (outcome.kind) {
      case "renewed": {
        const renewed: Session = { ...session, ...outcome.renewed, renewals: session.renewals + 1 };
        await store.write(id, renewed);
        return { kind: "active", session: renewed, unreachable: false };
      }
      case "rejected": {
        const ended: EndedSession = { kind: "ended", endsAt: session.endsAt };
        await store.write(id, ended);
        return { kind: "ended" };
      }
      case "unreachable":
        return { kind: "active", session, unreachable: now() >= session.tokens.expiresAt };
    }
  });
}

/** Without a refresh token a session is worth as much as its access token, and as long. */
function withoutRefreshToken(session: Session, now: number): RenewalOutcome {
  return now >= session.tokens.expiresAt ? { kind: "rejected" } : { kind: "unreachable" };
}

function lookedUp(stored: StoredSession | undefined, now: number): SessionState {
  if (stored === undefined) return { kind: "none" };
  if (stored.kind === "ended" || now >= stored.endsAt) return { kind: "ended" };
  return { kind: "active", session: stored, unreachable: false };
}
