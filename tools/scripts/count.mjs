// Adds up the reports of all test runners and prints the closing line: `N passed, N failed, N skipped`.
// Usage: count.mjs STATUS REPORT…, where STATUS is 0 when every runner exited 0. Exits 1 when anything failed, also
// when a report is missing or cannot be read: a runner that died has not passed.
import { readFileSync } from "node:fs";

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

/** The sum over the files; read gives the text of one. status is what the runners' exit codes say together. */
export function total(files, status, read) {
  const sum = [0, 0, 0];
  const unreadable = [];
  for (const file of files) {
    try {
      count(JSON.parse(read(file))).forEach((n, i) => (sum[i] += n));
    } catch (error) {
      unreadable.push(`${file}: ${error.message}`);
      sum[1]++;
    }
  }
  if (status !== 0 && sum[1] === 0) sum[1] = 1; // a runner failed without a failed test
  return { sum, unreadable };
}

if (process.argv[1] === import.meta.filename) {
  const [status, ...files] = process.argv.slice(2);
  const { sum, unreadable } = total(files, Number(status), (file) => readFileSync(file, "utf8"));
  for (const problem of unreadable) console.error(`count: ${problem}`);
  const [passed, failed, skipped] = sum;
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  process.exit(failed === 0 && passed > 0 ? 0 : 1);
}
