import { createHash } from "node:crypto";
import type { Settings } from "@/lib/settings";

/** How long a person may take at the identity server, in seconds. */
export const LOGIN_LIFETIME = 10 * 60;
/** The longest a session lives, however often its tokens are refreshed, in seconds. */
export const SESSION_LIFETIME = 12 * 60 * 60;

const isSecure = (settings: Settings): boolean => settings.appUrl.startsWith("https:");

/**
 * With https the `__Host-` prefix keeps subdomains from planting the cookie. On localhost
 * cookies are shared by all ports, so the port is part of the name: two applications under
 * development do not sign each other out.
 */
function prefixed(settings: Settings, name: string): string {
  if (isSecure(settings)) return `__Host-${name}`;
  return `${name}-${new URL(settings.appUrl).port || "80"}`;
}

export const sessionCookieName = (settings: Settings): string => prefixed(settings, "session");

const loginCookiePrefix = (settings: Settings): string => `${prefixed(settings, "login")}-`;

/** One cookie per sign-in under way, so that two tabs can sign in side by side. */
export function loginCookieName(settings: Settings, state: string): string {
  return loginCookiePrefix(settings) + createHash("sha256").update(state).digest("hex").slice(0, 16);
}

export const isLoginCookie = (settings: Settings, name: string): boolean => name.startsWith(loginCookiePrefix(settings));

/** `Lax` lets the cookie travel when the identity server sends the browser back, but never with a foreign post. */
export function cookieOptions(settings: Settings, maxAge: number) {
  return { httpOnly: true, secure: isSecure(settings), sameSite: "lax", path: "/", maxAge } as const;
}
