import type { Page } from "@playwright/test";
import { demo, issuerOf, type Person } from "../../fixtures/environment.ts";
import type { HostedPages } from "../../fixtures/hosted-pages.ts";
import type { RelyingParty } from "../../fixtures/relying-party.ts";
import { expect, test } from "../../fixtures/test.ts";

const issuer = issuerOf(demo.slug);

test.beforeEach(() => {
  test.slow(); // two people sign in first
});

/** Ada signs in, then Grace beside her. */
async function signBothIn(hosted: HostedPages): Promise<void> {
  await hosted.signInAtHome(issuer, demo.ada);
  await hosted.addAtHome(issuer, demo.grace);
}

/** Sends the browser to the application's request and chooses an account there; returns who came of it. */
async function signInAs(page: Page, hosted: HostedPages, application: RelyingParty, person: Person, parameters: Record<string, string> = {}): Promise<{ email: unknown; idToken: string }> {
  const attempt = await application.begin(parameters);
  await page.goto(attempt.url);
  await expect(hosted.heading("Choose an account")).toBeVisible();
  await expect(page.getByText("to continue to Payroll")).toBeVisible();
  await expect(hosted.password).toHaveCount(0);
  await hosted.account(person).click();
  return redeem(page, hosted, application, attempt);
}

async function redeem(page: Page, hosted: HostedPages, application: RelyingParty, attempt: Awaited<ReturnType<RelyingParty["begin"]>>): Promise<{ email: unknown; idToken: string }> {
  const back = page.getByRole("heading", { name: "Back at the application" });
  await expect(hosted.allow.or(back)).toBeVisible();
  if (await hosted.allow.isVisible()) await hosted.allow.click();
  const tokens = await application.redeem(await application.returned(page, attempt), attempt);
  return { email: (await application.userinfo(tokens)).email, idToken: tokens.id_token ?? "" };
}

test("two people share a browser, and the application gets the one who was chosen", async ({ page, hosted, payroll }) => {
  await signBothIn(hosted);
  const ada = await signInAs(page, hosted, payroll, demo.ada);
  expect(ada.email).toBe(demo.ada.username);
  const grace = await signInAs(page, hosted, payroll, demo.grace, { prompt: "select_account" });
  expect(grace.email).toBe(demo.grace.username);

  // What the application knows says whom it means: nobody is asked.
  const hinted = await payroll.begin({ id_token_hint: ada.idToken });
  await page.goto(hinted.url);
  expect((await redeem(page, hosted, payroll, hinted)).email).toBe(demo.ada.username);
  const silent = await payroll.begin({ prompt: "none", login_hint: demo.grace.username });
  await page.goto(silent.url);
  expect((await redeem(page, hosted, payroll, silent)).email).toBe(demo.grace.username);
});

test("an account whose password is asked for is chosen first, and stays chosen", async ({ page, hosted, payroll }) => {
  await signBothIn(hosted);
  const attempt = await payroll.begin({ prompt: "login select_account" });
  await page.goto(attempt.url);
  await expect(hosted.account(demo.ada)).toContainText("Asks for the password");
  await hosted.account(demo.ada).click();
  await expect(hosted.username).toHaveValue(demo.ada.username);
  await expect(hosted.username).not.toBeEditable();

  await page.getByRole("button", { name: "Choose another account" }).click();
  await hosted.account(demo.grace).click();
  await expect(hosted.username).toHaveValue(demo.grace.username);
  await expect(hosted.password).toBeFocused();
  await hosted.password.fill(demo.grace.password);
  await hosted.signInButton.click();
  expect((await redeem(page, hosted, payroll, attempt)).email).toBe(demo.grace.username);
});

test("signing one account out leaves the other one signed in, at the page of accounts and at home", async ({ page, hosted, payroll }) => {
  await signBothIn(hosted);
  await page.goto(`${issuer}/`);
  await expect(page.getByRole("definition").filter({ hasText: demo.ada.name })).toBeVisible(); // also signed in here
  const attempt = await payroll.begin({ prompt: "consent" });
  await page.goto(attempt.url);
  await page.getByRole("button", { name: `Sign out ${demo.grace.username}` }).click();
  await expect(hosted.account(demo.grace)).toHaveCount(0);
  await hosted.account(demo.ada).click();
  expect((await redeem(page, hosted, payroll, attempt)).email).toBe(demo.ada.username);

  await hosted.addAtHome(issuer, demo.grace);
  await page.getByRole("link", { name: "Sign out" }).click();
  await expect(page.getByText(`Also signed in in this browser: ${demo.ada.name}.`)).toBeVisible();
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await expect(hosted.heading("You are signed out")).toBeVisible();
  await expect(page.getByText(`Still signed in in this browser: ${demo.ada.name}.`)).toBeVisible();
  await page.getByRole("link", { name: "Show the accounts" }).click();
  await hosted.account(demo.ada).click();
  await expect(hosted.heading("You are signed in")).toBeVisible();
});

test("an account that was signed out in another tab cannot be chosen any more", async ({ page, context, hosted, payroll }) => {
  await signBothIn(hosted);
  const attempt = await payroll.begin();
  await page.goto(attempt.url);
  await expect(hosted.account(demo.grace)).toBeVisible();
  const other = await context.newPage();
  await other.goto(`${issuer}/logout`);
  await other.getByRole("button", { name: "Sign out", exact: true }).click();
  await expect(other.getByRole("heading", { name: "You are signed out" })).toBeVisible();

  await hosted.account(demo.grace).click();
  await expect(hosted.problem).toHaveText("This account is not signed in here any more. Choose another one, or sign in again.");
  await expect(hosted.problem).toBeFocused();
  await hosted.account(demo.ada).click();
  expect((await redeem(page, hosted, payroll, attempt)).email).toBe(demo.ada.username);
});

test("with the keyboard: the accounts are reached in order, each with its sign-out", async ({ page, hosted, payroll }) => {
  await signBothIn(hosted);
  await page.goto((await payroll.begin()).url);
  for (const name of [new RegExp(demo.grace.name), `Sign out ${demo.grace.username}`, new RegExp(demo.ada.name), `Sign out ${demo.ada.username}`, "Use another account"]) {
    await page.keyboard.press("Tab");
    await expect(page.getByRole("button", { name })).toBeFocused();
  }
  await page.keyboard.press("Enter");
  await expect(hosted.heading("Sign in to Demo")).toBeVisible();
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("accounts are chosen and signed out", async ({ page, hosted, payroll }) => {
    await signBothIn(hosted);
    expect((await signInAs(page, hosted, payroll, demo.ada)).email).toBe(demo.ada.username);
    await page.goto(`${issuer}/logout`);
    await page.getByRole("button", { name: "Sign out every account in this browser" }).click();
    await expect(hosted.heading("You are signed out")).toBeVisible();
    await page.goto(`${issuer}/`);
    await expect(hosted.signInButton).toBeVisible();
  });
});
