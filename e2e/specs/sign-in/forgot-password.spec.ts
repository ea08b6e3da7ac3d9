import { demo, issuerOf, unique } from "../../fixtures/environment.ts";
import { codeIn, linkIn, mailTo } from "../../fixtures/mailbox.ts";
import { expect, test } from "../../fixtures/test.ts";

test("whoever forgot their password chooses another one, and is back at the application", async ({ page, hosted, payroll, browser }) => {
  // An account of its own: the others of the demo keep their passwords.
  const eva = { email: `eva-${unique()}@new.test`, givenName: "Eva", password: "Analytical-No-1843" };
  const before = await browser.newContext();
  const elsewhere = await before.newPage();
  await elsewhere.goto(`${issuerOf(demo.slug)}/sign-up`);
  await elsewhere.getByRole("textbox", { name: "Email", exact: true }).fill(eva.email);
  await elsewhere.getByRole("textbox", { name: "Given name" }).fill(eva.givenName);
  await elsewhere.locator("#new-password").fill(eva.password);
  await elsewhere.getByRole("button", { name: "Continue" }).click();
  await elsewhere.getByRole("textbox", { name: "Code" }).fill(codeIn(await mailTo(eva.email)));
  await elsewhere.getByRole("button", { name: "Create the account" }).click();
  await expect(elsewhere.getByRole("heading", { level: 1, name: "You are signed in" })).toBeVisible();

  const attempt = await payroll.begin({ login_hint: eva.email });
  await page.goto(attempt.url);
  await page.getByRole("link", { name: "Forgot your password?" }).click();
  await expect(hosted.heading("Forgot your password?")).toBeVisible();
  await expect(hosted.username).toHaveValue(eva.email);
  await page.getByRole("button", { name: "Send the code" }).click();
  await expect(hosted.heading("Check your mail")).toBeVisible();
  await expect(page.getByText(eva.email)).toBeVisible();
  const mail = await mailTo(eva.email, 2);
  expect(mail.subject).toBe("Choose another password for Demo");

  // A mail scanner, or another device, that opens the link changes nothing.
  await elsewhere.goto(linkIn(mail));
  await expect(elsewhere.getByRole("heading", { level: 1, name: "Go back to your other browser" })).toBeVisible();
  await page.goto(linkIn(mail));
  await expect(page.getByRole("textbox", { name: "Code" })).toHaveValue(codeIn(mail));
  await page.locator("#confirm-submit").click();
  await hosted.choosePassword("Difference-No-1822");
  await hosted.allow.click();
  const tokens = await payroll.redeem(await payroll.returned(page, attempt), attempt);
  expect(await payroll.userinfo(tokens)).toMatchObject({ email: eva.email });
  expect((await mailTo(eva.email, 3)).subject).toContain("changed");

  // Where the old password was used, nobody is signed in any more.
  await elsewhere.goto(`${issuerOf(demo.slug)}/`);
  await expect(elsewhere.getByRole("heading", { level: 1, name: "Sign in to Demo" })).toBeVisible();
  await before.close();
});

test("whoever remembers goes back, and nobody learns who has an account", async ({ page, hosted }) => {
  await page.goto(`${issuerOf(demo.slug)}/forgot-password`);
  await page.getByRole("button", { name: "I remember it" }).click();
  await expect(hosted.heading("Sign in to Demo")).toBeVisible();
  await page.getByRole("link", { name: "Forgot your password?" }).click();
  await hosted.username.fill(`nobody-${unique()}@new.test`);
  await page.getByRole("button", { name: "Send the code" }).click();
  await expect(hosted.heading("Check your mail")).toBeVisible();
  await page.getByRole("button", { name: "Use another account" }).click();
  await expect(hosted.heading("Forgot your password?")).toBeVisible();
});
