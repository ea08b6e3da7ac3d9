import type { SettingProblem } from "@/lib/settings";

/** Shown instead of every page until `.env.local` is complete. */
export function SetupNeeded({ problems }: { readonly problems: readonly SettingProblem[] }) {
  return (
    <section className="column" id="setup-needed" aria-labelledby="setup-title">
      <div className="card">
        <h1 id="setup-title">Almost ready</h1>
        <p className="lede">
          A few settings are missing. Fill them in <code>.env.local</code>; this page looks again when you save.
        </p>
        <dl className="facts">
          {problems.map((problem) => (
            <div key={problem.variable + problem.advice}>
              <dt>
                <code>{problem.variable}</code>
              </dt>
              <dd>{problem.advice}</dd>
            </div>
          ))}
        </dl>
        <p className="quiet">
          Every variable is explained in <code>.env.example</code>.
        </p>
      </div>
    </section>
  );
}
