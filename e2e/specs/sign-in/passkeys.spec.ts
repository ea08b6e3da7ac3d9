import type { Page } from "@playwright/test";
import {
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
  type AuthenticationResponseJSON,
  type RegistrationResponseJSON,
  type VerifiedRegistrationResponse,
} from "@simplewebauthn/server";
import { expectNoSidewaysScroll } from "../../fixtures/accessibility.ts";
import { Authenticator, withoutConditionalMediation, type Abilities } from "../../fixtures/authenticator.ts";
import { baseUrl, demo, issuerOf, system, unique } from "../../fixtures/environment.ts";
import { expectGoodLooks } from "../../fixtures/looks.ts";
import { codeIn, mailTo } from "../../fixtures/mailbox.ts";
import { newcomer, type Newcomer } from "../../fixtures/newcomer.ts";
import { expect, test } from "../../fixtures/test.ts";

type VerifiedRegistration = NonNullable<VerifiedRegistrationResponse["registrationInfo"]>;

const issuer = issuerOf(demo.slug);
const passkeys = `${issuer}/account/passkeys`;

/** Makes a passkey on the account page. */
async function make(page: Page, name: string): Promise<void> {
  await page.goto(passkeys);
  await page.getByRole("textbox", { name: "Name of the passkey" }).last().fill(name);
  await page.getByRole("button", { name: "Make a passkey" }).click();
  await expect(page.getByRole("status").filter({ hasText: "The passkey is made" })).toBeVisible();
  await expect(page.locator("#passkeys-list")).toContainText(name);
}

async function signOut(page: Page): Promise<void> {
  await page.goto(`${issuer}/logout`);
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await expect(page.getByRole("heading", { level: 1, name: "You are signed out" })).toBeVisible();
}

async function expectSignedIn(page: Page, { username }: Newcomer): Promise<void> {
  await expect(page.getByRole("heading", { level: 1, name: "You are signed in" })).toBeVisible();
  await expect(page.getByRole("definition").filter({ hasText: username })).toBeVisible();
}

const button = (page: Page) => page.getByRole("button", { name: "Sign in with a passkey" });

test("a passkey is offered in the field of the username", async ({ page }) => {
  const eva = await newcomer(page);
  await Authenticator.attach(page);
  await make(page, "Laptop");
  expect((await mailTo(eva.username, 2)).subject).toContain("passkey was added");
  await signOut(page);
  await page.goto(`${issuer}/login`); // a virtual authenticator chooses at once what a person would choose in the field
  await expectSignedIn(page, eva);
});

const kinds: Record<string, Abilities> = {
  "of the platform": {},
  "of the platform, synchronized": { defaultBackupEligibility: true, defaultBackupState: true },
  "on a security key": { transport: "usb" },
};
for (const [kind, abilities] of Object.entries(kinds)) {
  test(`a passkey ${kind} signs in by the button, without a username`, async ({ page }) => {
    await withoutConditionalMediation(page);
    const eva = await newcomer(page);
    await Authenticator.attach(page, abilities);
    await make(page, "Key");
    await expect(page.locator("#passkeys-list")).toContainText(abilities.defaultBackupEligibility === true ? "several of your devices" : "Stays on one device");
    await signOut(page);
    await page.goto(`${issuer}/login`);
    await button(page).focus();
    await page.keyboard.press("Enter");
    await expectSignedIn(page, eva);
  });
}

for (const [what, abilities] of Object.entries({ "cannot verify its user": { transport: "usb", hasUserVerification: false }, "keeps no passkeys": { transport: "usb", hasResidentKey: false } } as const)) {
  test(`an authenticator that ${what} makes none`, async ({ page }) => {
    await newcomer(page);
    await Authenticator.attach(page, abilities);
    await page.goto(passkeys);
    await page.getByRole("button", { name: "Make a passkey" }).click();
    await expect(page.getByRole("alert")).toContainText(/No passkey was made|cannot be used/);
    await expect(page.getByText("You have no passkey yet.")).toBeVisible();
  });
}

