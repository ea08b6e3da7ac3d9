import { issuerOf, system, unique } from "../../fixtures/environment.ts";
import { expectGoodLooks } from "../../fixtures/looks.ts";
import { codeIn, mailTo } from "../../fixtures/mailbox.ts";
import { expect, test } from "../../fixtures/test.ts";

test("where a second factor is demanded, a code by mail is that of somebody who has none", async ({ page, console, browser }) => {
  test.slow();
  await console.signIn(system.slug, system.administrator);
  const slug = `club-${unique()}`;
  const eva = { username: `eva-${unique()}@club.test`, password: "Engine-No-1843" };
  const made = async (method: string, address: string, body: unknown): Promise<void> => {
    const answer = await console.call(method, `/api/v1${address}`, body);
    expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
  };
  await made("POST", "/orgs", { slug, name: "Club", policies: { second_factor: "required" } });
  await made("POST", `/orgs/${slug}/users`, { username: eva.username, email: eva.username, email_verified: true, password: eva.password, password_temporary: false });
  // Switched on in the console.
  await page.goto(`/console/orgs/${slug}/settings?tab=accounts`);
  await page.getByText("A code by mail, too").click();
  await console.save("Save accounts");

  const context = await browser.newContext();
  const theirs = await context.newPage();
  await theirs.goto(`${issuerOf(slug)}/account/sign-in`);
  await theirs.locator("#username").fill(eva.username);
  await theirs.locator("#password").fill(eva.password);
  await theirs.locator("#login-submit").click();
  await expect(theirs.getByText("It goes to e•••@club.test.")).toBeVisible();
  await expectGoodLooks(theirs, "the page that sends a code");
  // By keyboard from here on.
  await theirs.getByRole("button", { name: "Send the code" }).focus();
  await theirs.keyboard.press("Enter");
  await expect(theirs.getByRole("textbox", { name: "Code" })).toBeFocused();
  const again = theirs.getByRole("button", { name: /^Send another mail/ });
  await expect(again).toBeDisabled();
  await expect(again).toHaveText(/\(\d+\)/);
  await expectGoodLooks(theirs, "the page for the code of a second factor");
  await theirs.getByRole("textbox", { name: "Code" }).fill("2345-CFGH");
  await theirs.keyboard.press("Enter");
  await expect(theirs.getByRole("alert")).toBeVisible();
  await expectGoodLooks(theirs, "the page for the code of a second factor with a problem");
  const mail = await mailTo(eva.username);
  expect(mail.subject).toBe("Your code for Club");
  await theirs.getByRole("textbox", { name: "Code" }).fill(codeIn(mail));
  await theirs.keyboard.press("Enter");
  await expect(theirs.getByRole("heading", { level: 1, name: "How you sign in" })).toBeVisible();
  await expect(theirs.locator("#method-authenticator")).toContainText(`a code by mail to ${eva.username}`);
  await expectGoodLooks(theirs, "the ways to sign in with a code by mail");
  await theirs.goto(`${issuerOf(slug)}/account/activity`);
  await expect(theirs.locator("#activity-list")).toContainText("A code of a mail was the second factor");

  // Who forgets the password chooses another one by mail, and shows the mailbox once.
  await theirs.goto(`${issuerOf(slug)}/logout`);
  await theirs.getByRole("button", { name: "Sign out", exact: true }).click();
  await theirs.goto(`${issuerOf(slug)}/forgot-password`);
  await theirs.getByRole("textbox", { name: "Email or username" }).fill(eva.username);
  await theirs.getByRole("button", { name: "Send the code" }).click();
  await theirs.getByRole("textbox", { name: "Code" }).fill(codeIn(await mailTo(eva.username, 2)));
  await theirs.getByRole("button", { name: "Continue" }).click();
  await theirs.getByLabel("New password", { exact: true }).fill("Analytical-No-1843");
  await theirs.getByLabel("Repeat the new password").fill("Analytical-No-1843");
  await theirs.getByRole("button", { name: "Save and continue" }).click();
  await expect(theirs.getByRole("heading", { level: 1, name: "Add an authenticator app" })).toBeVisible();
  await expect(theirs.getByText("a code by mail proves nothing more")).toBeVisible();
  await expectGoodLooks(theirs, "adding an app because mail will not do");
  await context.close();
});
