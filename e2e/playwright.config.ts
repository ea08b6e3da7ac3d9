import { existsSync } from "node:fs";
import { defineConfig, devices } from "@playwright/test";

/** $CHROMIUM, else the one of the distribution, else the one that Playwright brings. */
function chromium(): string | undefined {
  const candidates = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser"];
  return candidates.find((candidate) => candidate !== undefined && candidate !== "" && existsSync(candidate));
}

const executablePath = chromium();
// Journeys that need the database and the command line beside the server.
const elsewhere = process.env.CLAVEX_E2E_BASE_URL !== undefined && process.env.CLAVEX_E2E_DATA_DIR === undefined;

export default defineConfig({
  testDir: "specs",
  testIgnore: elsewhere ? ["local/**"] : [],
  outputDir: "test-results",
  globalSetup: "./fixtures/global-setup.ts",
  // One for the browser and one for the server that it keeps busy.
  workers: 2,
  // A journey that only works at the second attempt does not work.
  retries: 0,
  forbidOnly: true,
  // What never comes ends a test; that something comes fast is measured (make bench), not asserted on a machine that others use, too.
  timeout: 180_000,
  expect: { timeout: 30_000 },
  reporter: [["list"], ["json", { outputFile: "test-results/report.json" }]],
  use: {
    ...devices["Desktop Chrome"],
    locale: "en-GB",
    timezoneId: "Europe/Rome",
    actionTimeout: 30_000,
    trace: "retain-on-failure",
    screenshot: "only-on-failure",
    launchOptions: {
      ...(executablePath ? { executablePath } : {}),
      args: [
        ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        // Two sites on this machine: journeys between registrable domains need names, and no name server knows these.
        "--host-resolver-rules=MAP *.test 127.0.0.1",
      ],
    },
  },
});
