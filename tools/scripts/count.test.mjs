import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import test from "node:test";
import { count, failures as failuresOf, told } from "./count.mjs";
import { GoReport } from "./go-report.mjs";

const name = "github.com/clavex/clavex/backend/internal/example";
const event = (Action, Test, more = {}) => JSON.stringify({ Action, Package: name, ...(Test ? { Test } : {}), ...more });

function read(...lines) {
  const report = new GoReport();
  const printed = lines.map((line) => report.line(line)).join("");
  return { printed, failures: report.failures, ...report.counts };
}

test("Go: passed, failed and skipped tests are counted once, and only what matters is printed", () => {
  const { printed, failures, ...counts } = read(
    event("run", "TestA"),
    event("output", "TestA", { Output: "noise\n" }),
    event("pass", "TestA"),
    event("output", "TestB", { Output: "what went wrong\n" }),
    event("fail", "TestB", { Elapsed: 1.25 }),
    event("output", "TestC", { Output: "why it was left out\n" }),
    event("skip", "TestC"),
    event("output", undefined, { Output: "FAIL\n" }),
    event("fail"),
  );
  assert.deepEqual(counts, { passed: 1, failed: 1, skipped: 1 });
  assert.deepEqual(failures, [{ test: "backend/internal/example TestB", reason: "what went wrong\n" }]);
  assert.match(printed, /FAIL backend\/internal\/example TestB \(1\.3 s\)\nwhat went wrong/);
  assert.match(printed, /why it was left out/);
  assert.doesNotMatch(printed, /noise/);
});

test("Go: a package that fails without a failed test counts as one failure", () => {
  const { printed, failures, ...counts } = read(
    JSON.stringify({ Action: "build-output", ImportPath: name, Output: "example_test.go:3: undefined: x\n" }),
    event("fail", undefined, { FailedBuild: name }),
  );
  assert.match(failures[0].reason, /undefined: x/);
  assert.deepEqual(counts, { passed: 0, failed: 1, skipped: 0 });
  assert.match(printed, /undefined: x/);
  assert.equal(read(event("pass", "TestA"), event("output", undefined, { Output: "panic: test timed out\n" }), event("fail")).failed, 1);
});

test("Go: a package without tests counts nothing, and text that is no event is shown", () => {
  const { printed, failures, ...counts } = read(event("skip"), "go: no such module");
  assert.deepEqual(counts, { passed: 0, failed: 0, skipped: 0 });
  assert.equal(printed, "go: no such module\n");
  assert.deepEqual(failures, []);
});

test("vitest: a file that could not be loaded is a failure", () => {
  const file = (status, assertionResults) => ({ status, assertionResults });
  const testResults = [file("passed", [{}]), file("failed", [{}]), file("failed", [])];
  assert.deepEqual(count({ numTotalTests: 6, numPassedTests: 3, numFailedTests: 1, numPendingTests: 1, numTodoTests: 1, testResults }), [3, 2, 2]);
});

test("Playwright: a flaky test has failed, and so has a run that could not begin", () => {
  assert.deepEqual(count({ stats: { expected: 4, unexpected: 1, flaky: 2, skipped: 3 }, errors: [] }), [4, 3, 3]);
  assert.deepEqual(count({ stats: { expected: 0, unexpected: 0, flaky: 0, skipped: 0 }, errors: [{}] }), [0, 1, 0]);
});

test("what failed is told with its reason, of every runner", () => {
  assert.deepEqual(failuresOf({ runner: "lines", passed: 1, failed: 0, skipped: 0 }), []);
  const vitest = { numTotalTests: 2, testResults: [
    { status: "failed", name: "a.test.ts", message: "cannot be loaded", assertionResults: [] },
    { status: "failed", name: "b.test.ts", assertionResults: [{ status: "passed" }, { status: "failed", fullName: "b does c", failureMessages: ["it does not"] }] },
  ] };
  assert.deepEqual(failuresOf(vitest), [{ test: "a.test.ts", reason: "cannot be loaded" }, { test: "b does c", reason: "it does not" }]);
  const spec = (ok, title, ...errors) => ({ ok, title, file: "x.spec.ts", line: 7, tests: [{ results: [{ errors }] }] });
  const playwright = { stats: {}, errors: [], suites: [{ specs: [spec(true, "well")], suites: [{ specs: [spec(false, "badly", { message: "\u001b[31mred\u001b[39m" })] }] }] };
  assert.equal(told(failuresOf(playwright)), "FAILED x.spec.ts:7 badly\n  red\n");
  assert.equal(told(failuresOf({ stats: {}, errors: [{ message: "no browser" }] })), "FAILED the run as a whole\n  no browser\n");
});

test("long reasons and long lists of failures are cut, and say so", () => {
  const long = told([{ test: "a", reason: Array.from({ length: 100 }, (_, i) => `line ${i}`).join("\n") }]);
  assert.match(long, /^FAILED a\n {2}line 0\n/);
  assert.match(long, / {2}… 75 lines more above\n$/);
  assert.match(told(Array.from({ length: 25 }, () => ({ test: "a", reason: "b" }))), /… and 5 more\n$/);
});

test("the closing line is always printed, and nothing but a complete success exits 0", (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "count-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const good = path.join(folder, "good.json");
  const torn = path.join(folder, "torn.json");
  const none = path.join(folder, "none.json");
  writeFileSync(good, JSON.stringify({ runner: "lines", passed: 2, failed: 0, skipped: 1 }));
  writeFileSync(torn, '{"runner": "lin');
  writeFileSync(none, JSON.stringify({ runner: "lines", passed: 0, failed: 0, skipped: 0 }));
  for (const [status, files, line, exit] of [
    [0, [good, good], "4 passed, 0 failed, 2 skipped", 0],
    [1, [good], "2 passed, 1 failed, 1 skipped", 1],
    [0, [good, torn], "2 passed, 1 failed, 1 skipped", 1],
    [0, [good, path.join(folder, "missing.json")], "2 passed, 1 failed, 1 skipped", 1],
    [0, [none], "0 passed, 0 failed, 0 skipped", 1],
  ]) {
    const run = spawnSync(process.execPath, [path.join(import.meta.dirname, "count.mjs"), String(status), ...files], { encoding: "utf8" });
    assert.equal(run.stdout, `${line}\n`, run.stderr);
    assert.equal(run.status, exit);
  }
});
