import { NextResponse, type NextRequest } from "next/server";
import { describe, endSessionUrl, revokeTokens } from "@/lib/auth/login";
import { isSameOrigin, refuseForeignOrigin } from "@/lib/auth/origin";
import { endSession } from "@/lib/auth/session";
import { readSettings, type Settings } from "@/lib/settings";

/** Signs out here, then at the identity server (OpenID Connect RP-Initiated Logout 1.0). */
export async function POST(request: NextRequest): Promise<Response> {
  const read = readSettings();
  if (!read.ok) return NextResponse.redirect(new URL("/", request.url), 303);
  const { settings } = read;
  if (!isSameOrigin(request.headers, settings.appUrl)) return refuseForeignOrigin(settings.appUrl);

  const session = await endSession(settings);
  if (session) await revokeTokens(settings, session);
  return NextResponse.redirect(await farewell(settings, session), 303);
}

async function farewell(settings: Settings, session: Parameters<typeof endSessionUrl>[1]): Promise<URL | string> {
  const here = `${settings.appUrl}/?state=signed-out`;
  if (!session) return here;
  try {
    return (await endSessionUrl(settings, session)) ?? here;
  } catch (error) {
    // The person is signed out of this application even when the server cannot be told.
    console.error(`the identity server was not told of a sign-out: ${describe(error)}`);
    return here;
  }
}
