import type { Browser } from "@playwright/test";
import { Console } from "../../fixtures/console.ts";
import { issuerOf, system, unique } from "../../fixtures/environment.ts";
import { expectGoodLooks } from "../../fixtures/looks.ts";
import { expect, test } from "../../fixtures/test.ts";

const password = "Engine-No-1843";

/** Two organizations: people of the first may sign in at the second. */
async function two(browser: Browser): Promise<{ slug: string; person: string; there: string }> {
  const context = await browser.newContext();
  const console = new Console(await context.newPage());
  await console.signIn(system.slug, system.administrator);
  const made = async (address: string, body: unknown): Promise<Record<string, unknown>> => {
    const answer = await console.call("POST", `/api/v1${address}`, body);
    if (answer.status >= 300) throw new Error(`${address}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body as Record<string, unknown>;
  };
  const [slug, peer] = [`here-${unique()}`, `corp-${unique()}`];
  await made("/orgs", { slug, name: "Here" });
  await made("/orgs", { slug: peer, name: "Corp" });
  const [person, there] = [`ada-${unique()}@here.test`, `countess-${unique()}@corp.test`];
  await made(`/orgs/${slug}/users`, { username: person, email: person, password, password_temporary: false });
  await made(`/orgs/${peer}/users`, { username: there, email: there, password, password_temporary: false });
  const registered = await made(`/orgs/${peer}/clients`, {
    client_name: "Here",
    redirect_uris: [`${issuerOf(slug)}/idp/corp/callback`],
    grant_types: ["authorization_code"],
    scopes: ["openid", "email", "profile"],
    require_consent: false,
  });
  const { client_id } = registered.client as { client_id: string };
  await made(`/orgs/${slug}/identity-providers`, { alias: "corp", name: "Corp", issuer: issuerOf(peer), client_id, client_secret: registered.client_secret });
  await context.close();
  return { slug, person, there };
}

test("people sign in elsewhere, link that account by proving both, and take it away", async ({ page, hosted, browser }) => {
  test.slow();
  const { slug, person, there } = await two(browser);
  const here = issuerOf(slug);
  const form = async (username: string): Promise<void> => {
    await page.locator("#username").fill(username);
    await page.locator("#password").fill(password);
    await page.locator("#login-submit").click();
  };
  await page.goto(`${here}/login`);
  await expectGoodLooks(page, "the sign-in page with a provider");
  await page.getByRole("link", { name: "Continue with Corp" }).click();
  await expect(hosted.heading("Sign in to Corp")).toBeVisible();
  await form(there);
  await expect(hosted.heading("Sign in to Here")).toBeVisible();
  await expect(page.getByRole("status").filter({ hasText: there })).toBeVisible();
  await expectGoodLooks(page, "the sign-in page of an account that is not linked");
  await form(person);
  await expect(hosted.heading("Link your account at Corp?")).toBeVisible();
  await expectGoodLooks(page, "the question whether accounts are linked");
  await page.getByRole("button", { name: "Link them" }).click();
  await expect(hosted.heading("You are signed in")).toBeVisible();

  // The next time that account is enough; it is still signed in there.
  await page.goto(`${here}/logout`);
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await expect(hosted.heading("You are signed out")).toBeVisible();
  await page.goto(`${here}/login`);
  await page.getByRole("link", { name: "Continue with Corp" }).click();
  await expect(hosted.heading("You are signed in")).toBeVisible();
  await page.goto(`${here}/account/sign-in`);
  await page.getByRole("link", { name: "Manage accounts elsewhere" }).click();
  await expect(page.getByText(there)).toBeVisible();
  await expectGoodLooks(page, "the page of accounts elsewhere");
  await page.getByRole("button", { name: "Remove" }).click();
  await expect(page.getByRole("status").filter({ hasText: "not linked any more" })).toBeVisible();

  // And linked again from here.
  await page.getByRole("button", { name: "Link an account at Corp" }).click();
  await expect(hosted.heading("Link your account at Corp?")).toBeVisible();
  await page.getByRole("button", { name: "Link them" }).click();
  await expect(page.getByText(there)).toBeVisible();
});
