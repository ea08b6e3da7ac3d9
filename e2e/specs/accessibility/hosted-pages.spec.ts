import type { Page } from "@playwright/test";
import type { Look } from "../../fixtures/accessibility.ts";
import { oneTimePassword } from "../../fixtures/one-time-password.ts";
import { demo, issuerOf, unique } from "../../fixtures/environment.ts";
import type { HostedPages } from "../../fixtures/hosted-pages.ts";
import { expectGoodLooks } from "../../fixtures/looks.ts";
import { newcomer } from "../../fixtures/newcomer.ts";
import type { RelyingParty } from "../../fixtures/relying-party.ts";
import { expect, test } from "../../fixtures/test.ts";
import { Till } from "../../fixtures/till.ts";

interface Parts {
  readonly page: Page;
  readonly hosted: HostedPages;
  readonly payroll: RelyingParty;
}

/** Walks through every hosted page and looks at each of its states. */
async function expectEverywhere({ page, hosted, payroll }: Parts, look: Look): Promise<void> {
  const attempt = await payroll.begin({ prompt: "login consent", scope: "openid profile email phone offline_access" });
  await page.goto(attempt.url);
  await look(page, "the sign-in page");
  await hosted.signIn({ username: `nobody-${unique()}@demo.test`, password: "not-the-password" });
  await expect(hosted.problem).toBeVisible();
  await look(page, "the sign-in page with a problem");
  await hosted.signIn(demo.ada);
  await expect(hosted.allow).toBeVisible();
  await look(page, "the consent page");
  await hosted.deny.click();
  await payroll.returned(page, attempt);
  await page.goBack();
  await expect(page.locator("#error-page")).toHaveCount(0);
  await look(page, "the page of an ended sign-in");
  await page.goto(`${issuerOf(demo.slug)}/authorize?client_id=${unique()}&response_type=code`);
  await expect(page.locator("#error-page")).toBeVisible();
  await look(page, "the error page");
  await page.goto(`${issuerOf(demo.slug)}/`);
  await expect(hosted.heading("You are signed in")).toBeVisible();
  await look(page, "the home page");
  await page.getByRole("link", { name: "Sign out" }).click();
  await expect(hosted.heading("Sign out of Demo?")).toBeVisible();
  await look(page, "the sign-out page");
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await expect(hosted.heading("You are signed out")).toBeVisible();
  await look(page, "the page after the sign-out");
}

/** Walks through the pages of somebody who makes an account. */
async function expectToSignUp({ page, hosted, payroll }: Parts, look: Look): Promise<void> {
  const email = `a-newcomer-with-a-long-address-${unique()}@rechtsschutzversicherungsgesellschaften.test`;
  await page.goto((await payroll.begin({ prompt: "create" })).url);
  await expect(hosted.heading("Create an account at Demo")).toBeVisible();
  await look(page, "the sign-up page");
  await page.getByRole("textbox", { name: "Email", exact: true }).fill(email);
  await page.getByRole("textbox", { name: "Given name" }).fill("Eva");
  await hosted.password.fill("short");
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(hosted.problem).toBeVisible();
  await look(page, "the sign-up page with a problem");
  await hosted.signUp({ email, givenName: "Eva", password: "Analytical-No-1843" });
  await look(page, "the page for the code");
  await page.getByRole("button", { name: "Send another mail" }).click();
  await expect(page.getByRole("status").filter({ hasText: "Another mail" })).toBeVisible();
  await look(page, "the page for the code after another mail");
  await hosted.confirm("2345-CFGH");
  await expect(hosted.problem).toBeVisible();
  await look(page, "the page for the code with a problem");
  await page.goto(`${issuerOf(demo.slug)}/sign-up/confirm?transaction=another&code=2345-CFGH`);
  await expect(hosted.heading("Go back to your other browser")).toBeVisible();
  await look(page, "the page of a link in another browser");
}

