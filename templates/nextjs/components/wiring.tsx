const PARTS = [
  {
    title: "Sign-in",
    text: "Authorization code with PKCE. State, nonce, issuer and the ID token’s signature are checked.",
    file: "lib/auth/login.ts",
  },
  {
    title: "Session",
    text: "An encrypted HttpOnly cookie names it. Tokens stay on the server, out of reach of scripts.",
    file: "lib/auth/session.ts",
  },
  {
    title: "Token refresh",
    text: "Before a token expires, and once: parallel requests wait for the same answer.",
    file: "lib/auth/renewal.ts",
  },
  {
    title: "Protected route",
    text: "A server component that nobody reaches without a session.",
    file: "app/protected/page.tsx",
  },
  {
    title: "Sign-out",
    text: "Ends the session here and at the identity server. Other sites cannot trigger it.",
    file: "app/api/auth/logout/route.ts",
  },
] as const;

/** What the project already does, and the file to open for each. */
export function Wiring() {
  return (
    <section className="card wiring" aria-labelledby="wiring-title">
      <h2 id="wiring-title">What is wired</h2>
      <ul>
        {PARTS.map((part) => (
          <li key={part.title}>
            <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
              <circle cx="10" cy="10" r="10" className="tick-disc" />
              <path d="m5.8 10.3 2.8 2.8 5.6-6" className="tick-mark" />
            </svg>
            <div>
              <h3>{part.title}</h3>
              <p>{part.text}</p>
              <code>{part.file}</code>
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}
