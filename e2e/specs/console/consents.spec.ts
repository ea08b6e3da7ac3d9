import { Console } from "../../fixtures/console.ts";
import { demo, issuerOf, system, unique } from "../../fixtures/environment.ts";
import { RelyingParty } from "../../fixtures/relying-party.ts";
import { expect, test } from "../../fixtures/test.ts";

test("an administrator withdraws what a person allowed an application, which then asks again", async ({ page, browser, hosted }) => {
  // Ada may also use the Payroll of each worker: this one is told from them by its name.
  const name = `Ledger ${unique()}`;
  const ledger = await RelyingParty.registered(issuerOf(demo.slug), name);
  const first = await ledger.begin({ prompt: "login consent" });
  await page.goto(first.url);
  await hosted.signIn(demo.ada);
  await hosted.allow.click();
  const tokens = await ledger.redeem(await ledger.returned(page, first), first);
  await ledger.userinfo(tokens);

  const office = await (await browser.newContext()).newPage();
  const desk = new Console(office);
  await desk.signIn(system.slug, system.administrator);
  await office.goto(`/console/orgs/${demo.slug}/users`);
  await office.getByRole("link", { name: demo.ada.name }).click();
  await office.getByRole("link", { name: "Applications" }).click();
  await office.getByRole("button", { name: `Withdraw consent for ${name}` }).click();
  await office.getByRole("dialog").getByRole("button", { name: "Withdraw consent" }).click();
  await expect(office.getByText(`${name} has no access any more`, { exact: true })).toBeVisible();
  await expect(office.getByRole("link", { name })).toHaveCount(0);
  await office.context().close();

  await expect(ledger.userinfo(tokens)).rejects.toThrow();
  const second = await ledger.begin();
  await page.goto(second.url);
  await expect(hosted.heading(`${name} asks for access`)).toBeVisible();
  await ledger.stop();
});
