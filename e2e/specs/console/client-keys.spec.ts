import { demo, unique } from "../../fixtures/environment.ts";
import { expect, test } from "../../fixtures/test.ts";

const publicKey = {
  kty: "EC",
  crv: "P-256",
  x: "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
  y: "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
};

test("an application with keys of its own is made, and what is wrong with the keys is said where they are", async ({ page, console }) => {
  const name = `Keys ${unique()}`;
  await console.signIn(demo.slug, demo.grace);
  await page.goto(`/console/orgs/${demo.slug}/clients/new`);
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByLabel("Redirect URIs", { exact: true }).fill("https://keys.example.com/callback");
  await page.getByRole("button", { name: "Advanced" }).click();
  await page.getByRole("button", { name: /^Protocol/ }).click();
  await page.getByLabel("Authentication at the token endpoint").selectOption("private_key_jwt");
  const create = page.getByRole("button", { name: "Create client" });
  const keys = page.getByLabel("Or the keys themselves (jwks)");
  await create.click();
  await expect(page.getByLabel("Address of its public keys (jwks_uri)")).toHaveAccessibleDescription(/Write where the public keys are/);
  await keys.fill("{");
  await create.click();
  await expect(keys).toHaveAccessibleDescription(/This is not JSON/);
  await keys.fill(JSON.stringify({ keys: [{ kty: "EC" }] }));
  await create.click();
  await expect(keys).toHaveAttribute("aria-invalid", "true");
  await expect(keys).toBeFocused();
  await keys.fill(JSON.stringify({ keys: [publicKey] }));
  await page.getByLabel("Profile").selectOption("oidc-legacy");
  await create.click();
  await expect(console.heading(name)).toBeVisible();
  await page.getByRole("button", { name: /^Protocol/ }).click();
  await expect(keys).toHaveValue(new RegExp(publicKey.x));
  await expect(page.getByLabel("Profile")).toHaveValue("oidc-legacy");
});
