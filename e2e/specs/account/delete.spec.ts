import { demo, issuerOf } from "../../fixtures/environment.ts";
import { expectGoodLooks } from "../../fixtures/looks.ts";
import { linkIn, mailTo } from "../../fixtures/mailbox.ts";
import { newcomer } from "../../fixtures/newcomer.ts";
import { expect, test } from "../../fixtures/test.ts";

const issuer = issuerOf(demo.slug);

test("people have their account deleted, think again, and keep it", async ({ page, hosted }) => {
  test.slow();
  const eva = await newcomer(page);
  await page.goto(`${issuer}/account/data`);
  await page.getByRole("link", { name: "Delete your account" }).click();
  await expect(hosted.heading("Delete your account")).toBeVisible();
  await expect(page.getByText("For 14 days")).toBeVisible();
  await page.getByRole("button", { name: "Delete my account" }).focus();
  await page.keyboard.press("Enter");
  await expect(hosted.heading("Your account is going to be erased")).toBeVisible();
  await expectGoodLooks(page, "the page of an account that is going to be erased");
  await page.goto(`${issuer}/account`);
  await expect(hosted.heading("Sign in to Demo")).toBeVisible();

  const told = await mailTo(eva.username, 2);
  expect(told.subject).toContain("is going to be erased");
  await page.goto(linkIn(told));
  const signIn = async () => {
    await page.locator("#username").fill(eva.username);
    await page.locator("#password").fill(eva.password);
    await page.locator("#login-submit").click();
    await expect(hosted.heading("Keep your account?")).toBeVisible();
  };
  await signIn();
  await expectGoodLooks(page, "the question whether an account is kept");
  await page.getByRole("button", { name: "Let it be erased" }).click();
  await expect(hosted.heading("Sign in to Demo")).toBeVisible();
  await signIn();
  await page.getByRole("button", { name: "Keep the account" }).click();
  await expect(page.getByText(eva.username).first()).toBeVisible();
  await expect(page).toHaveURL(`${issuer}/`);
  expect((await mailTo(eva.username, 3)).subject).toContain("stays");
});
