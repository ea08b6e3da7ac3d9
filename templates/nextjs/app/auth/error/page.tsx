import type { Metadata } from "next";
import Link from "next/link";
import { explain, openProblem } from "@/lib/auth/problem";
import { readSettings } from "@/lib/settings";

export const metadata: Metadata = { title: "Sign-in problem" };

type Query = Promise<Record<string, string | string[] | undefined>>;

/** A sign-in that did not work: what happened, and what to do now. */
export default async function SignInProblemPage({ searchParams }: { readonly searchParams: Query }) {
  const read = readSettings();
  if (!read.ok) return null;
  const { detail } = await searchParams;
  const problem = await openProblem(read.settings, typeof detail === "string" ? detail : undefined);
  const { title, text, hint } = explain(problem);
  const again = problem?.returnTo ? `?return_to=${encodeURIComponent(problem.returnTo)}` : "";
  return (
    <section className="column" id="sign-in-error" aria-labelledby="title">
      <div className="card">
        <h1 id="title">{title}</h1>
        <p className="lede">{text}</p>
        {hint ? <p className="notice notice-info">{hint}</p> : null}
        <div className="actions">
          <a id="sign-in" className="button button-primary" href={`/api/auth/login${again}`}>
            Start again
          </a>
          <Link href="/" className="button">
            Back to the start
          </Link>
        </div>
        {problem ? (
          <p className="quiet small">
            Error <code id="error-code">{problem.code}</code>
            {problem.description ? (
              <>
                : <span id="error-description">{problem.description}</span>
              </>
            ) : null}
          </p>
        ) : null}
      </div>
    </section>
  );
}
