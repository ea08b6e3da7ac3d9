import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "@playwright/test";
import { Approvals } from "./approvals.ts";
import { launchOptions } from "./browser.ts";
import { fapiClients, fapiPolicies } from "./fapi.ts";
import { count, objection, type PlanResult } from "./outcome.ts";
import { expectations, isBackchannel, isFAPI, keyOf, plans } from "./plans.ts";
import { Provider } from "./provider.ts";
import { page } from "./report.ts";
import { runPlan } from "./run.ts";
import { Suite } from "./suite.ts";

const usage = `Runs the OpenID Foundation's conformance plans against Clavex.

  CONFORMANCE_SERVER    the suite, for example https://localhost.emobix.co.uk:8443
  CLAVEX_E2E_BASE_URL   the server under test, with the seeds of clavex dev and https
  CLAVEX_E2E_DATA_DIR   its data folder, to rotate its keys
  --plan TEXT           only plans whose name contains it; may be repeated
  --module TEXT         only modules whose name contains it; may be repeated
  --parallel N          modules at once (default 3)
  --page                run nothing: write the page from the results that are kept, and say which plans were not run
`;

const repository = path.resolve(".."); // npm runs a package's scripts in the package
const results = path.join(repository, "e2e/.conformance/results");

const required = (variable: string, what: string): string => {
  const value = (process.env[variable] ?? "").replace(/\/+$/, "");
  if (value === "") throw new Error(`${variable} is not set: ${what}\n\n${usage}`);
  return value;
};

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { plan: { type: "string", multiple: true }, module: { type: "string", multiple: true }, parallel: { type: "string", default: "3" }, page: { type: "boolean" }, help: { type: "boolean" } } });
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  if (values.page) {
    await writePage(true);
    return 0;
  }
  const matches = (name: string, wanted: readonly string[] | undefined): boolean => wanted?.some((part) => name.includes(part)) ?? true;
  const chosen = plans.filter((plan) => matches(keyOf(plan), values.plan));
  if (chosen.length === 0) throw new Error(`no plan is called so. There are:\n${plans.map((plan) => `  ${keyOf(plan)}`).join("\n")}`);
  const suite = await Suite.at(required("CONFORMANCE_SERVER", "the address of a running conformance suite"));
  const base = required("CLAVEX_E2E_BASE_URL", "the address of a running clavex dev");
  const browser = await chromium.launch(launchOptions());
  await mkdir(results, { recursive: true });
  let objections = 0;
  try {
    const suiteVersion = await suite.version();
    for (const plan of chosen) {
      console.log(`\n${keyOf(plan)}`);
      const provider = await Provider.prepare(browser, base, isFAPI(plan) ? await fapiPolicies(plan) : { registration: "open", profile: "oidc-legacy" });
      const clients = isFAPI(plan)
        ? await fapiClients(browser, base, provider, suite.address, plan)
        : { client: { client_name: "First application" }, client2: { client_name: "Second application" } };
      const approvals = isBackchannel(plan) ? await Approvals.open(browser, base, provider) : undefined;
      const modules = await runPlan(
        {
          suite,
          provider,
          browser,
          parallel: Number(values.parallel),
          wanted: (module) => matches(module, values.module),
          onResult: (result, id) => {
            const problem = objection(expectations, plan.name, result);
            if (problem !== undefined) objections++;
            console.log(`  ${result.outcome.padEnd(11)} ${result.module} ${result.seconds} s${problem === undefined ? "" : `\n      ${problem}\n      ${suite.address}/log-detail.html?log=${id}`}`);
          },
        },
        plan,
        { ...clients, ...(approvals ? { automated_ciba_approval_url: approvals.address } : {}) },
      ).finally(() => approvals?.close());
      const { passed, warning, review, failed, skipped } = count(modules);
      console.log(`  ${passed} passed, ${warning} warnings, ${review} review, ${failed} failed, ${skipped} skipped`);
      if (values.module !== undefined) continue; // a part of a plan says nothing about the plan
      const result: PlanResult = { plan: keyOf(plan), suiteVersion, serverVersion: process.env.CLAVEX_VERSION ?? "unknown", finished: new Date().toISOString().slice(0, 10), modules };
      await writeFile(path.join(results, `${keyOf(plan)}.json`), JSON.stringify(result, undefined, 2));
    }
  } finally {
    await browser.close();
    await suite.close();
  }
  await writePage(false);
  console.log(objections === 0 ? "\nEvery module ended as it should." : `\n${objections} modules did not end as they should.`);
  return objections === 0 ? 0 : 1;
}

/** Writes the page when every plan has been run, today or earlier, or when asked to write it all the same. */
async function writePage(incomplete: boolean): Promise<void> {
  const found = plans.map((plan) => ({ plan, file: path.join(results, `${keyOf(plan)}.json`) }));
  const missing = found.filter(({ file }) => !existsSync(file));
  if (missing.length > 0 && !incomplete) {
    console.log(`\ndocs/conformance.md is written when every plan has been run; not yet: ${missing.map(({ plan }) => keyOf(plan)).join(", ")}`);
    return;
  }
  const present = found.filter((one) => !missing.includes(one));
  const all = await Promise.all(present.map(async ({ plan, file }) => [plan, JSON.parse(await readFile(file, "utf8")) as PlanResult] as const));
  const text = page(
    all,
    missing.map(({ plan }) => plan),
    expectations,
  );
  await writeFile(path.join(repository, "docs/conformance.md"), text);
  console.log("\nwrote docs/conformance.md");
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    console.error(`conformance: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 2;
  },
);
