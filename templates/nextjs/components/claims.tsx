/** The claims of a person, as the identity server stated them. */
export function Claims({ claims }: { readonly claims: Readonly<Record<string, unknown>> }) {
  const entries = Object.entries(claims).sort(([a], [b]) => a.localeCompare(b));
  return (
    <dl className="facts claims">
      {entries.map(([name, value]) => (
        <div key={name}>
          <dt>
            <code>{name}</code>
          </dt>
          <dd>{typeof value === "object" && value !== null ? <pre>{JSON.stringify(value, null, 2)}</pre> : String(value)}</dd>
        </div>
      ))}
    </dl>
  );
}
