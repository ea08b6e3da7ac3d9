import type { Page } from "@playwright/test";
import { expectNoSidewaysScroll } from "../../fixtures/accessibility.ts";
import { Authenticator, withoutConditionalMediation } from "../../fixtures/authenticator.ts";
import { issuerOf, system, unique } from "../../fixtures/environment.ts";
import { expectGoodLooks } from "../../fixtures/looks.ts";
import { mailTo } from "../../fixtures/mailbox.ts";
import { expect, test } from "../../fixtures/test.ts";

const identified = (page: Page) => page.locator("#identified");
const passkey = (page: Page) => page.getByRole("button", { name: "Sign in with a passkey" });

/** What stands first on the page after the identifier. */
async function firstOf(page: Page): Promise<string> {
  return String(await page.locator("#passkey-form:visible, #login-form, #magic-link-form").first().getAttribute("id"));
}

async function signOut(page: Page, issuer: string): Promise<void> {
  await page.goto(`${issuer}/logout`);
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await expect(page.getByRole("heading", { level: 1, name: "You are signed out" })).toBeVisible();
}

test("who somebody is comes first, and how they sign in best after it", async ({ page, console, browser }) => {
  test.slow();
  await console.signIn(system.slug, system.administrator);
  const slug = `club-${unique()}`;
  const issuer = issuerOf(slug);
  const eva = { username: `eva-${unique()}@club.test`, password: "Engine-No-1843" };
  const made = async (method: string, address: string, body: unknown): Promise<void> => {
    const answer = await console.call(method, `/api/v1${address}`, body);
    expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
  };
  await made("POST", "/orgs", { slug, name: "Club" });
  await made("POST", `/orgs/${slug}/users`, { username: eva.username, email: eva.username, email_verified: true, password: eva.password, password_temporary: false });
  await page.goto(`/console/orgs/${slug}/settings?tab=accounts`);
  await page.getByText("Identifier first", { exact: true }).click();
  await page.getByText("Also by mail", { exact: true }).click();
  await console.save("Save accounts");

  const context = await browser.newContext();
  const theirs = await context.newPage();
  const username = theirs.getByRole("textbox", { name: "Email or username" });
  const password = theirs.getByLabel("Password", { exact: true });
  await withoutConditionalMediation(theirs);
  await Authenticator.attach(theirs);

  await test.step("by keyboard, with a password", async () => {
    await theirs.goto(`${issuer}/account/passkeys`);
    await expect(username).toBeFocused();
    await expect(password).toHaveCount(0);
    await expectGoodLooks(theirs, "the page that asks who it is");
    await username.fill(eva.username);
    await theirs.keyboard.press("Enter");
    await expect(identified(theirs)).toContainText(eva.username);
    await expect(password).toBeFocused();
    expect(await firstOf(theirs)).toBe("login-form");
    await expectGoodLooks(theirs, "the page that asks for the password");
    await theirs.goBack();
    await expect(username).toBeVisible();
    await theirs.goForward();
    await theirs.reload();
    await expect(identified(theirs)).toContainText(eva.username);
    await password.fill("not the password");
    await theirs.keyboard.press("Enter");
    await expect(theirs.getByRole("alert").first()).toHaveText("The username or the password is not right. Check both and try again.");
    await expect(password).toBeFocused();
    await expectGoodLooks(theirs, "the page that asks for the password again");
    await theirs.getByRole("link", { name: "Not you?" }).click();
    await expect(username).toHaveValue(eva.username);
    await theirs.keyboard.press("Enter");
    await password.fill(eva.password);
    await theirs.keyboard.press("Enter");
    await expect(theirs.getByRole("textbox", { name: "Name of the passkey" })).toBeVisible();
  });

  await test.step("with a passkey, which stands first from now on", async () => {
    await theirs.getByRole("textbox", { name: "Name of the passkey" }).last().fill("Laptop");
    await theirs.getByRole("button", { name: "Make a passkey" }).click();
    await expect(theirs.locator("#passkeys-list")).toContainText("Laptop");
    await signOut(theirs, issuer);
    await theirs.goto(`${issuer}/login`);
    await username.fill(eva.username.toUpperCase());
    await theirs.getByRole("button", { name: "Continue" }).click();
    await expect(passkey(theirs)).toBeVisible();
    expect(await firstOf(theirs)).toBe("passkey-form");
    await expectGoodLooks(theirs, "the page that asks for a passkey first");
    await passkey(theirs).focus();
    await theirs.keyboard.press("Enter");
    await expect(theirs.getByRole("heading", { level: 1, name: "You are signed in" })).toBeVisible();
    await signOut(theirs, issuer);
  });

  await test.step("with a mail, at one click", async () => {
    await theirs.goto(`${issuer}/login`);
    await username.fill(eva.username);
    await theirs.keyboard.press("Enter");
    await theirs.getByRole("button", { name: "Sign in by mail" }).click();
    await expect(theirs.getByRole("heading", { level: 1, name: "Check your mail" })).toBeVisible();
    expect((await mailTo(eva.username, 2)).subject).toBe("Sign in to Club");
  });

  await test.step("nobody is answered like somebody", async () => {
    const shown = new Set<string>();
    for (const number of Array(20).keys()) {
      await theirs.goto(`${issuer}/login`);
      await username.fill(`nobody-${String(number)}@elsewhere.test`);
      await theirs.keyboard.press("Enter");
      await expect(password).toBeVisible();
      shown.add(await firstOf(theirs));
    }
    expect(shown.size, [...shown].join()).toBeGreaterThan(1);
    await password.fill("not the password");
    await theirs.keyboard.press("Enter");
    await expect(theirs.getByRole("alert").first()).toHaveText("The username or the password is not right. Check both and try again.");
  });

  await context.close();

  await test.step("without JavaScript, in every language", async () => {
    for (const locale of ["en", "de", "fr", "it", "nl", "es"]) {
      const plain = await browser.newContext({ javaScriptEnabled: false, locale, viewport: { width: 320, height: 640 } });
      const there = await plain.newPage();
      await there.goto(`${issuer}/login`);
      await expectNoSidewaysScroll(there, `the first page in ${locale}`);
      await there.locator("#username").fill(eva.username);
      await there.locator("#login-submit").click();
      await expect(identified(there)).toContainText(eva.username);
      await expect(there.locator("#passkey-form")).toBeHidden();
      await expectNoSidewaysScroll(there, `the second page in ${locale}`);
      await there.screenshot({ path: test.info().outputPath(`ways-${locale}.png`), fullPage: true });
      await there.locator("#password").fill(eva.password);
      await there.locator("#login-submit").click();
      await expect(there).toHaveURL(/\/login\/second-factor/); // their passkey is the other factor
      await plain.close();
    }
  });
});