test("the same device makes no second one", async ({ page }) => {
  await newcomer(page);
  await Authenticator.attach(page);
  await make(page, "Laptop");
  await page.getByRole("button", { name: "Make a passkey" }).click();
  await expect(page.getByRole("alert")).toContainText("holds a passkey of your account already");
});

test("who thinks better of it can try again, or use the password", async ({ page, hosted }) => {
  await withoutConditionalMediation(page);
  await page.addInitScript(() => {
    navigator.credentials.get = () => Promise.reject(new DOMException("no", "NotAllowedError"));
  });
  await page.goto(`${issuer}/login`);
  await button(page).click();
  await expect(page.getByRole("alert")).toContainText("No passkey was used");
  await expect(button(page)).toBeEnabled();
  await expectGoodLooks(page, "the sign-in page after a passkey was cancelled");
  await hosted.signIn(demo.ada);
  await expect(hosted.heading("You are signed in")).toBeVisible();
});

test("a copied passkey is refused from then on", async ({ page, hosted }) => {
  await withoutConditionalMediation(page);
  const eva = await newcomer(page);
  const authenticator = await Authenticator.attach(page);
  await make(page, "Laptop");
  await signOut(page);
  await page.goto(`${issuer}/login`);
  await button(page).click();
  await expectSignedIn(page, eva);
  await signOut(page);
  await authenticator.turnBack(0);
  for (const words of ["may have been copied", "does not open an account here"]) {
    await page.goto(`${issuer}/login`);
    await button(page).click();
    await expect(hosted.problem).toContainText(words);
  }
  await hosted.signIn(eva);
  await page.goto(passkeys);
  await expect(page.locator("#passkeys-list")).toContainText("may have been copied");
});

test("a passkey of one organization is unknown to another on the same host", async ({ page, hosted }) => {
  await withoutConditionalMediation(page);
  await newcomer(page);
  await Authenticator.attach(page);
  await make(page, "Laptop");
  await page.goto(`${issuerOf(system.slug)}/login`);
  await button(page).click();
  await expect(hosted.problem).toContainText("does not open an account here");
});

test("a removed passkey does not sign in, and the device forgets it", async ({ page, hosted }) => {
  await withoutConditionalMediation(page);
  await newcomer(page);
  const authenticator = await Authenticator.attach(page);
  await make(page, "Laptop");
  await page.getByRole("link", { name: "Remove the passkey Laptop" }).click();
  await expect(page.getByRole("heading", { name: "Remove the passkey Laptop?" })).toBeVisible();
  await expectGoodLooks(page, "the question whether to remove a passkey");
  await page.getByRole("link", { name: "Keep it" }).click();
  await page.getByText("Rename", { exact: true }).click();
  await page.getByRole("textbox", { name: "Name of the passkey" }).first().fill("Grey laptop");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("link", { name: "Remove the passkey Grey laptop" }).click();
  await page.getByRole("button", { name: "Remove", exact: true }).click();
  await expect(page.getByText("You have no passkey yet.")).toBeVisible();
  await expect(hosted.heading("Passkeys")).toBeVisible();
  await expect.poll(async () => (await authenticator.credentials()).length).toBeLessThanOrEqual(1);
  await page.getByRole("link", { name: "Activity" }).click();
  await expect(page.locator("#activity-list")).toContainText("A passkey was removed");
});

