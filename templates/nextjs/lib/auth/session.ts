import "server-only";
import { randomBytes } from "node:crypto";
import { cookies } from "next/headers";
import { redirect } from "next/navigation";
import { cache } from "react";
import { onGlobal } from "@/lib/on-global";
import { requireSettings, type Settings } from "@/lib/settings";
import { cookieOptions, SESSION_LIFETIME, sessionCookieName } from "./cookies";
import { FileSessionStore } from "./file-session-store";
import { renewTokens } from "./login";
import { currentState, renewSession, type SessionState } from "./renewal";
import { seal, unseal } from "./sealed";
import type { Session, SessionStore } from "./session-store";

/** The store of this process. Replace the class here to keep sessions elsewhere. */
export function sessionStore(settings: Settings): SessionStore {
  const key = `${settings.sessionDirectory}:${settings.sessionSecret}`;
  const stores = onGlobal("session-stores", () => new Map<string, SessionStore>());
  let store = stores.get(key);
  if (!store) {
    store = new FileSessionStore(settings.sessionDirectory, settings.sessionSecret);
    stores.set(key, store);
  }
  return store;
}

/** The identifier that this request's session cookie holds. */
export async function sessionId(settings: Settings): Promise<string | undefined> {
  const sealed = (await cookies()).get(sessionCookieName(settings))?.value;
  const payload = sealed ? await unseal("session-cookie", sealed, settings.sessionSecret) : undefined;
  return typeof payload?.id === "string" ? payload.id : undefined;
}

/** The session of this request, its tokens refreshed if that was due. Asked once per request. */
export const getSession = cache(async (): Promise<SessionState> => {
  const settings = requireSettings();
  const id = await sessionId(settings);
  if (!id) return { kind: "none" };
  return currentState(sessionStore(settings), id, (session) => renewTokens(settings, session));
});

/** The session of this request; whoever has none is sent to sign in and comes back to `returnTo`. */
export async function requireSession(returnTo: string): Promise<{ session: Session; unreachable: boolean }> {
  const state = await getSession();
  if (state.kind !== "active") redirect(`/?return_to=${encodeURIComponent(returnTo)}`);
  return state;
}

/** Refreshes the tokens of this request's session now, due or not. */
export async function refreshNow(): Promise<"signed-out" | "refreshed" | "not-refreshed"> {
  const settings = requireSettings();
  const id = await sessionId(settings);
  const seen = id ? await sessionStore(settings).read(id) : undefined;
  if (!id || seen?.kind !== "active") return "signed-out";
  const state = await renewSession(sessionStore(settings), id, seen, (session) => renewTokens(settings, session));
  if (state.kind !== "active") return "signed-out";
  return state.session.renewals > seen.renewals ? "refreshed" : "not-refreshed";
}

/** Begins a session under a new identifier; the one this browser had before, if any, is forgotten. */
export async function startSession(settings: Settings, session: Session): Promise<void> {
  await endSession(settings);
  const id = randomBytes(32).toString("base64url");
  await sessionStore(settings).write(id, session);
  const sealed = await seal("session-cookie", { id }, settings.sessionSecret, SESSION_LIFETIME);
  (await cookies()).set(sessionCookieName(settings), sealed, cookieOptions(settings, SESSION_LIFETIME));
}

/**
 * Ends the session of this request and returns what it was. Waits for a refresh under way,
 * which would otherwise bring the session back to life.
 */
export async function endSession(settings: Settings): Promise<Session | undefined> {
  const id = await sessionId(settings);
  (await cookies()).delete({ name: sessionCookieName(settings), ...cookieOptions(settings, 0) });
  if (!id) return undefined;
  const store = sessionStore(settings);
  return store.exclusively(id, async () => {
    const stored = await store.read(id);
    await store.remove(id);
    return stored?.kind === "active" ? stored : undefined;
  });
}
