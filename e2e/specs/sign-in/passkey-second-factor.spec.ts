import type { Page } from "@playwright/test";
import { Authenticator, withoutConditionalMediation } from "../../fixtures/authenticator.ts";
import { demo, issuerOf } from "../../fixtures/environment.ts";
import { expectGoodLooks } from "../../fixtures/looks.ts";
import { codeIn, mailTo } from "../../fixtures/mailbox.ts";
import { newcomer } from "../../fixtures/newcomer.ts";
import { oneTimePassword } from "../../fixtures/one-time-password.ts";
import { expect, test } from "../../fixtures/test.ts";

const issuer = issuerOf(demo.slug);

async function make(page: Page): Promise<void> {
  await page.goto(`${issuer}/account/passkeys`);
  await page.getByRole("button", { name: "Make a passkey" }).click();
  await expect(page.getByRole("status").filter({ hasText: "The passkey is made" })).toBeVisible();
}

async function signOut(page: Page): Promise<void> {
  await page.goto(`${issuer}/logout`);
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await expect(page.getByRole("heading", { level: 1, name: "You are signed out" })).toBeVisible();
}

const button = (page: Page) => page.getByRole("button", { name: "Use a passkey" });

test("after the password a passkey is asked for, and the token says so", async ({ page, hosted, payroll }) => {
  await withoutConditionalMediation(page);
  const eva = await newcomer(page);
  await Authenticator.attach(page, { transport: "usb" });
  await make(page);
  await page.goto(`${issuer}/account/sign-in`);
  await expect(page.locator("#method-authenticator")).toContainText("Your passkeys are your second factor.");
  await signOut(page);
  const attempt = await payroll.begin();
  await page.goto(attempt.url);
  await hosted.signIn(eva);
  await expect(hosted.heading("Confirm that it is you")).toBeVisible();
  await button(page).focus();
  await page.keyboard.press("Enter");
  await hosted.allow.click();
  const tokens = await payroll.redeem(await payroll.returned(page, attempt), attempt);
  expect(tokens.claims()).toMatchObject({ amr: ["pwd", "hwk", "user", "mfa"], acr: "phrh" });
});

test("a copied passkey proves nothing, and a device without one says what to do", async ({ page, hosted }) => {
  await withoutConditionalMediation(page);
  const eva = await newcomer(page);
  const authenticator = await Authenticator.attach(page);
  await make(page);
  await signOut(page);
  await page.goto(`${issuer}/login`);
  await hosted.signIn(eva);
  await button(page).click();
  await expect(hosted.heading("You are signed in")).toBeVisible();
  await signOut(page);
  await authenticator.turnBack(0);
  await page.goto(`${issuer}/login`);
  await hosted.signIn(eva);
  await button(page).click();
  await expect(hosted.problem.filter({ hasText: "may have been copied" })).toBeVisible();
});

test("who lost their passkeys says so when they choose a password by mail", async ({ page, hosted }) => {
  await withoutConditionalMediation(page);
  const eva = await newcomer(page);
  await Authenticator.attach(page);
  await make(page);
  await signOut(page);
  await page.goto(`${issuer}/forgot-password`);
  await page.locator("#username").fill(eva.username);
  await page.locator("#forgot-password-submit").click();
  await page.locator("#code").fill(codeIn(await mailTo(eva.username, 3)));
  await page.locator("#confirm-submit").click();
  await page.locator("#new-password").fill("Difference-No-1822");
  await page.locator("#new-password-confirmation").fill("Difference-No-1822");
  await page.getByRole("checkbox", { name: "I have lost my passkeys" }).check();
  await expectGoodLooks(page, "the page for a new password of somebody with passkeys");
  await page.screenshot({ path: test.info().outputPath("lost.png"), fullPage: true });
  await page.locator("#password-submit").click();
  await expect(hosted.heading("You are signed in")).toBeVisible();
  await page.goto(`${issuer}/account/passkeys`);
  await expect(page.getByText("You have no passkey yet.")).toBeVisible();
});

test("the page of the second factor looks good", async ({ page, hosted }) => {
  test.slow();
  await withoutConditionalMediation(page);
  const eva = await newcomer(page);
  await Authenticator.attach(page);
  await make(page);
  await page.goto(`${issuer}/account/second-factor`);
  const secret = await page.locator("#otp-secret").innerText();
  await signOut(page);
  await page.goto(`${issuer}/login`);
  await hosted.signIn(eva);
  await expect(button(page)).toBeVisible();
  await expectGoodLooks(page, "a passkey");
  await button(page).click();
  await expect(hosted.heading("You are signed in")).toBeVisible();
  await page.goto(`${issuer}/account/second-factor`);
  const fresh = page.locator("#otp-secret");
  await expect(fresh).not.toHaveText(secret);
  await page.locator("#otp-code").fill(oneTimePassword(await fresh.innerText()));
  await page.locator("#otp-submit").click();
  await signOut(page);
  await page.goto(`${issuer}/login`);
  await hosted.signIn(eva);
  await expect(button(page)).toBeVisible();
  await expectGoodLooks(page, "a passkey or a code");
});

test("without JavaScript the page says what to do", async ({ page, hosted, browser }) => {
  const eva = await newcomer(page);
  await Authenticator.attach(page);
  await make(page);
  const other = await browser.newContext({ javaScriptEnabled: false });
  const elsewhere = await other.newPage();
  await elsewhere.goto(`${issuer}/login`);
  await elsewhere.locator("#username").fill(eva.username);
  await elsewhere.locator("#password").fill(eva.password);
  await elsewhere.locator("#login-submit").click();
  await expect(elsewhere.getByText("or JavaScript is switched off")).toBeVisible();
  await expect(elsewhere.locator("#passkey-submit")).toBeHidden();
  await other.close();
  await expect(hosted.heading("Passkeys")).toBeVisible();
});
