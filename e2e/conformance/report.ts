import { count, type Counts, type Expectation, expectationFor, type ModuleResult, type PlanResult } from "./outcome.ts";
import type { Plan } from "./plans.ts";

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");

/** The variants in which the modules of one plan differ; what all share says nothing. */
export function distinguishing(modules: readonly ModuleResult[]): string[] {
  const names = new Set(modules.flatMap(({ variant }) => Object.keys(variant)));
  return [...names].filter((name) => new Set(modules.map(({ variant }) => variant[name] ?? "")).size > 1).sort();
}

function row(label: string, { passed, warning, review, failed, skipped }: Counts): string {
  return `| ${label} | ${passed + warning + review + failed + skipped} | ${passed} | ${warning} | ${review} | ${failed} | ${skipped} |`;
}

function summary(plans: readonly (readonly [Plan, PlanResult])[], missing: readonly Plan[]): string[] {
  const all = plans.flatMap(([, { modules }]) => modules);
  return [
    "| plan | modules | passed | warnings | review | failed | skipped |",
    "|---|---|---|---|---|---|---|",
    ...plans.map(([plan, { modules }]) => row(`${plan.profile}: \`${plan.name}\``, count(modules))),
    ...missing.map((plan) => `| ${plan.profile}: \`${plan.name}\` | not run | | | | | |`),
    row(missing.length === 0 ? "all" : "all that were run", count(all)),
  ];
}

function detail(plan: Plan, result: PlanResult, expectations: readonly Expectation[]): string[] {
  const names = distinguishing(result.modules);
  return [
    `## ${plan.profile}`,
    "",
    `\`${plan.name}\`, ${result.finished}`,
    "",
    "| module | result | remark |",
    "|---|---|---|",
    ...result.modules.map((module) => {
      const variants = names.map((name) => module.variant[name] ?? "").filter((value) => value !== "");
      const label = `\`${module.module}\`${variants.length === 0 ? "" : ` (${variants.join(", ")})`}`;
      const expected = expectationFor(expectations, plan.name, module.module);
      const remark = module.outcome === "passed" ? "" : module.outcome === expected?.outcome ? expected.reason : module.findings.map(({ condition, message }) => `${condition}: ${message}`).join("; ");
      return `| ${label} | ${module.outcome} | ${cell(remark)} |`;
    }),
  ];
}

/** The page of the documents that says how every plan ended, and which were not run. */
export function page(plans: readonly (readonly [Plan, PlanResult])[], missing: readonly Plan[], expectations: readonly Expectation[]): string {
  const versions = [...new Set(plans.map(([, { serverVersion, suiteVersion }]) => `Clavex ${serverVersion}, suite ${suiteVersion}`))];
  return [
    "# Conformance",
    "",
    "How Clavex did in the OpenID Foundation's conformance suite, plan by plan. `make conformance` runs the plans and writes",
    "this page; [the folder of the driver](../e2e/conformance/README.md) says how to run it yourself.",
    "",
    `Judged: ${versions.join("; ")}.`,
    "",
    "`review` means that the suite asks a person to look at a screenshot which the driver took; the remark says what it must show.",
    "",
    ...summary(plans, missing),
    ...plans.flatMap(([plan, result]) => ["", ...detail(plan, result, expectations)]),
    "",
  ].join("\n");
}
