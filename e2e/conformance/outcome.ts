/** How the suite ended one module. `interrupted` is ours: it never came to an end. */
export type Outcome = "passed" | "warning" | "review" | "skipped" | "failed" | "interrupted";

/** What the suite said against the server in one step of a module. */
export interface Finding {
  readonly level: "failure" | "warning";
  readonly condition: string;
  readonly message: string;
}

export interface ModuleResult {
  readonly module: string;
  readonly variant: Readonly<Record<string, string>>;
  readonly outcome: Outcome;
  readonly findings: readonly Finding[];
  readonly seconds: number;
}

export interface PlanResult {
  readonly plan: string;
  readonly suiteVersion: string;
  readonly serverVersion: string;
  readonly finished: string; // day, as YYYY-MM-DD
  readonly modules: readonly ModuleResult[];
}

/** An outcome other than `passed` that is right for this server, and why. */
export interface Expectation {
  readonly module: string;
  readonly outcome: "warning" | "review" | "skipped";
  /** Only in these plans; everywhere when absent. */
  readonly plans?: readonly string[];
  readonly reason: string;
}

export type Counts = Readonly<Record<Exclude<Outcome, "interrupted">, number>>;

/** The outcome that the suite's status and result stand for (its `TestModule.Status` and `Result`). */
export function outcomeOf(status: string, result: string): Outcome {
  if (status !== "FINISHED") return "interrupted";
  switch (result) {
    case "PASSED":
      return "passed";
    case "WARNING":
      return "warning";
    case "REVIEW":
      return "review";
    case "SKIPPED":
      return "skipped";
    case "FAILED":
      return "failed";
    default: // UNKNOWN, or a word that a later suite invents: not a pass.
      return "interrupted";
  }
}

/** How often each outcome came. A module that never ended has failed. */
export function count(modules: readonly Pick<ModuleResult, "outcome">[]): Counts {
  const counts = { passed: 0, warning: 0, review: 0, skipped: 0, failed: 0 };
  for (const { outcome } of modules) counts[outcome === "interrupted" ? "failed" : outcome]++;
  return counts;
}

export function expectationFor(expectations: readonly Expectation[], plan: string, module: string): Expectation | undefined {
  return expectations.find((expectation) => expectation.module === module && (expectation.plans?.includes(plan) ?? true));
}

/** What is wrong with a module's outcome; undefined when it passed or ended as expected. */
export function objection(expectations: readonly Expectation[], plan: string, result: ModuleResult): string | undefined {
  const expected = expectationFor(expectations, plan, result.module);
  if (result.outcome === "passed") {
    // A screenshot makes the suite say `review`; without one there was nothing to look at after all.
    return expected === undefined ? undefined : `passed, although ${expected.outcome} is expected: take the expectation away`;
  }
  if (result.outcome === expected?.outcome) return undefined;
  const [first] = result.findings.filter(({ level }) => level === "failure" || result.outcome === "warning");
  return `${result.outcome}${first === undefined ? "" : `: ${first.condition}: ${first.message}`}`;
}
