/** Where people go after sign-in when nothing else was asked for. */
export const DEFAULT_RETURN = "/protected";

const LONGEST = 512;

/**
 * Accepts a page of this application to return to after sign-in, and nothing else: a foreign
 * address would make the sign-in an open redirector, an address under `/api/` would loop.
 */
export function safeReturnTo(wanted: string | null | undefined, appUrl: string): string {
  if (!wanted || wanted.length > LONGEST || !wanted.startsWith("/")) return DEFAULT_RETURN;
  if (!URL.canParse(wanted, appUrl)) return DEFAULT_RETURN;
  const url = new URL(wanted, appUrl);
  // "/.//host" stays on this origin but becomes "//host", which a browser reads as another host.
  const foreign = url.origin !== new URL(appUrl).origin || url.pathname.startsWith("//");
  if (foreign || url.pathname.startsWith("/api/")) return DEFAULT_RETURN;
  return url.pathname + url.search;
}
