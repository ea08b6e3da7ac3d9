import { CallbackServer } from "../../fixtures/callback-server.ts";
import { system, unique } from "../../fixtures/environment.ts";
import { HostedPages } from "../../fixtures/hosted-pages.ts";
import { RelyingParty } from "../../fixtures/relying-party.ts";
import { expect, test } from "../../fixtures/test.ts";

const person = { username: "ida@teatro.test", password: "Sipario-Rosso-58" };

test("a claim of the organization's own reaches the application that asks for its scope, and is asked about in words", async ({ page, browser, console }) => {
  test.slow();
  const callback = await CallbackServer.start();
  await console.signIn(system.slug, system.administrator);
  await console.createOrganization(`Teatro ${unique()}`);
  await console.createUser({ email: person.username, givenName: "Ida", familyName: "Gatti", password: person.password });
  await console.tab("Profile");
  await page.getByRole("button", { name: "Attributes" }).click();
  await page.getByLabel("Attributes", { exact: true }).fill('{"reparto": "Costumi"}');
  await console.save("Save profile");

  await console.open("Scopes and claims");
  await console.tab("Claims");
  await page.getByRole("button", { name: "Add claim" }).click();
  const sheet = page.getByRole("dialog");
  await sheet.getByLabel("Name", { exact: true }).fill("sub");
  await sheet.getByLabel("Attribute").fill("reparto");
  await sheet.getByRole("button", { name: "Add claim" }).click();
  await expect(sheet.getByLabel("Name", { exact: true })).toHaveAccessibleDescription(/has a meaning in tokens already/);
  await sheet.getByLabel("Name", { exact: true }).fill("department");
  await sheet.getByRole("button", { name: "Add claim" }).click();
  await expect(console.entry("department")).toContainText("No scope tells it");
  await console.tab("Scopes");
  await page.getByRole("button", { name: "Add scope" }).click();
  await sheet.getByLabel("Name", { exact: true }).fill("work");
  await sheet.getByLabel("Description, English").fill("See where you work");
  await sheet.getByRole("checkbox", { name: "department" }).check();
  await sheet.getByRole("button", { name: "Add scope" }).click();
  await expect(console.entry("work")).toContainText("See where you work");

  const client = await console.createWebApplication("Locandina", callback.redirectUri);
  await page.getByRole("button", { name: /^Protocol/ }).click();
  await expect(page.getByLabel("Scopes", { exact: true })).toHaveAccessibleDescription(/work/);
  await page.getByLabel("Scopes", { exact: true }).fill("openid profile work");
  await console.save("Save settings");

  const visitor = await (await browser.newContext()).newPage();
  const hosted = new HostedPages(visitor);
  const application = await RelyingParty.configured(client.issuer, callback, client);
  const attempt = await application.begin({ scope: "openid work" });
  await visitor.goto(attempt.url);
  await hosted.signIn(person);
  await expect(visitor.getByRole("listitem").filter({ hasText: "See where you work" })).toBeVisible();
  await hosted.allow.click();
  const tokens = await application.redeem(await application.returned(visitor, attempt), attempt);
  const known = await application.userinfo(tokens);
  expect(known).toMatchObject({ department: "Costumi" });
  expect(known).not.toHaveProperty("name");

  // A claim that is deleted is told to nobody any more, and the scope does without it.
  await console.open("Scopes and claims");
  await console.tab("Claims");
  await page.getByRole("button", { name: "Delete department" }).click();
  await expect(page.getByRole("dialog")).toContainText("also taken out of work");
  await page.getByRole("dialog").getByRole("button", { name: "Delete claim" }).click();
  await expect(page.getByText("No claims of your own yet")).toBeVisible();
  expect(await application.userinfo(tokens)).not.toHaveProperty("department");
  await visitor.context().close();
  await application.stop();
});
