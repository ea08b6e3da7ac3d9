// Reads `go test -json` from standard input, prints what a person wants to see (one line a package, the output of
// what failed) and writes the counts to the file named. Exits 0: the tests' own exit code is the caller's to read.
import { writeFileSync } from "node:fs";
import { createInterface } from "node:readline";

/** Counts the events of one `go test -json`, and says of each what is worth printing ("" for nothing). */
export class GoReport {
  counts = { passed: 0, failed: 0, skipped: 0 };
  failures = []; // { test, reason } of each that failed
  #output = new Map(); // by package and test, until the test has passed
  #build = new Map(); // what the compiler said, by package
  #failedIn = new Set(); // packages of which a test has failed

  line(text) {
    let event;
    try {
      event = JSON.parse(text);
    } catch {
      return `${text}\n`; // a build error is not always JSON
    }
    if (event.Action === "build-output") {
      this.#build.set(event.ImportPath, (this.#build.get(event.ImportPath) ?? "") + event.Output);
      return event.Output;
    }
    const key = `${event.Package} ${event.Test ?? ""}`;
    if (event.Action === "output") {
      this.#output.set(key, (this.#output.get(key) ?? "") + event.Output);
      return "";
    }
    if (!["pass", "fail", "skip"].includes(event.Action)) return "";
    const output = this.#output.get(key) ?? "";
    this.#output.delete(key);
    return event.Test ? this.#test(event, output) : this.#package(event, output);
  }

  #test(event, output) {
    const title = `${short(event.Package)} ${event.Test}`;
    if (event.Action === "pass") {
      this.counts.passed++;
      return "";
    }
    if (event.Action === "skip") {
      this.counts.skipped++;
      return `SKIP ${title}\n${output}\n`;
    }
    this.counts.failed++;
    this.#failedIn.add(event.Package);
    this.failures.push({ test: title, reason: output });
    return `FAIL ${title} (${seconds(event)})\n${output}\n`;
  }

  #package(event, output) {
    const title = `${short(event.Package)} (${seconds(event)})`;
    if (event.Action === "skip") return ""; // no test files
    if (event.Action === "pass") return `ok   ${title}\n`;
    // A package that fails without a failed test did not build, crashed, or ran out of time. That is a failure, too.
    if (!this.#failedIn.has(event.Package)) {
      this.counts.failed++;
      this.failures.push({ test: title, reason: (this.#build.get(event.FailedBuild) ?? "") + output });
    }
    return `FAIL ${title}\n${output}\n`;
  }
}

const short = (name) => name.replace("github.com/clavex/clavex/", "");
const seconds = (event) => `${(event.Elapsed ?? 0).toFixed(1)} s`;

if (process.argv[1] === import.meta.filename) {
  const report = new GoReport();
  for await (const text of createInterface({ input: process.stdin })) process.stdout.write(report.line(text));
  writeFileSync(process.argv[2], JSON.stringify({ runner: "lines", ...report.counts, failures: report.failures }));
}
