import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { baseUrl, system, unique } from "../../fixtures/environment.ts";
import { asTyped } from "../../fixtures/subprocess.ts";
import { expect, test } from "../../fixtures/test.ts";

const execute = promisify(execFile);

/** Runs the command line as an operator would who knows the database of the running server. */
async function clavex(...args: string[]): Promise<unknown> {
  const data = process.env.CLAVEX_E2E_DATA_DIR ?? "";
  const [password, port, key] = await Promise.all(["password", "port", "key-encryption-key"].map((name) => readFile(path.join(data, name), "utf8").then((text) => text.trim())));
  const { stdout } = await execute(process.env.CLAVEX_E2E_BINARY ?? "", [...args, "--json"], {
    env: asTyped({
      CLAVEX_DATABASE_URL: `postgres://clavex:${encodeURIComponent(password ?? "")}@127.0.0.1:${port ?? ""}/clavex?sslmode=disable`,
      CLAVEX_KEY_ENCRYPTION_KEY: key,
      CLAVEX_PUBLIC_URL: baseUrl(),
    }),
  });
  return JSON.parse(stdout);
}

test("the first administrator gets in by the link that the command line prints", async ({ page, hosted, console }) => {
  const username = `first-${unique()}@clavex.test`;
  const made = await clavex("user", "create", "--org", system.slug, "--username", username, "--role", "platform-administrator");
  const link = /"(https?:[^"]+\/login\/link[^"]*)"/.exec(JSON.stringify(made))?.[1] ?? "";
  expect(link).toContain(`${baseUrl()}/${system.slug}/login/link`);

  await page.goto(link);
  await expect(hosted.heading("Choose a password")).toBeVisible();
  await hosted.choosePassword("short");
  await expect(hosted.problem).toHaveText("That password is too short. Choose a longer one.");
  await hosted.choosePassword("Chiave-di-Volta-60");
  await expect(hosted.heading("You are signed in")).toBeVisible();

  // Signed in already: the console lets them in without another password.
  await console.chooseOrganization(system.slug);
  await expect(page.getByRole("navigation", { name: "Platform" }).getByRole("link", { name: "Organizations" })).toBeVisible();
});
