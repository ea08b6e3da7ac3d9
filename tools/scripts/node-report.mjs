// A reporter of `node --test` that yields its counts, and what failed, in the form that count.mjs adds up.
export default async function* report(source) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const failures = [];
  for await (const { type, data } of source) {
    if (data?.details?.type === "suite") continue;
    if (type === "test:pass") counts[data.skip !== undefined || data.todo !== undefined ? "skipped" : "passed"]++;
    if (type === "test:fail") {
      counts.failed++;
      failures.push({ test: data.name, reason: String(data.details?.error?.cause?.stack ?? data.details?.error ?? "") });
    }
  }
  yield JSON.stringify({ runner: "lines", ...counts, failures });
}