/** Walks through the pages of somebody who forgot their password. */
async function expectToForget({ page, hosted, payroll }: Parts, look: Look): Promise<void> {
  await page.goto((await payroll.begin({})).url);
  await page.getByRole("link", { name: "Forgot your password?" }).click();
  await expect(hosted.heading("Forgot your password?")).toBeVisible();
  await look(page, "the page of a forgotten password");
  await hosted.username.fill(" ");
  await page.getByRole("button", { name: "Send the code" }).click();
  await expect(hosted.problem).toBeVisible();
  await look(page, "the page of a forgotten password with a problem");
  await hosted.username.fill(`somebody-with-a-long-address-${unique()}@rechtsschutzversicherungsgesellschaften.test`);
  await page.getByRole("button", { name: "Send the code" }).click();
  await expect(hosted.heading("Check your mail")).toBeVisible();
  await look(page, "the page for the code of a forgotten password");
  await page.goto(`${issuerOf(demo.slug)}/login/mail`);
  await look(page, "the page of signing in by mail");
  await hosted.username.fill(`nobody-${unique()}@new.test`);
  await page.getByRole("button", { name: "Send the code" }).click();
  await look(page, "the page for the code of signing in by mail");
}

/** Walks through the pages of a second factor. */
async function expectToProveMore({ page, hosted, payroll }: Parts, look: Look): Promise<void> {
  const eva = await newcomer(page, "A-newcomer-with-a-long-name");
  await page.goto(`${issuerOf(demo.slug)}/account/second-factor`);
  await look(page, "the page on which an authenticator app is added");
  const secret = await page.locator("#otp-secret").innerText();
  await page.locator("#otp-code").fill(oneTimePassword(secret));
  await page.locator("#otp-submit").click();
  await expect(page.locator("#recovery-codes")).toBeVisible();
  await look(page, "the recovery codes");
  await page.goto(`${issuerOf(demo.slug)}/account/second-factor`);
  await look(page, "the page of an authenticator app");
  await page.goto((await payroll.begin({ prompt: "login" })).url);
  await hosted.signIn(eva);
  await expect(hosted.heading("Confirm that it is you")).toBeVisible();
  await page.getByText("I do not have the app at hand").click();
  await look(page, "the page of the second factor");
  await page.locator("#recovery-code").fill("2345-6789-cfgh");
  await page.locator("#recovery-submit").click();
  await expect(hosted.problem).toBeVisible();
  await look(page, "the page of the second factor with a problem");
}

/** Walks through the pages of an account. */
async function expectToLookAfter({ page, hosted, payroll }: Parts, look: Look): Promise<void> {
  const attempt = await payroll.begin({ prompt: "login consent", scope: "openid profile email offline_access" });
  await page.goto(attempt.url);
  await hosted.signIn(demo.ada);
  await hosted.allow.click();
  await payroll.returned(page, attempt);
  for (const [address, heading] of [
    ["account", "Profile"],
    ["account/sign-in", "How you sign in"],
    ["account/password", "Change the password"],
    ["account/sessions", "Devices and sessions"],
    ["account/applications", "Applications"],
    ["account/activity", "Activity"],
    ["account/data", "Your data"],
    ["account/delete", "Delete your account"],
  ] as const) {
    await page.goto(`${issuerOf(demo.slug)}/${address}`);
    await expect(hosted.heading(heading)).toBeVisible();
    await look(page, `the page ${address}`);
  }
  await page.goto(`${issuerOf(demo.slug)}/account`);
  await page.getByRole("textbox", { name: "Time zone" }).fill("Mars/Olympus");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(hosted.problem).toBeVisible();
  await look(page, "the page account with a problem");
  await page.goto(`${issuerOf(demo.slug)}/account/email`);
  await look(page, "the page of another address");
  await page.getByRole("textbox", { name: "New address" }).fill(`countess-${unique()}@new.test`);
  await page.getByRole("button", { name: "Continue" }).click();
  await look(page, "the page for the code of another address");
}

