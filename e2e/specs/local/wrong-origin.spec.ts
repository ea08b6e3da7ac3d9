import type { Page } from "@playwright/test";
import { Authenticator, withoutConditionalMediation } from "../../fixtures/authenticator.ts";
import { CallbackServer } from "../../fixtures/callback-server.ts";
import { demo, issuerOf } from "../../fixtures/environment.ts";
import { newcomer } from "../../fixtures/newcomer.ts";
import { expect, test } from "../../fixtures/test.ts";

const issuer = issuerOf(demo.slug);

/** Asks for a passkey with options that somebody else was given. */
function used(options: PublicKeyCredentialRequestOptionsJSON): Promise<string> {
  return navigator.credentials
    .get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) })
    .then((credential) => JSON.stringify((credential as PublicKeyCredential).toJSON()));
}

// Another port of a host is another origin with the same relying party: the browser lets its page use the passkey, and we do not.
test("what a passkey signed at another origin opens nothing", async ({ page, context }) => {
  await withoutConditionalMediation(page);
  await newcomer(page);
  await Authenticator.attach(page);
  await page.goto(`${issuer}/account/passkeys`);
  await page.getByRole("button", { name: "Make a passkey" }).click();
  await expect(page.getByRole("status").filter({ hasText: "The passkey is made" })).toBeVisible();
  await page.goto(`${issuer}/logout`);
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await expect(page.getByRole("heading", { level: 1, name: "You are signed out" })).toBeVisible();

  // Takes what our page asks for to a page at an origin, has it signed there, and hands it in where it was asked for.
  const signedAt = async (origin: string): Promise<Page> => {
    const theirs = await context.newPage();
    await withoutConditionalMediation(theirs);
    await theirs.goto(`${issuer}/login`);
    const form = theirs.locator("#passkey-form");
    const options = JSON.parse((await form.getAttribute("data-options")) ?? "") as PublicKeyCredentialRequestOptionsJSON;
    await page.goto(`${origin}/`);
    const passkey = await page.evaluate(used, options);
    await form.evaluate((element: HTMLFormElement, value) => {
      (element.elements.namedItem("passkey") as HTMLInputElement).value = value;
      element.submit();
    }, passkey);
    return theirs;
  };
  const impostor = await CallbackServer.start();
  const refused = await signedAt(impostor.origin);
  await impostor.stop();
  await expect(refused.getByRole("alert")).toContainText("does not open an account here");
  await refused.goto(`${issuer}/`);
  await expect(refused.getByRole("heading", { level: 1, name: "Sign in to Demo" })).toBeVisible();
  const accepted = await signedAt(new URL(issuer).origin); // the same way, at our origin
  await expect(accepted.getByRole("heading", { level: 1, name: "You are signed in" })).toBeVisible();
});
