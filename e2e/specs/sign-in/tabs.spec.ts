import { demo } from "../../fixtures/environment.ts";
import { HostedPages } from "../../fixtures/hosted-pages.ts";
import { expect, test } from "../../fixtures/test.ts";

test("two tabs sign in side by side, each for its own request", async ({ page, context, hosted, payroll }) => {
  const [first, second] = [await payroll.begin({ prompt: "login consent" }), await payroll.begin({ prompt: "login consent" })];
  const otherPage = await context.newPage();
  const other = new HostedPages(otherPage);
  await page.goto(first.url);
  await otherPage.goto(second.url);

  await other.signIn(demo.ada);
  await hosted.signIn(demo.ada);
  await hosted.allow.click();
  await other.allow.click();

  const tokens = await payroll.redeem(await payroll.returned(page, first), first);
  const otherTokens = await payroll.redeem(await payroll.returned(otherPage, second), second);
  expect(otherTokens.claims()?.sub).toBe(tokens.claims()?.sub);
});

test("going back after the sign-in leads to a calm page with a way on, and the application begins anew", async ({ page, hosted, payroll }) => {
  const attempt = await payroll.begin({ prompt: "login consent" });
  await page.goto(attempt.url);
  await hosted.signIn(demo.ada);
  await hosted.allow.click();
  await payroll.returned(page, attempt);

  await page.goBack();
  await expect(hosted.heading("This sign-in has ended")).toBeVisible();
  await expect(page.getByRole("link", { name: "Return to Payroll" })).toHaveAttribute("href", `${payroll.callback.origin}/`);
  await expect(page.locator("#error-page")).toHaveCount(0);
  await expect(page.getByRole("textbox")).toHaveCount(0);
  await page.getByRole("link", { name: /^Go to the page of / }).click();
  await expect(hosted.heading("You are signed in")).toBeVisible();

  const again = await payroll.begin();
  await page.goto(again.url);
  await payroll.redeem(await payroll.returned(page, again), again);
});

test("a sign-in begun in one browser is worth nothing in another", async ({ page, browser, hosted, payroll }) => {
  const attempt = await payroll.begin({ prompt: "login consent" });
  await page.goto(attempt.url);
  const stranger = await (await browser.newContext()).newPage();
  await stranger.goto(page.url());
  await expect(stranger.getByRole("textbox")).toHaveCount(0);
  await expect(stranger.getByRole("heading", { name: "This sign-in has ended" })).toBeVisible();
  await expect(stranger.getByText("Go back to the application you came from and sign in there again.")).toBeVisible();
  await expect(stranger.getByRole("link", { name: /Payroll/ })).toHaveCount(0);
  await stranger.context().close();

  await hosted.signIn(demo.ada);
  await expect(hosted.heading("Payroll asks for access")).toBeVisible();
});
