import Link from "next/link";

export default function NotFoundPage() {
  return (
    <section className="column" aria-labelledby="title">
      <div className="card">
        <h1 id="title">There is no such page</h1>
        <p className="lede">The address may be mistyped, or the page has moved.</p>
        <Link href="/" className="button button-primary">
          Back to the start
        </Link>
      </div>
    </section>
  );
}
