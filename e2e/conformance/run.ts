import type { Browser } from "@playwright/test";
import { openContext } from "./browser.ts";
import { type ModuleResult, outcomeOf } from "./outcome.ts";
import type { Plan } from "./plans.ts";
import type { Provider } from "./provider.ts";
import type { PlannedModule, Suite } from "./suite.ts";
import { Visitor } from "./visitor.ts";

const rotation = "oidcc-server-rotate-keys";
const over = ["FINISHED", "INTERRUPTED"];
const limit = 4 * 60_000; // milliseconds for one module; the longest waits half a minute twice

export interface Run {
  readonly suite: Suite;
  readonly provider: Provider;
  readonly browser: Browser;
  /** How many modules at once: each registers clients of its own, so they do not meet. */
  readonly parallel: number;
  readonly wanted: (module: string) => boolean;
  readonly onResult: (result: ModuleResult, id: string) => void;
}

/** Creates the plan and runs its modules; the results stand in the plan's order. */
export async function runPlan(run: Run, plan: Plan, clients: object): Promise<ModuleResult[]> {
  const { suite, provider } = run;
  const { id, modules } = await suite.createPlan(plan.name, plan.variant, {
    description: "Clavex",
    server: { discoveryUrl: `${provider.issuer}/.well-known/openid-configuration` },
    ...clients,
  });
  const wanted = modules.filter(({ testModule }) => run.wanted(testModule));
  const results: ModuleResult[] = [];
  // Whoever refuses is asked only as long as nothing was allowed: that module comes first.
  const queue = wanted.map((module, position) => [position, module] as const).sort(([, a], [, b]) => Number(refuses(b)) - Number(refuses(a))).values();
  await Promise.all(
    // With an alias the suite runs one at a time.
    Array.from({ length: "alias" in clients ? 1 : run.parallel }, async () => {
      for (const [position, module] of queue) {
        results[position] = await runModule(run, id, module);
      }
    }),
  );
  return results;
}

async function runModule(run: Run, plan: string, module: PlannedModule): Promise<ModuleResult> {
  const { suite } = run;
  const began = Date.now();
  const id = await suite.createModule(plan, module);
  const { context, close } = await openContext(run.browser, module.testModule);
  // The suite's pages fetch fonts and styles from elsewhere, which need not be reachable.
  const own = new Set([new URL(suite.address).host, new URL(run.provider.issuer).host]);
  await context.route((address) => !own.has(address.host), (route) => route.abort());
  const problems: string[] = [];
  try {
    if (module.testModule === rotation) await rotate(run, id);
    await drive(run, id, new Visitor(context, suite.address, refuses(module)), began + limit, looksFirst(module));
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error));
  } finally {
    await close();
  }
  const { status, result } = await suite.state(id);
  const findings = [...(await suite.findings(id)), ...problems.map((message) => ({ level: "failure" as const, condition: "driver", message }))];
  const finished = { module: module.testModule, variant: module.variant ?? {}, outcome: outcomeOf(status, result), findings, seconds: Math.round((Date.now() - began) / 1000) };
  run.onResult(finished, id);
  return finished;
}

/** The module in which the person refuses. */
function refuses({ testModule }: PlannedModule): boolean {
  return testModule.endsWith("user-rejects-authentication");
}

/** The module in which the person opens the page, leaves it, and comes back. */
function looksFirst({ testModule }: PlannedModule): boolean {
  return testModule.endsWith("reused-request-uri-prior-to-auth-completion-succeeds");
}

/** Plays the operator whom the module waits for. Others are CONFIGURED for a moment too, and start by themselves. */
async function rotate({ suite, provider }: Run, id: string): Promise<void> {
  const state = await suite.waitFor(id, ["CONFIGURED", ...over], 30_000);
  if (state !== "CONFIGURED") return; // its preparation failed, which its log tells
  await provider.rotateKeys();
  await suite.start(id);
}

/** Does what the module wants done from outside, until it is over. */
async function drive({ suite }: Run, id: string, visitor: Visitor, deadline: number, looks: boolean): Promise<void> {
  let visits = 0;
  let state = await suite.waitFor(id, ["WAITING", ...over], 30_000);
  while (!over.includes(state ?? "")) {
    if (Date.now() > deadline) throw new Error(`not finished after ${limit / 60_000} minutes`);
    const visit = await suite.nextVisit(id);
    if (visit) {
      visitor.looksOnly = looks && visits++ === 0;
      // Asked before: what waits for a picture of a later visit must not get one of this.
      const waiting = await suite.placeholders(id);
      await visitor.visit(visit);
      for (const { id: placeholder, condition } of waiting) {
        const screenshot = visitor.screenshotFor(condition);
        if (screenshot) await suite.upload(id, placeholder, screenshot);
      }
    }
    state = await suite.waitFor(id, over, visit ? 100 : 1000);
  }
}
