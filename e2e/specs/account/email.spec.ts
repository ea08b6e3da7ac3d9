import { demo, issuerOf, system, unique } from "../../fixtures/environment.ts";
import { HostedPages } from "../../fixtures/hosted-pages.ts";
import { expectGoodLooks } from "../../fixtures/looks.ts";
import { codeIn, linkIn, mailTo } from "../../fixtures/mailbox.ts";
import { newcomer } from "../../fixtures/newcomer.ts";
import { expect, test } from "../../fixtures/test.ts";

const issuer = issuerOf(demo.slug);

test("people change their address, and whoever reads the former mailbox undoes it", async ({ page, hosted, browser }) => {
  test.slow();
  const eva = await newcomer(page);
  const moved = `countess-${unique()}@new.test`;
  await page.goto(`${issuer}/account`);
  await page.getByRole("link", { name: "Change the email address" }).click();
  await page.getByRole("textbox", { name: "New address" }).fill(moved);
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(hosted.heading("Check your mail")).toBeVisible();
  const proof = await mailTo(moved);

  // A mail scanner, or another device, that opens the link changes nothing.
  const other = await browser.newContext();
  const elsewhere = await other.newPage();
  await elsewhere.goto(linkIn(proof));
  await expect(elsewhere.getByRole("heading", { level: 1, name: "Go back to your other browser" })).toBeVisible();
  await page.getByRole("textbox", { name: "Code" }).fill(codeIn(proof));
  await page.getByRole("button", { name: "Use this address" }).click();
  await expect(page.getByRole("status").filter({ hasText: "Your email address is changed" })).toBeVisible();
  await expect(page.getByText(moved)).toHaveCount(1);

  const told = await mailTo(eva.username, 2);
  expect(told.subject).toContain("was changed");
  await elsewhere.goto(linkIn(told));
  await elsewhere.getByRole("button", { name: "Undo the change" }).click();
  await expect(elsewhere.getByRole("heading", { level: 1, name: "Choose a password" })).toBeVisible();
  await page.goto(`${issuer}/account`);
  await expect(hosted.heading("Sign in to Demo")).toBeVisible();
  await elsewhere.locator("#new-password").fill("Difference-No-1822");
  await elsewhere.locator("#new-password-confirmation").fill("Difference-No-1822");
  await elsewhere.getByRole("button", { name: "Save and continue" }).click();
  await expect(elsewhere.getByText(eva.username).first()).toBeVisible();
  await other.close();
});

test("where passwords are not recovered, one that is as new as the change goes with it", async ({ page, console, browser }) => {
  test.slow();
  await console.signIn(system.slug, system.administrator);
  const slug = `closed-${unique()}`;
  const issuer = issuerOf(slug);
  const eva = { username: `eva-${unique()}@closed.test`, password: "Engine-No-1843" };
  const moved = `countess-${unique()}@new.test`;
  expect((await console.call("POST", "/api/v1/orgs", { slug, name: "Closed", policies: { password_recovery: "closed" } })).status).toBe(201);
  expect((await console.call("POST", `/api/v1/orgs/${slug}/users`, { username: eva.username, email: eva.username, email_verified: true, password: eva.password, password_temporary: false })).status).toBe(201);
  const theirs = await browser.newContext();
  const account = await theirs.newPage();
  await account.goto(`${issuer}/account/email`);
  await new HostedPages(account).signIn(eva);
  await account.getByRole("textbox", { name: "New address" }).fill(moved);
  await account.getByRole("button", { name: "Continue" }).click();
  await account.getByRole("textbox", { name: "Code" }).fill(codeIn(await mailTo(moved)));
  await account.getByRole("button", { name: "Use this address" }).click();
  await expect(account.getByRole("status").filter({ hasText: "Your email address is changed" })).toBeVisible();

  await page.goto(linkIn(await mailTo(eva.username)));
  await expect(page.getByText("in the day before the change")).toBeVisible();
  await expectGoodLooks(page, "the question whether a change of address is undone");
  await page.getByRole("button", { name: "Undo the change" }).click();
  await expect(page.getByText("Your password was new at the time of the change")).toBeVisible();
  await expectGoodLooks(page, "a change of address that is undone");
  await account.goto(`${issuer}/account`);
  await expect(account.getByRole("heading", { level: 1, name: "Sign in to Closed" })).toBeVisible();
  await theirs.close();
});
