/**
 * Tells whether a state-changing request came from a page of this application. Browsers send
 * `Origin` with every post and no page can forge it; where it is missing, `Sec-Fetch-Site`
 * must say the same. A request that carries neither is refused.
 */
export function isSameOrigin(headers: Headers, appUrl: string): boolean {
  const origin = headers.get("origin");
  if (origin !== null) return origin === appUrl;
  return headers.get("sec-fetch-site") === "same-origin";
}

/** The answer to a post that came from somewhere else. */
export function refuseForeignOrigin(appUrl: string): Response {
  return new Response(`Refused: this request did not come from a page of ${appUrl}. Open the application at ${appUrl} and try again.\n`, {
    status: 403,
    headers: { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" },
  });
}
