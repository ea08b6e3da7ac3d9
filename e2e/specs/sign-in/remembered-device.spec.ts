import { issuerOf, system, unique } from "../../fixtures/environment.ts";
import { expectGoodLooks } from "../../fixtures/looks.ts";
import { mailTo } from "../../fixtures/mailbox.ts";
import { oneTimePassword } from "../../fixtures/one-time-password.ts";
import { expect, test } from "../../fixtures/test.ts";

test("a device that somebody has remembered does not ask again, until they take it back", async ({ page, console, browser }) => {
  test.slow();
  await console.signIn(system.slug, system.administrator);
  const slug = `club-${unique()}`;
  const eva = { username: `eva-${unique()}@club.test`, password: "Engine-No-1843" };
  const made = async (address: string, body: unknown): Promise<void> => {
    const answer = await console.call("POST", `/api/v1${address}`, body);
    expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
  };
  await made("/orgs", { slug, name: "Club", policies: { second_factor: "required" } });
  await made(`/orgs/${slug}/users`, { username: eva.username, email: eva.username, password: eva.password, password_temporary: false });
  await page.goto(`/console/orgs/${slug}/settings?tab=accounts`);
  await page.getByRole("textbox", { name: "Days for which a device is remembered" }).fill("30");
  await page.getByLabel("Second factor of administrators").selectOption("required");
  await expectGoodLooks(page, "the console on second factors");
  await console.save("Save accounts");

  const context = await browser.newContext();
  const theirs = await context.newPage();
  const home = theirs.getByRole("heading", { level: 1, name: "You are signed in" });
  const signIn = async (): Promise<void> => {
    await theirs.goto(`${issuerOf(slug)}/`);
    await theirs.locator("#username").fill(eva.username);
    await theirs.locator("#password").fill(eva.password);
    await theirs.locator("#login-submit").click();
  };
  const signOut = async (): Promise<void> => {
    await theirs.goto(`${issuerOf(slug)}/logout`);
    await theirs.getByRole("button", { name: "Sign out", exact: true }).click();
    await expect(theirs.getByRole("heading", { level: 1, name: "You are signed out" })).toBeVisible();
  };
  await signIn();
  const secret = await theirs.locator("#otp-secret").innerText();
  await theirs.locator("#otp-code").fill(oneTimePassword(secret));
  await theirs.locator("#otp-submit").click();
  await theirs.getByRole("link", { name: "I have kept them" }).click();
  await expect(home).toBeVisible();
  await signOut();

  await signIn();
  const tick = theirs.getByRole("checkbox", { name: "Do not ask again on this device for 30 days" });
  await expect(tick).not.toBeChecked();
  await tick.check();
  await expectGoodLooks(theirs, "the second factor with a device to remember");
  await theirs.locator("#otp-code").fill(oneTimePassword(secret, 1));
  await theirs.locator("#otp-submit").click();
  await expect(home).toBeVisible();
  expect((await mailTo(eva.username, 2)).text).toContain("A device has just been remembered");
  await signOut();

  await signIn();
  await expect(home).toBeVisible();
  // In another browser they are asked.
  const other = await browser.newContext();
  const elsewhere = await other.newPage();
  await elsewhere.goto(`${issuerOf(slug)}/`);
  await elsewhere.locator("#username").fill(eva.username);
  await elsewhere.locator("#password").fill(eva.password);
  await elsewhere.locator("#login-submit").click();
  await expect(elsewhere.getByRole("heading", { level: 1, name: "Confirm that it is you" })).toBeVisible();
  await other.close();

  await theirs.goto(`${issuerOf(slug)}/account/sessions`);
  await expect(theirs.locator("#devices-list")).toBeVisible();
  await expectGoodLooks(theirs, "devices and sessions with a remembered device");
  await theirs.locator("#devices-list").getByRole("button").click();
  // The session began in its stead: from now on it needs more.
  await expect(theirs.getByRole("heading", { level: 1, name: "Confirm that it is you" })).toBeVisible();
  await theirs.context().clearCookies({ name: /session/ });
  await signIn();
  await expect(theirs.getByRole("heading", { level: 1, name: "Confirm that it is you" })).toBeVisible();
  await context.close();
});
