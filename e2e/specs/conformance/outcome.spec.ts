import { expect, test } from "@playwright/test";
import { count, type Expectation, type ModuleResult, objection, outcomeOf } from "../../conformance/outcome.ts";
import { expectations, plans } from "../../conformance/plans.ts";
import { distinguishing, page } from "../../conformance/report.ts";

// What the driver of the conformance suite decides; the suite itself is needed for the rest (make conformance).

const module = (name: string, outcome: ModuleResult["outcome"], more: Partial<ModuleResult> = {}): ModuleResult => ({ module: name, variant: {}, outcome, findings: [], seconds: 1, ...more });

test("only a finished module can pass", () => {
  expect(outcomeOf("FINISHED", "PASSED")).toBe("passed");
  expect(outcomeOf("FINISHED", "WARNING")).toBe("warning");
  expect(outcomeOf("FINISHED", "REVIEW")).toBe("review");
  expect(outcomeOf("FINISHED", "SKIPPED")).toBe("skipped");
  expect(outcomeOf("FINISHED", "FAILED")).toBe("failed");
  expect(outcomeOf("WAITING", "PASSED")).toBe("interrupted");
  expect(outcomeOf("INTERRUPTED", "PASSED")).toBe("interrupted");
  expect(outcomeOf("FINISHED", "UNKNOWN")).toBe("interrupted");
});

test("every module is counted once, an interrupted one as failed", () => {
  const outcomes = ["passed", "passed", "warning", "review", "skipped", "failed", "interrupted"] as const;
  expect(count(outcomes.map((outcome) => ({ outcome })))).toEqual({ passed: 2, warning: 1, review: 1, skipped: 1, failed: 2 });
});

test("an expectation excuses its own outcome in its own plans, and nothing else", () => {
  const expected: Expectation[] = [{ module: "a", outcome: "skipped", plans: ["first"], reason: "not offered" }];
  expect(objection(expected, "first", module("a", "skipped"))).toBeUndefined();
  expect(objection(expected, "first", module("b", "passed"))).toBeUndefined();
  expect(objection(expected, "second", module("a", "skipped"))).toBe("skipped");
  expect(objection(expected, "first", module("b", "skipped"))).toBe("skipped");
  expect(objection(expected, "first", module("a", "interrupted"))).toBe("interrupted");
  const findings = [
    { level: "warning", condition: "First", message: "a remark" },
    { level: "failure", condition: "Second", message: "what is wrong" },
  ] as const;
  expect(objection(expected, "first", module("a", "failed", { findings }))).toBe("failed: Second: what is wrong");
  expect(objection(expected, "first", module("b", "warning", { findings }))).toBe("warning: First: a remark");
});

test("an expectation that nothing meets any more is an objection", () => {
  const expected: Expectation[] = [{ module: "a", outcome: "review", reason: "the page" }];
  expect(objection(expected, "first", module("a", "passed"))).toContain("take the expectation away");
});

test("each expectation stands once and says why, and names plans that exist", () => {
  const names = plans.map(({ name }) => name);
  const everywhere = expectations.filter(({ plans: limited }) => limited === undefined).map(({ module: name }) => name);
  expect(everywhere).toEqual([...new Set(everywhere)]);
  expect(expectations.filter(({ reason }) => reason.length < 10)).toEqual([]);
  expect(expectations.flatMap(({ plans: limited }) => limited ?? []).filter((plan) => !names.includes(plan))).toEqual([]);
});

test("the page names the variants in which modules differ, and gives remarks without breaking the table", () => {
  const modules = [
    module("a", "passed", { variant: { response_type: "code", response_mode: "default" } }),
    module("a", "failed", { variant: { response_type: "id_token", response_mode: "default" }, findings: [{ level: "failure", condition: "C", message: "one | two\nthree" }] }),
  ];
  expect(distinguishing(modules)).toEqual(["response_type"]);
  const plan = { name: "p", profile: "P OP", variant: {} };
  const text = page([[plan, { plan: "p", suiteVersion: "5", serverVersion: "1", finished: "2026-01-02", modules }]], [{ ...plan, name: "q" }], []);
  expect(text).toContain("| P OP: `p` | 2 | 1 | 0 | 0 | 1 | 0 |");
  expect(text).toContain("| P OP: `q` | not run |");
  expect(text).toContain("| all that were run | 2 | 1 |");
  expect(text).toContain("| `a` (code) | passed |  |");
  expect(text).toContain("| `a` (id_token) | failed | C: one \\| two three |");
});
