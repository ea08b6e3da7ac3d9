/**
 * Who is signed in, outside React so that the API client can read the CSRF token and report an end.
 * The session itself is an HttpOnly cookie; nothing here is worth stealing but the CSRF token, which
 * is worth nothing without that cookie.
 */
import type { MeUser, OrganizationReference, Permission } from '@/lib/api/schema';

export interface SignedIn {
  state: 'signed-in';
  csrfToken: string;
  user: MeUser;
  organization: OrganizationReference;
  permissions: Permission[];
}

export type Session =
  | { state: 'unknown' }
  | { state: 'unreachable' }
  | { state: 'signed-out' }
  | { state: 'ended'; last: SignedIn }
  | SignedIn;

interface SessionAnswer {
  authenticated: boolean;
  csrf_token?: string;
  user?: MeUser;
  organization?: OrganizationReference;
  permissions?: Permission[];
}

let current: Session = { state: 'unknown' };
const listeners = new Set<() => void>();

function become(session: Session) {
  current = session;
  listeners.forEach((listener) => listener());
}

export function getSession(): Session {
  return current;
}

export function subscribeToSession(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function csrfToken(): string {
  return current.state === 'signed-in' ? current.csrfToken : '';
}

/** Called when the server no longer knows the session. The page stays; a calm notice covers it. */
export function sessionEnded() {
  if (current.state === 'signed-in') become({ state: 'ended', last: current });
}

/** Asks the server who is signed in. */
export async function loadSession(): Promise<void> {
  try {
    const response = await fetch('/console/api/session', { credentials: 'same-origin', headers: { Accept: 'application/json' } });
    if (!response.ok) throw new Error(String(response.status));
    const answer = (await response.json()) as SessionAnswer;
    if (answer.authenticated && answer.csrf_token && answer.user && answer.organization) {
      const before = current.state === 'ended' ? current.last : current;
      if (before.state === 'signed-in' && before.user.id !== answer.user.id) {
        // Another person signed in; what the page holds is not theirs.
        window.location.reload();
        return;
      }
      become({
        state: 'signed-in',
        csrfToken: answer.csrf_token,
        user: answer.user,
        organization: answer.organization,
        permissions: answer.permissions ?? [],
      });
      return;
    }
    if (current.state === 'signed-in') sessionEnded();
    else if (current.state !== 'ended') become({ state: 'signed-out' });
  } catch {
    if (current.state === 'unknown' || current.state === 'unreachable') become({ state: 'unreachable' });
  }
}

/** Ends the session here and at the OpenID Provider; leaves the page. */
export async function signOut(): Promise<void> {
  const response = await fetch('/console/api/logout', {
    method: 'POST',
    credentials: 'same-origin',
    headers: { Accept: 'application/json', 'X-CSRF-Token': csrfToken() },
  });
  if (!response.ok && response.status !== 401) throw new Error(String(response.status));
  const answer = response.ok ? ((await response.json()) as { redirect_to?: string }) : {};
  window.location.assign(answer.redirect_to || '/console/');
}

const organizationKey = 'clavex.organization';

/** Signs in beside this page, which keeps what was typed and notices when it is looked at again. */
export function signInBeside(organization: string) {
  window.open(signInAddress(organization), '_blank', 'noopener');
}

/** Leaves for the sign-in of an organization; whoever comes back finds the same address. */
export function startSignIn(organization: string, returnTo?: string) {
  try {
    localStorage.setItem(organizationKey, organization);
  } catch {
    // Storage may be forbidden; then the field is not filled in the next time.
  }
  // The server answers there, not a page of this application.
  window.location.assign(signInAddress(organization, returnTo));
}

export function signInAddress(organization: string, returnTo?: string): string {
  return `/console/login?${new URLSearchParams({ organization, ...(returnTo && { return_to: returnTo }) })}`;
}

/** The organization that signed in last in this browser. */
export function lastOrganization(): string | undefined {
  try {
    return localStorage.getItem(organizationKey) ?? undefined;
  } catch {
    return undefined;
  }
}

/** For tests. */
export function setSession(session: Session) {
  become(session);
}
