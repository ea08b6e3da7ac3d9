import Link from "next/link";
import { Notice } from "@/components/notice";
import { Wiring } from "@/components/wiring";
import { isIssuerReachable } from "@/lib/auth/issuer";
import { DEFAULT_RETURN, safeReturnTo } from "@/lib/auth/return-to";
import { getSession } from "@/lib/auth/session";
import { displayName } from "@/lib/person";
import { isLoopback, readSettings, type Settings } from "@/lib/settings";

/** People who use the application care for neither the server's state nor a demo account. */
const isDevelopment = process.env.NODE_ENV === "development";

type Query = Promise<Record<string, string | string[] | undefined>>;

/** The first page: a sign-in for whoever is signed out, a welcome for everyone else. */
export default async function HomePage({ searchParams }: { readonly searchParams: Query }) {
  const read = readSettings();
  if (!read.ok) return null;
  const query = await searchParams;
  const state = await getSession();
  if (state.kind === "active") return <Welcome name={displayName(state.session.claims)} issuer={read.settings.issuer} />;

  const wanted = typeof query.return_to === "string" ? safeReturnTo(query.return_to, read.settings.appUrl) : undefined;
  return (
    <div className="split">
      <section className="card sign-in" aria-labelledby="title">
        {state.kind === "ended" ? (
          <Notice kind="warning">
            <strong>Your session has ended.</strong> The identity server no longer renews it. Sign in again to go on.
          </Notice>
        ) : query.state === "signed-out" ? (
          <Notice kind="success">You are signed out.</Notice>
        ) : wanted ? (
          <Notice kind="info">
            Sign in to see <code>{wanted}</code>.
          </Notice>
        ) : null}
        <h1 id="title">Sign in to {read.settings.appName}</h1>
        <p className="lede">You will be taken to your organization’s sign-in page and come straight back.</p>
        {/* A plain link: the sign-in leaves this application, so there is nothing to prefetch. */}
        <a id="sign-in" className="button button-primary" href={`/api/auth/login?return_to=${encodeURIComponent(wanted ?? DEFAULT_RETURN)}`}>
          Sign in
        </a>
        {isDevelopment ? (
          <>
            <Server settings={read.settings} reachable={await isIssuerReachable(read.settings)} />
            <DemoAccount settings={read.settings} />
          </>
        ) : null}
      </section>
      <Wiring />
    </div>
  );
}

function Welcome({ name, issuer }: { readonly name: string; readonly issuer: string }) {
  return (
    <div className="split">
      <section className="card sign-in" aria-labelledby="title">
        <h1 id="title">
          Hello, <span id="user-name">{name}</span>
        </h1>
        <p className="lede">You are signed in. These pages know who you are.</p>
        <Link href="/protected" className="button button-primary">
          Open the protected page
        </Link>
        <Link href="/profile" className="button">
          See your profile
        </Link>
        <p className="server">
          <span className="dot" data-state="up" aria-hidden="true" />
          <span>
            Signed in through <code>{issuer}</code>
          </span>
        </p>
      </section>
      <Wiring />
    </div>
  );
}

/** Tells the developer whether the identity server is there. */
function Server({ settings, reachable }: { readonly settings: Settings; readonly reachable: boolean }) {
  return (
    <p className="server" id="issuer-status" data-reachable={reachable}>
      <span className="dot" data-state={reachable ? "up" : "down"} aria-hidden="true" />
      {reachable ? (
        <span>
          Connected to <code>{settings.issuer}</code>
        </span>
      ) : (
        <span>
          <strong>The identity server does not answer.</strong> Start it with <code>make run</code>, or correct{" "}
          <code>CLAVEX_ISSUER</code> in <code>.env.local</code>: <code>{settings.issuer}</code>
        </span>
      )}
    </p>
  );
}

/** The person that every local demo organization knows. */
function DemoAccount({ settings }: { readonly settings: Settings }) {
  const issuer = new URL(settings.issuer);
  if (!isLoopback(issuer) || issuer.pathname !== "/demo") return null;
  return (
    <div className="demo-account">
      <p>To try it, the demo organization knows</p>
      <dl>
        <div>
          <dt>E-mail</dt>
          <dd>
            <code>ada@demo.test</code>
          </dd>
        </div>
        <div>
          <dt>Password</dt>
          <dd>
            <code>Engine-No-1843</code>
          </dd>
        </div>
      </dl>
    </div>
  );
}
