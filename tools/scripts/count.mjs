// Adds up the reports of all test runners and prints the closing line: `N passed, N failed, N skipped`, after what
// failed and why, because the end of a log is what a person sees first, and sometimes all there is.
// Usage: count.mjs STATUS REPORT…, where STATUS is 0 when every runner exited 0. Exits 1 when anything failed, also
// when a report is missing or cannot be read: a runner that died has not passed.
import { readFileSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";

/** [passed, failed, skipped] of one report. */
export function count(report) {
  if (report.runner === "lines") return [report.passed, report.failed, report.skipped]; // go-report, node-report
  if ("numTotalTests" in report) {
    // vitest
    const crashed = report.testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0).length;
    return [report.numPassedTests, report.numFailedTests + crashed, report.numPendingTests + (report.numTodoTests ?? 0)];
  }
  if (report.stats) {
    // Playwright; a test that passed at the second attempt did not pass
    const { expected, unexpected, flaky, skipped } = report.stats;
    return [expected, unexpected + flaky + (report.errors?.length && !unexpected ? 1 : 0), skipped];
  }
  throw new Error("a report of an unknown runner");
}

const failuresShown = 20;
const linesOfFailure = 25;

/** What failed in one report: [{ test, reason }], in the order in which it ran. */
export function failures(report) {
  if (report.runner === "lines") return report.failures ?? [];
  if ("numTotalTests" in report) {
    return report.testResults.flatMap((file) => [
      ...(file.status === "failed" && file.assertionResults.length === 0 ? [{ test: file.name, reason: file.message }] : []),
      ...file.assertionResults.filter(({ status }) => status === "failed").map((failed) => ({ test: failed.fullName, reason: failed.failureMessages.join("\n") })),
    ]);
  }
  const errors = (list) => list.map(({ message }) => message ?? "").join("\n");
  const ofSuite = (suite) => [
    ...(suite.suites ?? []).flatMap(ofSuite),
    ...(suite.specs ?? []).filter(({ ok }) => !ok).map(({ file, line, title, tests }) => ({
      test: `${file}:${line} ${title}`,
      reason: errors(tests.flatMap(({ results }) => results.flatMap((result) => result.errors))),
    })),
  ];
  return [...(report.suites ?? []).flatMap(ofSuite), ...(report.errors?.length ? [{ test: "the run as a whole", reason: errors(report.errors) }] : [])];
}

/** The failures as a person reads them: without the colours of a terminal, and cut where it is long. */
export function told(failed) {
  const shown = failed.slice(0, failuresShown).map(({ test, reason }) => {
    const lines = stripVTControlCharacters(reason ?? "").trim().split("\n");
    const more = lines.length > linesOfFailure ? [`… ${lines.length - linesOfFailure} lines more above`] : [];
    return [`FAILED ${test}`, ...[...lines.slice(0, linesOfFailure), ...more].map((line) => `  ${line}`)].join("\n");
  });
  return [...shown, ...(failed.length > failuresShown ? [`… and ${failed.length - failuresShown} more`] : [])].map((text) => `${text}\n`).join("");
}

/** The sum over the files; read gives the text of one. status is what the runners' exit codes say together. */
export function total(files, status, read) {
  const sum = [0, 0, 0];
  const unreadable = [];
  const failed = [];
  for (const file of files) {
    try {
      const report = JSON.parse(read(file));
      count(report).forEach((n, i) => (sum[i] += n));
      failed.push(...failures(report));
    } catch (error) {
      unreadable.push(`${file}: ${error.message}`);
      sum[1]++;
    }
  }
  if (status !== 0 && sum[1] === 0) sum[1] = 1; // a runner failed without a failed test
  return { sum, unreadable, failed };
}

if (process.argv[1] === import.meta.filename) {
  const [status, ...files] = process.argv.slice(2);
  const { sum, unreadable, failed: what } = total(files, Number(status), (file) => readFileSync(file, "utf8"));
  process.stderr.write(told(what));
  for (const problem of unreadable) console.error(`count: ${problem}`);
  const [passed, failed, skipped] = sum;
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  process.exit(failed === 0 && passed > 0 ? 0 : 1);
}