test("another implementation verifies what the pages produce", async ({ page }) => {
  await withoutConditionalMediation(page);
  await newcomer(page);
  await Authenticator.attach(page);
  const expected = { expectedOrigin: baseUrl(), expectedRPID: new URL(baseUrl()).hostname, requireUserVerification: true };
  const sent = async (path: string, act: () => Promise<void>) => {
    const options = JSON.parse((await page.locator("#passkey-form").getAttribute("data-options")) ?? "{}") as { challenge: string };
    const [request] = await Promise.all([page.waitForRequest((candidate) => candidate.method() === "POST" && candidate.url().endsWith(path)), act()]);
    return { expectedChallenge: options.challenge, response: JSON.parse(new URLSearchParams(request.postData() ?? "").get("passkey") ?? "{}") as RegistrationResponseJSON & AuthenticationResponseJSON };
  };
  await page.goto(passkeys);
  const creation = await sent("/account/passkeys", () => page.getByRole("button", { name: "Make a passkey" }).click());
  const registered = await verifyRegistrationResponse({ ...expected, ...creation });
  expect(registered.verified).toBe(true);
  await expect(page.locator("#passkeys-list > li")).toHaveCount(1);
  await signOut(page);
  await page.goto(`${issuer}/login`);
  const assertion = await sent("/login/passkey", () => button(page).click());
  const authenticated = await verifyAuthenticationResponse({ ...expected, ...assertion, credential: (registered.registrationInfo as VerifiedRegistration).credential });
  expect(authenticated.verified).toBe(true);
});

test("a newcomer makes a passkey instead of a password", async ({ page, hosted }) => {
  await withoutConditionalMediation(page);
  await Authenticator.attach(page);
  const email = `passkey-${unique()}@new.test`;
  await page.setViewportSize({ width: 320, height: 640 });
  await page.goto(`${issuer}/sign-up`);
  await page.locator("#email").fill(email);
  await page.locator("#given-name").fill("Eva");
  await expectGoodLooks(page, "the sign-up page with passkeys");
  await page.screenshot({ path: test.info().outputPath("sign-up.png"), fullPage: true });
  await page.getByRole("button", { name: "Use a passkey instead" }).click();
  await page.locator("#code").fill(codeIn(await mailTo(email)));
  await page.locator("#confirm-submit").click();
  await expect(hosted.heading("Make your passkey")).toBeVisible();
  await expectGoodLooks(page, "the page that makes the first passkey");
  await expectNoSidewaysScroll(page, "the page that makes the first passkey");
  await page.screenshot({ path: test.info().outputPath("make.png"), fullPage: true });
  await page.getByRole("button", { name: "Make a passkey" }).click();
  await expect(hosted.heading("You are signed in")).toBeVisible();
  await page.goto(passkeys);
  await page.getByRole("link", { name: "Remove the passkey My first passkey" }).click();
  await expect(page.getByText("It is the only way into your account")).toBeVisible();
  await expectGoodLooks(page, "the warning before the last way in");
  await signOut(page);
  await page.goto(`${issuer}/login`);
  await button(page).click();
  await expect(hosted.heading("You are signed in")).toBeVisible();
});

test("the pages of passkeys look good", async ({ page }) => {
  test.slow();
  await withoutConditionalMediation(page);
  await newcomer(page);
  await Authenticator.attach(page);
  await page.goto(passkeys);
  await expect(page.getByRole("button", { name: "Make a passkey" })).toBeVisible();
  await expectGoodLooks(page, "no passkey yet");
  await make(page, "A laptop with a name that goes on and on, Donaudampfschifffahrtsgesellschaft");
  await expectGoodLooks(page, "the list of passkeys");
  await page.getByRole("link", { name: /^Remove the passkey/ }).click();
  await expectGoodLooks(page, "the question");
  await page.goto(`${issuer}/account/sign-in`);
  await expectGoodLooks(page, "the methods");
  await signOut(page);
  await page.goto(`${issuer}/login`);
  await expect(button(page)).toBeVisible();
  await expectGoodLooks(page, "the sign-in page");
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("nothing is offered that would not work", async ({ page, hosted }) => {
    await page.goto(`${issuer}/login`);
    await expect(page.locator("#passkey-submit")).toBeHidden();
    await hosted.signIn(demo.ada);
    await page.goto(passkeys);
    await expect(page.locator("#add-passkey")).toBeHidden();
    await expect(page.getByText("To make a passkey you need JavaScript")).toBeVisible();
  });
});
