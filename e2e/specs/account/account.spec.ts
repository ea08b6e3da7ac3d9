import { readFile } from "node:fs/promises";
import { demo, issuerOf } from "../../fixtures/environment.ts";
import { linkIn, mailTo, noticeTo } from "../../fixtures/mailbox.ts";
import { newcomer } from "../../fixtures/newcomer.ts";
import { expect, test } from "../../fixtures/test.ts";

const account = `${issuerOf(demo.slug)}/account`;

test("people look after their account", async ({ page, hosted, payroll, browser }) => {
  test.slow();
  const eva = await newcomer(page);
  await page.getByRole("link", { name: "Manage your account" }).click();
  await expect(hosted.heading("Profile")).toBeVisible();
  await page.getByRole("textbox", { name: "Full name" }).fill("Eva Rossi");
  await page.getByRole("combobox", { name: "Language" }).selectOption({ label: "Deutsch" });
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("status").filter({ hasText: "gespeichert" })).toBeVisible();
  await page.getByRole("combobox", { name: "Sprache" }).selectOption({ label: "English" });
  await page.getByRole("button", { name: "Speichern" }).click();
  await expect(hosted.heading("Profile")).toBeVisible();

  // Another device, and an application.
  const other = await browser.newContext();
  const elsewhere = await other.newPage();
  const attempt = await payroll.begin();
  await elsewhere.goto(attempt.url);
  await elsewhere.locator("#username").fill(eva.username);
  await elsewhere.locator("#password").fill(eva.password);
  await elsewhere.locator("#login-submit").click();
  await elsewhere.locator("#consent-allow").click();
  await payroll.redeem(await payroll.returned(elsewhere, attempt), attempt);

  await page.getByRole("link", { name: "Devices and sessions" }).click();
  await expect(page.locator("#sessions-list > li")).toHaveCount(2);
  await expect(page.getByRole("listitem").filter({ hasText: "This session" })).toContainText(/Chrome on \w+/);
  await page.getByRole("link", { name: "Applications" }).click();
  await expect(page.locator("#applications-list")).toContainText("See your email address");
  await page.getByRole("button", { name: "Take access back" }).click();
  await expect(page.getByText("No application has asked you for access yet.")).toBeVisible();

  await page.getByRole("link", { name: "How you sign in" }).click();
  await page.getByRole("link", { name: "Change the password" }).click();
  await page.getByLabel("New password", { exact: true }).fill("Difference-No-1822");
  await page.getByLabel("Repeat the new password").fill("Difference-No-1822");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("status").filter({ hasText: "Your password is changed" })).toBeVisible();
  expect((await mailTo(eva.username, 2)).subject).toContain("changed");
  await elsewhere.goto(account);
  await expect(elsewhere.getByRole("heading", { level: 1, name: "Sign in to Demo" })).toBeVisible();
  await other.close();

  await page.getByRole("link", { name: "Activity" }).click();
  await expect(page.locator("#activity-list")).toContainText("The password was set");
  await expect(page.locator("#activity-list")).toContainText("Access was taken back: Payroll");
  await page.getByRole("link", { name: "Your data" }).click();
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download my data" }).click()]);
  const data = JSON.parse(await readFile(await download.path(), "utf8")) as { user: { username: string }; sessions: unknown[] };
  expect(data.user.username).toBe(eva.username);
  expect(data.sessions).toHaveLength(2);
});

test("one session ends, and the others do", async ({ page, browser, hosted }) => {
  const eva = await newcomer(page);
  const others = await Promise.all([browser.newContext(), browser.newContext()]);
  for (const context of others) {
    const elsewhere = await context.newPage();
    await elsewhere.goto(account);
    await elsewhere.locator("#username").fill(eva.username);
    await elsewhere.locator("#password").fill(eva.password);
    await elsewhere.locator("#login-submit").click();
    await expect(elsewhere.locator("#account-nav")).toBeVisible();
  }
  // Each was new to the account, which its person hears with the place where they end.
  await page.goto(linkIn(await noticeTo(eva.username, 2)));
  await page.getByRole("button", { name: "Sign out", exact: true }).first().click();
  await expect(page.locator("#sessions-list > li")).toHaveCount(2);
  await page.getByRole("button", { name: "Sign out everywhere else" }).click();
  await expect(page.locator("#sessions-list > li")).toHaveCount(1);
  for (const context of others) {
    for (const elsewhere of context.pages()) {
      await elsewhere.goto(account);
      await expect(elsewhere.getByRole("heading", { level: 1, name: "Sign in to Demo" })).toBeVisible();
    }
    await context.close();
  }
  await page.reload();
  await expect(hosted.heading("Devices and sessions")).toBeVisible();
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("by keyboard alone, through the sign-in and back", async ({ page, hosted }) => {
    await page.goto(`${account}/password`);
    await page.keyboard.type(demo.ada.username);
    await page.keyboard.press("Tab");
    await page.keyboard.type(demo.ada.password);
    await page.keyboard.press("Enter");
    await expect(page).toHaveURL(`${account}/password`);
    await page.keyboard.type("Difference-No-1822");
    await page.keyboard.press("Tab");
    await page.keyboard.type("Something-Else-1822");
    await page.keyboard.press("Enter");
    await expect(hosted.problem).toBeVisible();
    await page.goto(account);
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await expect(hosted.heading("How you sign in")).toBeVisible();
  });
});
