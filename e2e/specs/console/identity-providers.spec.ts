import { expectAccessible } from "../../fixtures/accessibility.ts";
import { issuerOf, system, unique } from "../../fixtures/environment.ts";
import { expectGoodLooks } from "../../fixtures/looks.ts";
import { expect, test } from "../../fixtures/test.ts";

const password = "Engine-No-1843";

test("an administrator adds another organization as identity provider, sees who is linked, unlinks, and removes it", async ({ page, console: desk, browser }) => {
  test.slow();
  await desk.signIn(system.slug, system.administrator);
  const made = async (address: string, body: unknown): Promise<Record<string, unknown>> => {
    const answer = await desk.call("POST", `/api/v1${address}`, body);
    expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
    return answer.body as Record<string, unknown>;
  };
  const [slug, peer] = [`here-${unique()}`, `corp-${unique()}`];
  await made("/orgs", { slug, name: "Here" });
  await made("/orgs", { slug: peer, name: "Corp" });
  const [person, there] = [`ada-${unique()}@here.test`, `countess-${unique()}@corp.test`];
  const { id } = (await made(`/orgs/${slug}/users`, { username: person, email: person, password, password_temporary: false })) as { id: string };
  await made(`/orgs/${peer}/users`, { username: there, email: there, password, password_temporary: false });

  // The redirect URI stands there first, because the provider wants it before it gives anything.
  await page.goto(`/console/orgs/${slug}`);
  await desk.open("Identity providers");
  await expect(page.getByText("Nobody signs in elsewhere")).toBeVisible();
  await expectGoodLooks(page, "no identity providers");
  await page.getByRole("button", { name: "Add provider" }).click();
  const sheet = page.getByRole("dialog", { name: "Add an identity provider" });
  await sheet.getByRole("textbox", { name: "Name", exact: true }).fill("Corp");
  await sheet.getByRole("textbox", { name: "Name in addresses" }).fill("corp");
  const redirectUri = await sheet.locator("code").filter({ hasText: "/idp/" }).innerText();
  const registered = await made(`/orgs/${peer}/clients`, {
    client_name: "Here",
    redirect_uris: [redirectUri],
    grant_types: ["authorization_code"],
    scopes: ["openid", "email", "profile"],
    require_consent: false,
  });
  await sheet.getByRole("textbox", { name: "Client ID" }).fill((registered.client as { client_id: string }).client_id);
  await sheet.getByLabel("Client secret").fill(registered.client_secret as string);

  // It is looked at before it is added.
  const issuer = sheet.getByRole("textbox", { name: "Issuer" });
  await issuer.fill(`${issuerOf(peer)}/`);
  await sheet.getByRole("button", { name: "Add provider" }).click();
  await expect(sheet.getByText(/calls itself by another issuer/)).toBeVisible();
  await expect(issuer).toBeFocused();
  await expectAccessible(page, "the sheet of a provider that cannot be used");
  await issuer.fill(issuerOf(peer));
  await sheet.getByRole("button", { name: "Try the issuer" }).click();
  await expect(sheet.getByText("It can be used")).toBeVisible();
  await expectGoodLooks(page, "the sheet of an identity provider");
  await sheet.getByRole("button", { name: "Add provider" }).click();
  await expect(sheet).toHaveCount(0);
  await expect(page.getByRole("button", { name: "Edit Corp" })).toBeVisible();
  await expectGoodLooks(page, "the list of identity providers");

  // Somebody links their account there.
  const context = await browser.newContext();
  const theirs = await context.newPage();
  const enter = async (username: string): Promise<void> => {
    await theirs.locator("#username").fill(username);
    await theirs.locator("#password").fill(password);
    await theirs.locator("#login-submit").click();
  };
  await theirs.goto(`${issuerOf(slug)}/login`);
  await theirs.getByRole("link", { name: "Continue with Corp" }).click();
  await enter(there);
  await expect(theirs.getByRole("heading", { level: 1, name: "Sign in to Here" })).toBeVisible();
  await enter(person);
  await theirs.getByRole("button", { name: "Link them" }).click();
  await expect(theirs.getByRole("heading", { level: 1, name: "You are signed in" })).toBeVisible();

  await page.goto(`/console/orgs/${slug}/users/${id}?tab=sign-in`);
  await expect(page.getByRole("heading", { name: `${there} at Corp` })).toBeVisible();
  await expectGoodLooks(page, "a user with an account elsewhere");
  await page.getByRole("button", { name: `Unlink ${there} at Corp` }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Unlink account" }).click();
  await expect(page.getByText("No account elsewhere")).toBeVisible();
  await theirs.goto(`${issuerOf(slug)}/`);
  await expect(theirs.getByRole("heading", { level: 1, name: "You are signed in" })).toHaveCount(0);

  // Switched off it is offered to nobody; by keyboard.
  await desk.open("Identity providers");
  await page.getByRole("button", { name: "Switch Corp off" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").getByRole("button", { name: "Switch off" }).press("Enter");
  await expect(page.getByRole("button", { name: "Switch Corp on" })).toBeVisible();
  await theirs.goto(`${issuerOf(slug)}/login`);
  await expect(theirs.getByRole("link", { name: "Continue with Corp" })).toHaveCount(0);
  await page.getByRole("button", { name: "Switch Corp on" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Switch on" }).click();
  await expect(page.getByRole("button", { name: "Switch Corp off" })).toBeVisible();

  await page.getByRole("button", { name: "Remove Corp" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByRole("button", { name: "Remove provider" })).toBeDisabled();
  await dialog.getByRole("textbox", { name: "Type Corp to confirm" }).fill("Corp");
  await dialog.getByRole("button", { name: "Remove provider" }).click();
  await expect(page.getByText("Nobody signs in elsewhere")).toBeVisible();
  await context.close();
});
