import { readFile } from "node:fs/promises";
import { expectAccessible } from "../../fixtures/accessibility.ts";
import { oneTimePassword } from "../../fixtures/one-time-password.ts";
import { demo, issuerOf } from "../../fixtures/environment.ts";
import { mailTo } from "../../fixtures/mailbox.ts";
import { newcomer } from "../../fixtures/newcomer.ts";
import { expect, test } from "../../fixtures/test.ts";

const account = `${issuerOf(demo.slug)}/account`;

test("an authenticator app is added, proved, lost, and removed", async ({ page, hosted, payroll, browser }) => {
  test.slow();
  const eva = await newcomer(page);
  await page.goto(`${account}/sign-in`);
  await page.getByRole("link", { name: "Add an authenticator app" }).click();
  await expect(page.getByRole("img", { name: /^QR code/ })).toBeVisible();
  const secret = await page.locator("#otp-secret").innerText();
  await page.getByRole("textbox", { name: "Code of the app" }).fill("000000");
  await page.getByRole("button", { name: "Add the app" }).click();
  await expect(hosted.problem).toBeVisible();
  await expect(page.locator("#otp-secret")).toHaveText(secret);
  await page.getByRole("textbox", { name: "Code of the app" }).fill(oneTimePassword(secret));
  await page.getByRole("button", { name: "Add the app" }).click();
  const codes = await page.locator("#recovery-codes code").allInnerTexts();
  expect(codes).toHaveLength(10);
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Download" }).click()]);
  expect(download.suggestedFilename()).toBe("recovery-codes-demo.txt");
  expect(await readFile(await download.path(), "utf8")).toContain(codes.join("\r\n"));
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.getByRole("button", { name: "Copy" }).click();
  await expect(page.getByRole("button", { name: "Copied" })).toBeVisible();
  await expectAccessible(page, "the recovery codes");
  await page.screenshot({ path: test.info().outputPath("codes.png"), fullPage: true });
  await page.getByRole("link", { name: "I have kept them" }).click();
  await expect(page.locator("#method-authenticator")).toContainText("Added on");
  expect((await mailTo(eva.username, 2)).text).toContain("has just been added");

  const other = await browser.newContext({ javaScriptEnabled: false });
  const elsewhere = await other.newPage();
  const attempt = await payroll.begin({ acr_values: "http://schemas.openid.net/pape/policies/2007/06/multi-factor" });
  await elsewhere.goto(attempt.url);
  await elsewhere.locator("#username").fill(eva.username);
  await elsewhere.locator("#password").fill(eva.password);
  await elsewhere.locator("#login-submit").click();
  await expect(elsewhere.getByRole("heading", { level: 1, name: "Confirm that it is you" })).toBeVisible();
  // By keyboard: the field of the code has the focus.
  await elsewhere.keyboard.type(oneTimePassword(secret, 1));
  await elsewhere.keyboard.press("Enter");
  await elsewhere.locator("#consent-allow").click();
  const tokens = await payroll.redeem(await payroll.returned(elsewhere, attempt), attempt);
  expect(tokens.claims()).toMatchObject({ amr: ["pwd", "otp", "mfa"], acr: "http://schemas.openid.net/pape/policies/2007/06/multi-factor" });

  // Without the app: a recovery code.
  const lost = await payroll.begin({ prompt: "login" });
  await elsewhere.goto(lost.url);
  await elsewhere.locator("#username").fill(eva.username);
  await elsewhere.locator("#password").fill(eva.password);
  await elsewhere.locator("#login-submit").click();
  await elsewhere.getByText("I do not have the app at hand").click();
  await elsewhere.locator("#recovery-code").fill(codes[0] ?? "");
  await elsewhere.locator("#recovery-submit").click();
  await payroll.redeem(await payroll.returned(elsewhere, lost), lost);
  await other.close();

  // This session began with the password alone: what the account depends on is changed with the app, or a code in its place.
  await page.getByRole("link", { name: "Manage", exact: true }).click();
  await expect(hosted.heading("Confirm that it is you")).toBeVisible();
  await page.getByText("I do not have the app at hand").click();
  await page.locator("#recovery-code").fill(codes[1] ?? "");
  await page.locator("#recovery-submit").click();
  await expect(page.getByText("8 left")).toBeVisible();
  await page.getByRole("button", { name: "Make new recovery codes" }).click();
  await expect(page.locator("#recovery-codes code")).toHaveCount(10);
  await page.getByRole("link", { name: "I have kept them" }).click();
  await page.getByRole("link", { name: "Manage", exact: true }).click();
  await page.getByRole("button", { name: "Remove the app" }).click();
  await expect(page.getByRole("status").filter({ hasText: "The app is removed." })).toBeVisible();
});
