import { demo, issuerOf } from "../../fixtures/environment.ts";
import { expect, test } from "../../fixtures/test.ts";

test.use({ javaScriptEnabled: false });

test("the whole sign-in works without JavaScript", async ({ page, hosted, payroll }) => {
  const attempt = await payroll.begin({ prompt: "login consent" });
  await page.goto(attempt.url);
  await hosted.signIn({ username: demo.ada.username, password: "not-the-password" });
  await expect(hosted.problem).toBeVisible();
  await expect(hosted.username).toHaveValue(demo.ada.username);
  await hosted.password.fill(demo.ada.password);
  await hosted.signInButton.click();
  await hosted.allow.click();
  const tokens = await payroll.redeem(await payroll.returned(page, attempt), attempt);
  expect(await payroll.userinfo(tokens)).toMatchObject({ email: demo.ada.username });
});

test("an answer by form post waits for one press of a button", async ({ page, hosted, payroll }) => {
  const attempt = await payroll.begin({ prompt: "login consent", response_mode: "form_post" });
  await page.goto(attempt.url);
  await hosted.signIn(demo.ada);
  await hosted.allow.click();
  await expect(hosted.heading(/^Taking you back to /)).toBeVisible();
  await page.getByRole("button", { name: "Continue" }).click();
  await payroll.redeem(await payroll.returned(page, attempt), attempt);
});

test("signing out works without JavaScript", async ({ page, hosted }) => {
  await hosted.signInAtHome(issuerOf(demo.slug), demo.ada);
  await page.getByRole("link", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await expect(hosted.heading("You are signed out")).toBeVisible();
});
