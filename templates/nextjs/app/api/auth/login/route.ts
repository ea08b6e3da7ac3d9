import { NextResponse, type NextRequest } from "next/server";
import { cookieOptions, isLoginCookie, LOGIN_LIFETIME, loginCookieName } from "@/lib/auth/cookies";
import { beginLogin, describe } from "@/lib/auth/login";
import { problemAddress, problemOf } from "@/lib/auth/problem";
import { readSettings } from "@/lib/settings";

/** Sign-ins that may be under way in one browser; more are abandoned tabs. */
const MOST_LOGINS = 5;

/** Sends the browser to the identity server. `return_to` names the page to come back to. */
export async function GET(request: NextRequest): Promise<NextResponse> {
  const read = readSettings();
  if (!read.ok) return NextResponse.redirect(new URL("/", request.url), 303);
  const { settings } = read;
  try {
    const { url, state, sealed } = await beginLogin(settings, request.nextUrl.searchParams.get("return_to"));
    const response = NextResponse.redirect(url, 303);
    const underWay = request.cookies.getAll().filter(({ name }) => isLoginCookie(settings, name));
    if (underWay.length >= MOST_LOGINS) {
      for (const { name } of underWay) response.cookies.set(name, "", cookieOptions(settings, 0));
    }
    response.cookies.set(loginCookieName(settings, state), sealed, cookieOptions(settings, LOGIN_LIFETIME));
    response.headers.set("cache-control", "no-store");
    return response;
  } catch (error) {
    console.error(`sign-in could not begin: ${describe(error)}`);
    return NextResponse.redirect(await problemAddress(settings, problemOf(error)), 303);
  }
}
