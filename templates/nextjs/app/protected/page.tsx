import type { Metadata } from "next";
import Link from "next/link";
import { StaleSession } from "@/components/stale-session";
import { requireSession } from "@/lib/auth/session";
import { displayName } from "@/lib/person";

export const metadata: Metadata = { title: "Protected" };

/** A page for signed-in people only. `requireSession` is all a page needs to be one. */
export default async function ProtectedPage() {
  const { session, unreachable } = await requireSession("/protected");
  return (
    <div className="column" id="protected-content">
      {unreachable ? <StaleSession /> : null}
      <section className="card" aria-labelledby="title">
        <h1 id="title">
          Welcome, <span id="user-name">{displayName(session.claims)}</span>
        </h1>
        <p className="lede">Only signed-in people see this page. It was made on the server, for you.</p>
        <pre className="code" aria-label="The code of this page">
          <code>{'const { session } = await requireSession("/protected");'}</code>
        </pre>
        <p>
          That one line looks the session up, refreshes its tokens if they are about to expire, and sends everybody else to
          sign in. <code>session.tokens.accessToken</code> is ready for calls to your APIs.
        </p>
        <Link href="/profile" className="button">
          See your profile
        </Link>
      </section>
    </div>
  );
}
