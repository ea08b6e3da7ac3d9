import { clavex } from "../../fixtures/command-line.ts";
import { baseUrl, system, unique } from "../../fixtures/environment.ts";
import { expect, test } from "../../fixtures/test.ts";

test("the first administrator gets in by the link that the command line prints", async ({ page, hosted, console }) => {
  const username = `first-${unique()}@clavex.test`;
  const made = await clavex({ data: process.env.CLAVEX_E2E_DATA_DIR ?? "", publicUrl: baseUrl() }, "user", "create", "--org", system.slug, "--username", username, "--role", "platform-administrator");
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
