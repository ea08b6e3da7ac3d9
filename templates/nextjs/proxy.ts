import { NextResponse, type NextRequest } from "next/server";
import { sessionCookieName } from "@/lib/auth/cookies";
import { unseal } from "@/lib/auth/sealed";
import { isLoopback, readSettings, type Settings } from "@/lib/settings";

/** Pages that are of no use without a session. Each checks again by itself: this is a courtesy, not the guard. */
const PROTECTED = ["/protected", "/profile"];

/** Runs before every page: the right host, a sign-in where one is needed, the security headers. */
export async function proxy(request: NextRequest): Promise<NextResponse> {
  const read = readSettings();
  const settings = read.ok ? read.settings : undefined;
  if (settings) {
    const rightName = otherLoopbackName(request, settings);
    if (rightName) return moveTo(rightName);
    const signIn = await signInFirst(request, settings);
    if (signIn) return NextResponse.redirect(signIn, 307);
  }
  const nonce = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("base64");
  const policy = contentSecurityPolicy(nonce, settings);
  const headers = new Headers(request.headers);
  // Next.js takes the nonce for its own scripts from this request header.
  headers.set("content-security-policy", policy);
  const response = NextResponse.next({ request: { headers } });
  response.headers.set("content-security-policy", policy);
  response.headers.set("x-content-type-options", "nosniff");
  response.headers.set("cross-origin-opener-policy", "same-origin");
  // Not "no-referrer": with it browsers send "Origin: null", and no form of ours would be accepted.
  response.headers.set("referrer-policy", "same-origin");
  if (settings?.appUrl.startsWith("https:")) response.headers.set("strict-transport-security", "max-age=31536000");
  return response;
}

/** Cookies of 127.0.0.1 are not those of localhost; whoever typed the other name would lose the sign-in half way. */
function otherLoopbackName(request: NextRequest, settings: Settings): string | undefined {
  const app = new URL(settings.appUrl);
  const host = request.headers.get("host") ?? "";
  if (request.method !== "GET" || !isLoopback(app) || !URL.canParse(`http://${host}`)) return undefined;
  const asked = new URL(`http://${host}`);
  if (!isLoopback(asked) || asked.hostname === app.hostname || asked.port !== app.port) return undefined;
  return settings.appUrl + request.nextUrl.pathname + request.nextUrl.search;
}

/**
 * Next.js takes 127.0.0.1 and localhost for the same place and would shorten a redirect from
 * one to the other to a path, that is, to itself. The Refresh header it leaves alone.
 */
function moveTo(address: string): NextResponse {
  return new NextResponse(`This application lives at ${address}\n`, {
    headers: { refresh: `0; url=${address}`, "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" },
  });
}

async function signInFirst(request: NextRequest, settings: Settings): Promise<string | undefined> {
  const { pathname, search } = request.nextUrl;
  if (!PROTECTED.some((page) => pathname === page || pathname.startsWith(`${page}/`))) return undefined;
  const sealed = request.cookies.get(sessionCookieName(settings))?.value;
  if (sealed && (await unseal("session-cookie", sealed, settings.sessionSecret))) return undefined;
  return `${settings.appUrl}/?return_to=${encodeURIComponent(pathname + search)}`;
}

function contentSecurityPolicy(nonce: string, settings: Settings | undefined): string {
  const development = process.env.NODE_ENV === "development";
  // The sign-out form is answered with a redirect to the identity server, which browsers count as its action.
  const issuerOrigin = settings ? ` ${new URL(settings.issuer).origin}` : "";
  return [
    "default-src 'none'",
    // React reconstructs server stacks with eval while developing, never in production.
    `script-src 'self' 'nonce-${nonce}' 'strict-dynamic'${development ? " 'unsafe-eval'" : ""}`,
    `style-src 'self' ${development ? "'unsafe-inline'" : `'nonce-${nonce}'`}`,
    "img-src 'self' data:",
    "font-src 'self'",
    `connect-src 'self'${development ? " ws:" : ""}`,
    "manifest-src 'self'",
    "base-uri 'none'",
    `form-action 'self'${issuerOrigin}`,
    "frame-ancestors 'none'",
  ].join("; ");
}

export const config = {
  matcher: ["/((?!_next/static|_next/image|icon.svg).*)"],
};
