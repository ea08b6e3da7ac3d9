import type { Browser, BrowserContext, BrowserContextOptions, Page } from "@playwright/test";
import { issuerOf, system, unique } from "../../fixtures/environment.ts";
import { expectGoodLooks } from "../../fixtures/looks.ts";
import { expect, test } from "../../fixtures/test.ts";

interface Club {
  readonly issuer: string;
  readonly slug: string;
  readonly eva: { readonly username: string; readonly password: string };
}

/** An organization with one person. */
async function club(call: (method: string, address: string, body?: unknown) => Promise<{ status: number; body: unknown }>, policies: object): Promise<Club> {
  const slug = `club-${unique()}`;
  const eva = { username: `eva-${unique()}@club.test`, password: "Engine-No-1843" };
  for (const [address, body] of [
    ["/orgs", { slug, name: "Club", policies }],
    [`/orgs/${slug}/users`, { username: eva.username, email: eva.username, password: eva.password, password_temporary: false }],
  ] as const) {
    const answer = await call("POST", `/api/v1${address}`, body);
    expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
  }
  return { issuer: issuerOf(slug), slug, eva };
}

async function signIn(page: Page, { issuer, eva }: Club, stay = false): Promise<void> {
  await page.goto(`${issuer}/login`);
  await page.locator("#username").fill(eva.username);
  await page.locator("#password").fill(eva.password);
  if (stay) await page.getByRole("checkbox", { name: "Keep me signed in on this device" }).check();
  await page.locator("#login-submit").click();
  await expect(page.getByRole("heading", { level: 1, name: "You are signed in" })).toBeVisible();
}

/** Another browser with the cookies of this one; only with those that outlive its being closed, if it is to be. */
async function again(browser: Browser, before: BrowserContext, { closed, ...options }: BrowserContextOptions & { closed: boolean }): Promise<Page> {
  const context = await browser.newContext(options);
  const cookies = await before.cookies();
  await context.addCookies(cookies.filter(({ expires }) => !closed || expires > 0));
  return await context.newPage();
}

test("people stay signed in when they say so, on as many devices as they may", async ({ page, console, browser }) => {
  test.slow();
  await console.signIn(system.slug, system.administrator);
  const acme = await club(async (...request) => await console.call(...request), { magic_links: "on" });
  await page.goto(`/console/orgs/${acme.slug}/settings?tab=policies`);
  await page.getByRole("textbox", { name: "Browsers that a person is signed in with" }).fill("2");
  await page.getByRole("radio", { name: "People may stay signed in" }).click();
  await expectGoodLooks(page, "the console on sessions");
  await console.save("Save policies");

  // By keyboard alone.
  const laptop = await browser.newContext();
  const first = await laptop.newPage();
  await first.goto(`${acme.issuer}/login`);
  const box = first.getByRole("checkbox", { name: "Keep me signed in on this device" });
  await expect(box).not.toBeChecked();
  await expectGoodLooks(first, "the sign-in with the box to stay signed in");
  await first.locator("#username").focus();
  await first.keyboard.type(acme.eva.username);
  await first.keyboard.press("Tab");
  await first.keyboard.type(acme.eva.password);
  await first.keyboard.press("Tab"); // the button that shows the password
  await first.keyboard.press("Tab");
  await expect(box).toBeFocused();
  await first.keyboard.press("Space");
  await expect(box).toBeChecked();
  await expect(first.locator("#passkey-form input[name=stay]")).toHaveValue("yes");
  await first.keyboard.press("Tab");
  await first.keyboard.press("Enter");
  await expect(first.getByRole("heading", { level: 1, name: "You are signed in" })).toBeVisible();

  const reopened = await again(browser, laptop, { closed: true });
  await reopened.goto(`${acme.issuer}/account/sessions`);
  await expect(reopened.locator("#sessions-list")).toContainText("Stays signed in until:");
  await expect(reopened.locator("#sessions-limit")).toContainText("2 devices");
  await expectGoodLooks(reopened, "devices and sessions of somebody who stays signed in");

  // Another way in takes along what the box says.
  const phone = await browser.newContext();
  const second = await phone.newPage();
  await second.goto(`${acme.issuer}/login`);
  await second.getByRole("checkbox", { name: "Keep me signed in on this device" }).check();
  await second.locator("#magic-link").click();
  await expect(second.getByRole("checkbox", { name: "Keep me signed in on this device" })).toBeChecked();
  await expectGoodLooks(second, "the sign-in by mail with the box to stay signed in");
  await signIn(second, acme);
  const closed = await again(browser, phone, { closed: true });
  await closed.goto(`${acme.issuer}/`);
  await expect(closed.locator("#username")).toBeVisible();

  // Without JavaScript the box counts for its form. It is the third device: the first one, unused for longest, is signed out.
  const tablet = await browser.newContext({ javaScriptEnabled: false });
  const third = await tablet.newPage();
  await signIn(third, acme, true);
  await reopened.goto(`${acme.issuer}/`);
  await expect(reopened.locator("#username")).toBeVisible();
  await second.goto(`${acme.issuer}/`);
  await expect(second.getByRole("heading", { level: 1, name: "You are signed in" })).toBeVisible();
  const restarted = await again(browser, tablet, { closed: true });
  await restarted.goto(`${acme.issuer}/account/activity`);
  await expect(restarted.locator("#activity-list")).toContainText("On another device you were signed out");
  await expectGoodLooks(restarted, "activity with a device signed out");
  for (const context of [laptop, phone, tablet, reopened.context(), closed.context(), restarted.context()]) await context.close();
});

test("a cookie that turns up in another browser signs nobody in, and lets people sign out", async ({ page, console, browser }) => {
  await console.signIn(system.slug, system.administrator);
  const acme = await club(async (...request) => await console.call(...request), {});
  const own = await browser.newContext();
  const evas = await own.newPage();
  await signIn(evas, acme);
  const thief = await again(browser, own, { closed: false, userAgent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0" });
  await thief.goto(`${acme.issuer}/account`);
  await expect(thief.locator("#username")).toBeVisible();
  await evas.goto(`${acme.issuer}/account/activity`);
  await expect(evas.locator("#activity-list")).toContainText("turned up in another browser");
  await expect(evas.locator("#activity-list")).toContainText("Firefox on Windows");
  await expectGoodLooks(evas, "activity with a cookie in another browser");
  await page.goto(`/console/orgs/${acme.slug}/audit-events`);
  await expect(page.getByRole("table").getByText("Session turned up in another browser")).toBeVisible();
  await thief.goto(`${acme.issuer}/logout`);
  await thief.getByRole("button", { name: "Sign out", exact: true }).click();
  await expect(thief.getByRole("heading", { level: 1, name: "You are signed out" })).toBeVisible();
  await evas.goto(`${acme.issuer}/account`);
  await expect(evas.locator("#username")).toBeVisible();
  for (const context of [own, thief.context()]) await context.close();
});
