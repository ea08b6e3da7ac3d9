import { demo, issuerOf, unique } from "../../fixtures/environment.ts";
import { expect, test } from "../../fixtures/test.ts";

const wrong = "The username or the password is not right. Check both and try again.";

test("a wrong password is said in place, keeps the username and drops the password", async ({ page, hosted, payroll }) => {
  const attempt = await payroll.begin({ prompt: "login consent" });
  await page.goto(attempt.url);
  await expect(hosted.heading("Sign in to Demo")).toBeVisible();
  await expect(page.getByText("to continue to Payroll")).toBeVisible();

  await hosted.signIn({ username: demo.ada.username, password: "not-the-password" });
  await expect(hosted.problem).toHaveText(wrong);
  await expect(hosted.username).toHaveValue(demo.ada.username);
  await expect(hosted.password).toHaveValue("");
  await expect(hosted.password).toBeFocused();
  await expect(hosted.password).toHaveAttribute("aria-invalid", "true");
  await expect(hosted.password).toHaveAccessibleDescription(wrong);

  // Nothing was lost: the same sign-in goes on.
  await hosted.password.fill(demo.ada.password);
  await hosted.signInButton.click();
  await expect(hosted.heading("Payroll asks for access")).toBeVisible();
});

test("an unknown user hears the same words as one who mistyped", async ({ page, hosted }) => {
  await page.goto(`${issuerOf(demo.slug)}/login`);
  await hosted.signIn({ username: `nobody-${unique()}@demo.test`, password: demo.ada.password });
  await expect(hosted.problem).toHaveText(wrong);
  await expect(hosted.password).toBeFocused();
  await expect(hosted.password).toHaveValue("");
});

test("signing in for oneself ends at the home page, which leads to the way out", async ({ page, hosted }) => {
  await hosted.signInAtHome(issuerOf(demo.slug), demo.ada);
  await expect(page.getByRole("definition").filter({ hasText: demo.ada.username })).toBeVisible();

  await page.getByRole("link", { name: "Sign out" }).click();
  await expect(hosted.heading("Sign out of Demo?")).toBeVisible();
  await page.getByRole("button", { name: "Stay signed in" }).click();
  await expect(hosted.heading("You are signed in")).toBeVisible();

  await page.getByRole("link", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await expect(hosted.heading("You are signed out")).toBeVisible();
  await page.goto(`${issuerOf(demo.slug)}/`);
  await expect(hosted.heading("Sign in to Demo")).toBeVisible();
});

test("the keyboard alone is enough", async ({ page, hosted, payroll }) => {
  const attempt = await payroll.begin({ prompt: "login consent" });
  await page.goto(attempt.url);
  await expect(hosted.username).toBeFocused();
  await page.keyboard.type(demo.ada.username);
  await page.keyboard.press("Tab");
  await expect(hosted.password).toBeFocused();
  await page.keyboard.type(demo.ada.password);
  await page.keyboard.press("Enter");

  await expect(hosted.heading("Payroll asks for access")).toBeVisible();
  await page.keyboard.press("Tab");
  await expect(hosted.allow).toBeFocused();
  await page.keyboard.press("Tab");
  await expect(hosted.deny).toBeFocused();
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Enter");
  const tokens = await payroll.redeem(await payroll.returned(page, attempt), attempt);
  expect(await payroll.userinfo(tokens)).toMatchObject({ email: demo.ada.username });
});

test("the person's language is spoken, or the one the application asks for", async ({ page, payroll }) => {
  const attempt = await payroll.begin({ prompt: "login", ui_locales: "de" });
  await page.goto(attempt.url);
  await expect(page.locator("html")).toHaveAttribute("lang", "de");
  await expect(page.getByRole("heading", { level: 1 })).toContainText("Demo");
  await expect(page.locator("#login-submit")).not.toHaveText("Sign in");
});
