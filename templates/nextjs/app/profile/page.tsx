import type { Metadata } from "next";
import { Claims } from "@/components/claims";
import { LocalTime } from "@/components/local-time";
import { Notice } from "@/components/notice";
import { StaleSession } from "@/components/stale-session";
import { SubmitButton } from "@/components/submit-button";
import { requireSession } from "@/lib/auth/session";
import { displayName, initials } from "@/lib/person";

export const metadata: Metadata = { title: "Profile" };

type Query = Promise<Record<string, string | string[] | undefined>>;

/** Who is signed in, how long the tokens last, and every claim the identity server made. */
export default async function ProfilePage({ searchParams }: { readonly searchParams: Query }) {
  const { session, unreachable } = await requireSession("/profile");
  const { notice } = await searchParams;
  const { claims, tokens } = session;
  return (
    <div className="column column-wide">
      {unreachable ? <StaleSession /> : null}
      {notice === "refreshed" ? <Notice kind="success">Your tokens were refreshed.</Notice> : null}
      {notice === "not-refreshed" && !unreachable ? (
        <Notice kind="warning">
          {tokens.refreshToken
            ? "The tokens could not be refreshed just now. The present ones still work."
            : "The identity server gave no refresh token, so there is nothing to refresh with."}
        </Notice>
      ) : null}
      <section className="card" aria-labelledby="user-name">
        <div className="person">
          <span className="initials" aria-hidden="true">
            {initials(claims)}
          </span>
          <div>
            <h1 id="user-name">{displayName(claims)}</h1>
            {typeof claims.email === "string" ? <p className="quiet">{claims.email}</p> : null}
          </div>
        </div>
        <dl className="facts">
          <div>
            <dt>Access token expires</dt>
            <dd>
              <LocalTime id="token-expires-at" at={tokens.expiresAt} />
            </dd>
          </div>
          <div>
            <dt>Refreshed</dt>
            <dd id="renewals">{times(session.renewals)}</dd>
          </div>
          <div>
            <dt>Session ends</dt>
            <dd>
              <LocalTime id="session-ends-at" at={session.endsAt} />
            </dd>
          </div>
        </dl>
        <form action="/api/auth/refresh" method="post">
          <SubmitButton id="refresh-session" className="button" busy="Refreshing">
            Refresh token now
          </SubmitButton>
        </form>
      </section>
      <section className="card" aria-labelledby="claims-title">
        <h2 id="claims-title">Claims</h2>
        <p className="quiet">What the identity server says about you, from the ID token and the userinfo endpoint.</p>
        <Claims claims={claims} />
      </section>
    </div>
  );
}

function times(count: number): string {
  if (count === 0) return "not yet";
  return count === 1 ? "once" : `${count} times`;
}
