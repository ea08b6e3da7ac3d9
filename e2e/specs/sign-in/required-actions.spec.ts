import { expectAccessible } from "../../fixtures/accessibility.ts";
import { Authenticator } from "../../fixtures/authenticator.ts";
import { demo, issuerOf } from "../../fixtures/environment.ts";
import { HostedPages } from "../../fixtures/hosted-pages.ts";
import { expectGoodLooks } from "../../fixtures/looks.ts";
import { codeIn, mailTo } from "../../fixtures/mailbox.ts";
import { newcomer } from "../../fixtures/newcomer.ts";
import { expect, test } from "../../fixtures/test.ts";

test("what an administrator requires is done at the next sign-in, and goes away", async ({ page, console, browser }) => {
  test.slow();
  const context = await browser.newContext();
  const person = await context.newPage();
  const hosted = new HostedPages(person);
  const eva = await newcomer(person);
  await console.signIn(demo.slug, demo.grace);
  const found = (await console.call("GET", `/api/v1/orgs/${demo.slug}/users?q=${encodeURIComponent(eva.username)}`)) as { body: { items: { id: string }[] } };
  await page.goto(`/console/orgs/${demo.slug}/users/${found.body.items[0]?.id ?? ""}?tab=sign-in`);
  await page.getByText("Require something").click();
  await page.getByRole("checkbox", { name: /^Prove the e-mail address/ }).check();
  await page.getByRole("checkbox", { name: /^Make a passkey/ }).check();
  await expectAccessible(page, "the page of a user with required actions");
  await console.save("Save required actions");
  await expect(page.getByText("Must make a passkey")).toBeVisible();

  await Authenticator.attach(person);
  await person.goto(`${issuerOf(demo.slug)}/login?fresh`);
  await expect(hosted.heading("Confirm your email address")).toBeVisible();
  await expectGoodLooks(person, "the page that sends a code to the own address");
  await person.getByRole("button", { name: "Send the code" }).click();
  await expect(person.getByRole("button", { name: "Confirm the address" })).toBeVisible();
  await expectGoodLooks(person, "the page of the code to the own address");
  await person.locator("#code").fill(codeIn(await mailTo(eva.username, 2)));
  await person.locator("#confirm-submit").click();
  await hosted.signIn(eva);
  await expect(hosted.heading("Make your passkey")).toBeVisible();
  await expectGoodLooks(person, "the page of a required passkey");
  await person.getByRole("button", { name: "Make a passkey" }).click();
  await expect(hosted.heading("You are signed in")).toBeVisible();
  await context.close();

  await page.reload();
  await expect(page.getByText("Nothing is required")).toBeVisible();
  await expect(page.getByText("Must make a passkey")).toHaveCount(0);
});
