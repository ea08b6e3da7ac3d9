"use client";

/** Shown when a page fails in a way nobody foresaw; the server's log has the details under the reference. */
export default function UnexpectedErrorPage({ error, reset }: { readonly error: Error & { digest?: string }; readonly reset: () => void }) {
  return (
    <section className="column" role="alert" aria-labelledby="title">
      <div className="card">
        <h1 id="title">This page could not be shown</h1>
        <p className="lede">The fault is on this side. Try again; if it stays, look at the log of the application.</p>
        <button type="button" className="button button-primary" onClick={reset}>
          Try again
        </button>
        {error.digest ? (
          <p className="quiet small">
            Reference <code>{error.digest}</code>
          </p>
        ) : null}
      </div>
    </section>
  );
}
