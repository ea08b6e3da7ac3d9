import { demo, issuerOf, unique } from "../../fixtures/environment.ts";
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
