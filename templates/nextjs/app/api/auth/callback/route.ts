import { NextResponse, type NextRequest } from "next/server";
import { cookies } from "next/headers";
import { cookieOptions, loginCookieName } from "@/lib/auth/cookies";
import { completeLogin, describe, openTransaction } from "@/lib/auth/login";
import { problemAddress, problemOf } from "@/lib/auth/problem";
import { DEFAULT_RETURN } from "@/lib/auth/return-to";
import { getSession, startSession } from "@/lib/auth/session";
import { readSettings, type Settings } from "@/lib/settings";

/** Where the identity server sends the browser back to, with a code or an error. */
export async function GET(request: NextRequest): Promise<NextResponse> {
  const read = readSettings();
  if (!read.ok) return NextResponse.redirect(new URL("/", request.url), 303);
  const target = await finish(read.settings, request);
  const response = NextResponse.redirect(target, 303);
  response.headers.set("cache-control", "no-store");
  return response;
}

async function finish(settings: Settings, request: NextRequest): Promise<string> {
  const name = loginCookieName(settings, request.nextUrl.searchParams.get("state") ?? "");
  const jar = await cookies();
  const transaction = await openTransaction(settings, jar.get(name)?.value);
  if (!transaction) {
    // A reload or the Back button after a completed sign-in is no problem worth a page.
    if ((await getSession()).kind === "active") return settings.appUrl + DEFAULT_RETURN;
    return problemAddress(settings, { code: "login_expired" });
  }
  // One answer per transaction, whatever comes of it.
  jar.set(name, "", cookieOptions(settings, 0));
  try {
    await startSession(settings, await completeLogin(settings, transaction, request.nextUrl.search));
    return settings.appUrl + transaction.returnTo;
  } catch (error) {
    console.error(`sign-in failed: ${describe(error)}`);
    return problemAddress(settings, { ...problemOf(error), returnTo: transaction.returnTo });
  }
}
