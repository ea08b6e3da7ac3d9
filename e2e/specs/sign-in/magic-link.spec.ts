import { demo, issuerOf } from "../../fixtures/environment.ts";
import { codeIn, linkIn, mailTo } from "../../fixtures/mailbox.ts";
import { newcomer } from "../../fixtures/newcomer.ts";
import { expect, test } from "../../fixtures/test.ts";

// Demo of `clavex dev` has it switched on.
test("whoever reads their mail signs in, in the browser in which they asked", async ({ page, hosted, payroll, browser }) => {
  test.slow();
  const first = await browser.newContext();
  const eva = await newcomer(await first.newPage());
  await first.close();

  const attempt = await payroll.begin();
  await page.goto(attempt.url);
  await page.getByRole("link", { name: "Sign in by mail" }).click();
  await hosted.username.fill(eva.username);
  await page.getByRole("button", { name: "Send the code" }).click();
  await expect(hosted.heading("Check your mail")).toBeVisible();
  const mail = await mailTo(eva.username, 2);
  expect(mail.subject).toBe("Sign in to Demo");

  const other = await browser.newContext();
  const elsewhere = await other.newPage();
  await elsewhere.goto(linkIn(mail));
  await expect(elsewhere.getByRole("heading", { level: 1, name: "Go back to your other browser" })).toBeVisible();
  await other.close();

  await page.goto(linkIn(mail));
  await expect(page.getByRole("textbox", { name: "Code" })).toHaveValue(codeIn(mail));
  await page.getByRole("button", { name: "Sign in" }).click();
  await hosted.allow.click();
  const tokens = await payroll.redeem(await payroll.returned(page, attempt), attempt);
  expect(await payroll.userinfo(tokens)).toMatchObject({ email: eva.username });

  await page.goto(`${issuerOf(demo.slug)}/account/activity`);
  await expect(page.locator("#activity-list")).toContainText("Signed in by mail");
});
