import { expectAccessible } from "../../fixtures/accessibility.ts";
import { Authenticator } from "../../fixtures/authenticator.ts";
import { demo, issuerOf, unique } from "../../fixtures/environment.ts";
import { HostedPages } from "../../fixtures/hosted-pages.ts";
import { expectGoodLooks } from "../../fixtures/looks.ts";
import { linkIn, mailTo } from "../../fixtures/mailbox.ts";
import { expect, test } from "../../fixtures/test.ts";

test("an administrator invites somebody, twice, and they choose a password once", async ({ page, console, browser }) => {
  test.slow();
  const email = `eva-${unique()}@new.test`;
  await console.signIn(demo.slug, demo.grace);
  await console.open("Users");
  await page.getByRole("link", { name: "Invite" }).click();
  await page.getByLabel("E-mail", { exact: true }).fill(email);
  await page.getByLabel("Given name").fill("Eva");
  await page.getByLabel("Family name").fill("Invitata");
  await page.getByLabel(/^Language/).selectOption("it");
  await expectAccessible(page, "the form of an invitation");
  await page.getByRole("button", { name: "Send invitation" }).click();
  await expect(console.heading(/Eva Invitata/)).toContainText("Invited");
  const first = await mailTo(email);
  expect(first.subject).toBe("Il Suo account presso Demo");
  await page.getByRole("button", { name: "Send again" }).click();
  const second = await mailTo(email, 2);
  await expectAccessible(page, "the page of somebody who is invited");

  const context = await browser.newContext();
  const person = await context.newPage();
  const hosted = new HostedPages(person);
  await person.goto(linkIn(first));
  await expect(person.locator("#error-code")).toHaveText("invitation_invalid");
  await person.goto(linkIn(second));
  await expect(hosted.heading("Benvenuti in Demo")).toBeVisible();
  await expectGoodLooks(person, "the page of an invitation");
  await person.locator("#new-password").fill("Tornio-Parallelo-77");
  await person.locator("#new-password-confirmation").fill("Tornio-Parallelo-77");
  await person.locator("#password-submit").click();
  await expect(person).toHaveURL(`${issuerOf(demo.slug)}/`);
  await person.goto(linkIn(second));
  await expect(person.locator("#error-code")).toHaveText("invitation_invalid");
  await context.close();

  await page.reload();
  await expect(page.getByText("Accepted", { exact: true })).toBeVisible();
  await expect(page.getByRole("button", { name: "Send again" })).toHaveCount(0);
  const later = await (await browser.newContext()).newPage();
  await new HostedPages(later).signInAtHome(issuerOf(demo.slug), { username: email, password: "Tornio-Parallelo-77", name: "Eva Invitata" });
  await later.context().close();
});

test("who is invited makes a passkey instead, and a revoked invitation opens nothing", async ({ page, console, browser }) => {
  test.slow();
  const email = `bob-${unique()}@new.test`;
  await console.signIn(demo.slug, demo.grace);
  const invited = (await console.call("POST", `/api/v1/orgs/${demo.slug}/users`, { username: email, email, invite: true, profile: { name: "Bob" } })) as { body: { id: string } };
  const link = linkIn(await mailTo(email));
  const context = await browser.newContext();
  const person = await context.newPage();
  await Authenticator.attach(person);
  await person.goto(link);
  await person.getByRole("button", { name: "Make a passkey" }).click();
  await expect(new HostedPages(person).heading("You are signed in")).toBeVisible();
  await context.close();
  await page.goto(`/console/orgs/${demo.slug}/users/${invited.body.id}?tab=sign-in`);
  await expect(page.getByText("Accepted", { exact: true })).toBeVisible();

  const other = `carl-${unique()}@new.test`;
  const revoked = (await console.call("POST", `/api/v1/orgs/${demo.slug}/users`, { username: other, email: other, invite: true })) as { body: { id: string } };
  const dead = linkIn(await mailTo(other));
  await page.goto(`/console/orgs/${demo.slug}/users/${revoked.body.id}?tab=sign-in`);
  await page.getByRole("button", { name: "Revoke" }).click();
  await page.getByRole("button", { name: "Revoke invitation" }).click();
  await expect(page.getByText("Invitation revoked").first()).toBeVisible();
  await page.goto(dead);
  await expect(page.locator("#error-code")).toHaveText("invitation_invalid");
});
