import type { Page } from "@playwright/test";
import { Console } from "../../fixtures/console.ts";
import { issuerOf, system, unique } from "../../fixtures/environment.ts";
import { expectGoodLooks } from "../../fixtures/looks.ts";
import { codeIn, mailTo } from "../../fixtures/mailbox.ts";
import { expect, test } from "../../fixtures/test.ts";

const person = { username: `eva-${unique()}@work.test`, password: "Analytical-No-1843" };
const patience = { timeout: 60_000 };
let slug = "";

// An organization of its own, whose browsers compute before each form.
test.beforeAll(async ({ browser }) => {
  const page = await browser.newPage();
  const desk = new Console(page);
  await desk.signIn(system.slug, system.administrator);
  slug = await desk.createOrganization(`Work ${unique()}`);
  await desk.createUser({ email: person.username, givenName: "Eva", familyName: "Work", password: person.password });
  await page.goto(`/console/orgs/${slug}/settings?tab=accounts`);
  await page.getByRole("radio", { name: /^People themselves, too/ }).check();
  await page.getByRole("radiogroup", { name: "Whose browser computes before a form is sent" }).getByRole("radio", { name: /^Everybody/ }).check();
  await desk.save("Save accounts");
  await page.close();
});

/** Fills the form in as a password manager does, without a word to the page, and sends it at once. */
async function sendAtOnce(page: Page, { username, password }: { username: string; password: string }): Promise<void> {
  await page.evaluate(
    (values) => {
      for (const [id, value] of values) (document.getElementById(id) as HTMLInputElement).value = value;
    },
    [["username", username], ["password", password]] as const,
  );
  await page.getByRole("button", { name: "Sign in", exact: true }).press("Enter");
}

test("the browser computes while somebody writes, and the form goes on", async ({ page, hosted }) => {
  await page.goto(`${issuerOf(slug)}/login`);
  await hosted.username.fill(person.username);
  await expect(page.locator("#work-status")).toHaveText("Your device is done.", patience);
  await hosted.signIn(person);
  await expect(hosted.heading("You are signed in")).toBeVisible();
});

test("a form that is sent at once waits for the answer and goes on by itself, also on a slow device", async ({ page, hosted }) => {
  const session = await page.context().newCDPSession(page);
  await page.goto(`${issuerOf(slug)}/login`);
  await session.send("Emulation.setCPUThrottlingRate", { rate: 6 });
  const began = Date.now();
  await sendAtOnce(page, person);
  await expect(page.locator("#work-status")).toHaveText("Your device is computing. This takes a few seconds…");
  await expect(page.getByRole("progressbar")).toBeVisible();
  await expect(hosted.heading("You are signed in")).toBeVisible({ timeout: 60_000 });
  test.info().annotations.push({ type: "computed on a processor slowed down six times", description: `${Date.now() - began} ms` });
});

test("a wrong password is said, and the next attempt computes anew", async ({ page, hosted }) => {
  await page.goto(`${issuerOf(slug)}/login`);
  await hosted.signIn({ username: person.username, password: "not-the-password" });
  await expect(hosted.problem).toContainText("not right", patience);
  await hosted.password.fill(person.password);
  await hosted.signInButton.click();
  await expect(hosted.heading("You are signed in")).toBeVisible(patience);
});

test("a newcomer and somebody who forgot their password compute, too", async ({ page, hosted }) => {
  const email = `neu-${unique()}@work.test`;
  await page.goto(`${issuerOf(slug)}/sign-up`);
  await hosted.signUp({ email, givenName: "Neu", password: person.password });
  await hosted.confirm(codeIn(await mailTo(email)));
  await expect(hosted.heading("You are signed in")).toBeVisible();
  await page.context().clearCookies();
  await page.goto(`${issuerOf(slug)}/forgot-password`);
  await hosted.username.fill(email);
  await page.getByRole("button", { name: "Send the code" }).click();
  await expect(hosted.heading("Check your mail")).toBeVisible(patience);
  await expect(page.locator("#work-status")).toBeHidden(); // the page is not about that
  await page.getByRole("button", { name: "Send another mail" }).click();
  await expect(page.getByRole("status").filter({ hasText: "another" })).toBeVisible(patience);
});

test("the pages that compute look good", async ({ page, hosted }) => {
  test.slow();
  await page.goto(`${issuerOf(slug)}/sign-up`);
  await expectGoodLooks(page, "the sign-up page");
  await page.goto(`${issuerOf(slug)}/login`);
  await expectGoodLooks(page, "the sign-in page");
  const session = await page.context().newCDPSession(page);
  await session.send("Emulation.setCPUThrottlingRate", { rate: 20 }); // slow enough to be looked at
  await sendAtOnce(page, { username: "nobody", password: "nothing" });
  await expect(page.getByRole("progressbar")).toBeVisible();
  await page.screenshot({ path: test.info().outputPath("computing.png"), fullPage: true });
  await session.send("Emulation.setCPUThrottlingRate", { rate: 1 });
  await expect(hosted.problem).toContainText("not right", patience);
  await expectGoodLooks(page, "the page after a wrong password");
  await page.goto(`${issuerOf(slug)}/forgot-password`);
  await hosted.username.fill("nobody");
  await page.getByRole("button", { name: "Send the code" }).click();
  await expect(hosted.heading("Check your mail")).toBeVisible(patience);
  await expectGoodLooks(page, "the page for the code, which computes before another mail");
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false, viewport: { width: 320, height: 640 } });

  test("people are told to wait, and a form that comes too early says so", async ({ page, hosted }) => {
    await page.goto(`${issuerOf(slug)}/login`);
    await expect(page.getByText("Without JavaScript, wait 30 seconds before you send the form.")).toBeVisible();
    await expect(page.getByRole("progressbar")).toBeHidden();
    await page.screenshot({ path: test.info().outputPath("without-javascript.png"), fullPage: true });
    await hosted.signIn(person);
    await expect(hosted.problem).toContainText("half a minute after it was opened");
    await expect(hosted.username).toHaveValue(person.username);
  });
});