/** Walks through the pages of a browser in which two people are signed in. */
async function expectWithTwoAccounts({ page, hosted, payroll }: Parts, look: Look): Promise<void> {
  await hosted.signInAtHome(issuerOf(demo.slug), demo.ada);
  await hosted.addAtHome(issuerOf(demo.slug), demo.grace);
  await look(page, "the home page with two accounts");
  await page.goto((await payroll.begin({ prompt: "login select_account" })).url);
  await expect(hosted.heading("Choose an account")).toBeVisible();
  await look(page, "the page of accounts");
  await hosted.account(demo.ada).click();
  await expect(hosted.username).not.toBeEditable();
  await look(page, "the sign-in page of a chosen account");
  await page.goto(`${issuerOf(demo.slug)}/logout`);
  await expect(hosted.heading("Sign out of Demo?")).toBeVisible();
  await look(page, "the sign-out page of two accounts");
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await expect(hosted.heading("You are signed out")).toBeVisible();
  await look(page, "the page after the sign-out of one of two");
}

/** Walks through the pages of somebody of whom an application asks something through the back channel. */
async function expectToApprove({ page, hosted }: Parts, till: Till, look: Look): Promise<void> {
  const ada = await till.customer();
  await page.goto(`${till.issuer}/approvals`);
  await hosted.signIn(ada);
  await expect(hosted.heading("Nothing waits for you")).toBeVisible();
  await look(page, "the page of requests without one");
  await till.ask(ada, { binding_message: "Receipt 4711 of the Rechtsschutzversicherungsgesellschaften, EUR 12.50", scope: "openid profile email" });
  await till.ask(ada, { binding_message: "4712" });
  await page.getByRole("link", { name: "Look again" }).click();
  await expect(page.getByRole("button", { name: /^Review/ })).toHaveCount(2);
  await look(page, "the page of two requests");
  await page.getByRole("button", { name: /^Review/ }).nth(1).click();
  await expect(hosted.allow).toBeVisible();
  await look(page, "the page on which one is decided");
  await hosted.allow.click();
  await expect(hosted.heading("You allowed it")).toBeVisible();
  await look(page, "the page of an allowed request");
  await page.getByRole("link", { name: "Other requests that wait for you" }).click();
  await page.getByRole("button", { name: /^Review/ }).click();
  await hosted.deny.click();
  await expect(hosted.heading("You refused")).toBeVisible();
  await look(page, "the page of a refused request");
}

let till: Till;

test.beforeAll(async ({ browser }) => {
  till = await Till.opened(browser, "Till of the Rechtsschutzversicherungsgesellschaft");
});

test.afterAll(() => till.close());

test("every hosted page looks good", async ({ page, hosted, payroll }) => {
  test.slow();
  await expectEverywhere({ page, hosted, payroll }, expectGoodLooks);
});

test("every page of two accounts looks good", async ({ page, hosted, payroll }) => {
  test.slow();
  await expectWithTwoAccounts({ page, hosted, payroll }, expectGoodLooks);
});

test("every page of signing up looks good", async ({ page, hosted, payroll }) => {
  test.slow();
  await expectToSignUp({ page, hosted, payroll }, expectGoodLooks);
});

test("every page of a request through the back channel looks good", async ({ page, hosted, payroll }) => {
  test.slow();
  await expectToApprove({ page, hosted, payroll }, till, expectGoodLooks);
});

test("every page of a second factor looks good", async ({ page, hosted, payroll }) => {
  test.slow();
  await expectToProveMore({ page, hosted, payroll }, expectGoodLooks);
});

test("every page of an account looks good", async ({ page, hosted, payroll }) => {
  test.slow();
  await expectToLookAfter({ page, hosted, payroll }, expectGoodLooks);
});

test("every page of a forgotten password looks good", async ({ page, hosted, payroll }) => {
  test.slow();
  await expectToForget({ page, hosted, payroll }, expectGoodLooks);
});
