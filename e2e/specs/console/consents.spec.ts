import { Console } from "../../fixtures/console.ts";
import { demo, system } from "../../fixtures/environment.ts";
import { expect, test } from "../../fixtures/test.ts";

test("an administrator withdraws what a person allowed an application, which then asks again", async ({ page, browser, hosted, payroll }) => {
  const first = await payroll.begin({ prompt: "login consent" });
  await page.goto(first.url);
  await hosted.signIn(demo.ada);
  await hosted.allow.click();
  const tokens = await payroll.redeem(await payroll.returned(page, first), first);
  await payroll.userinfo(tokens);

  const office = await (await browser.newContext()).newPage();
  const desk = new Console(office);
  await desk.signIn(system.slug, system.administrator);
  await office.goto(`/console/orgs/${demo.slug}/users`);
  await office.getByRole("link", { name: demo.ada.name }).click();
  await office.getByRole("link", { name: "Applications" }).click();
  await office.getByRole("button", { name: "Withdraw consent for Payroll" }).click();
  await office.getByRole("dialog").getByRole("button", { name: "Withdraw consent" }).click();
  await expect(office.getByText("Payroll has no access any more", { exact: true })).toBeVisible();
  await expect(office.getByRole("link", { name: "Payroll" })).toHaveCount(0);
  await office.context().close();

  await expect(payroll.userinfo(tokens)).rejects.toThrow();
  const second = await payroll.begin();
  await page.goto(second.url);
  await expect(hosted.heading("Payroll asks for access")).toBeVisible();
});
