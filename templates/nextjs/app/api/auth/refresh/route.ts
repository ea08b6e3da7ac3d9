import { NextResponse, type NextRequest } from "next/server";
import { isSameOrigin, refuseForeignOrigin } from "@/lib/auth/origin";
import { refreshNow } from "@/lib/auth/session";
import { readSettings } from "@/lib/settings";

/** Refreshes the tokens now. Pages do this by themselves when it is due; this is for looking at it. */
export async function POST(request: NextRequest): Promise<Response> {
  const read = readSettings();
  if (!read.ok) return NextResponse.redirect(new URL("/", request.url), 303);
  const { appUrl } = read.settings;
  if (!isSameOrigin(request.headers, appUrl)) return refuseForeignOrigin(appUrl);

  const outcome = await refreshNow();
  const target = outcome === "signed-out" ? "/?return_to=/profile" : `/profile?notice=${outcome}`;
  return NextResponse.redirect(appUrl + target, 303);
}
