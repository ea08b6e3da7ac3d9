import type { Locator, Page } from "@playwright/test";
import * as client from "openid-client";
import { linkIn, mailTo } from "../../fixtures/mailbox.ts";
import { expect, test } from "../../fixtures/test.ts";
import { Till } from "../../fixtures/till.ts";

let till: Till;

test.beforeAll(async ({ browser }) => {
  till = await Till.opened(browser);
});

test.afterAll(() => till.close());

const review = (page: Page) => page.getByRole("button", { name: `Review the request of ${till.name}` });

test("a person follows the mail, compares the message and allows it, and the application gets its tokens", async ({ page, hosted }) => {
  const ada = await till.customer();
  const asked = await client.initiateBackchannelAuthentication(till.configuration, { scope: "openid email", login_hint: ada.username, binding_message: "Receipt 4711" });
  const mail = await mailTo(ada.username);
  expect(mail.subject).toBe(`${till.name} asks you for something`);
  expect(mail.text).not.toContain("4711"); // what is asked for is for nobody but her
  expect(await till.poll(asked.auth_req_id)).toMatchObject({ error: "authorization_pending" });

  await page.goto(linkIn(mail));
  await hosted.signIn(ada);
  await expect(hosted.heading("Requests that wait for you")).toBeVisible();
  await expect(page.getByRole("listitem").filter({ hasText: "Receipt 4711" })).toHaveCount(1);
  await review(page).click();
  await expect(hosted.heading(`${till.name} asks for access`)).toBeVisible();
  await expect(page.getByText("Receipt 4711")).toBeVisible();
  await hosted.allow.click();
  await expect(hosted.heading("You allowed it")).toBeVisible();

  const tokens = await client.pollBackchannelAuthenticationGrant(till.configuration, asked);
  const subject = tokens.claims()?.sub ?? "";
  expect(await client.fetchUserInfo(till.configuration, tokens.access_token, subject)).toMatchObject({ email: ada.username });
  expect(await till.poll(asked.auth_req_id)).toMatchObject({ error: "invalid_grant" });
  await page.getByRole("link", { name: "Other requests that wait for you" }).click();
  await expect(hosted.heading("Nothing waits for you")).toBeVisible();
});

test("another person sees nothing of it", async ({ page, hosted }) => {
  const [ada, grace] = [await till.customer(), await till.customer()];
  const request = await till.ask(ada, { binding_message: "Receipt 4712" });
  await page.goto(`${till.issuer}/approvals`);
  await hosted.signIn(grace);
  await expect(hosted.heading("Nothing waits for you")).toBeVisible();
  await expect(page.getByText("Receipt 4712")).toHaveCount(0);
  expect(await till.poll(request)).toMatchObject({ error: "authorization_pending" });
});

test("what was decided while the page was open can no longer be opened", async ({ page, hosted }) => {
  const ada = await till.customer();
  const request = await till.ask(ada);
  await page.goto(`${till.issuer}/approvals`);
  await hosted.signIn(ada);
  await expect(review(page)).toBeVisible();
  await till.decide("deny");
  await review(page).click();
  await expect(hosted.heading("Nothing waits for you")).toBeVisible();
  expect(await till.poll(request)).toMatchObject({ error: "access_denied" });
});

test("who does not decide in time is not asked any more, and the application hears that it is over", async ({ page, hosted }) => {
  const ada = await till.customer();
  const request = await till.ask(ada, { requested_expiry: "10" });
  await expect.poll(async () => (await till.poll(request)).error, { intervals: [11_000, 5_000], timeout: 45_000 }).toBe("expired_token");
  await page.goto(`${till.issuer}/approvals`);
  await hosted.signIn(ada);
  await expect(hosted.heading("Nothing waits for you")).toBeVisible();
});

/** Presses Tab until something has the focus, as somebody without a mouse does. */
async function reach(page: Page, wanted: Locator): Promise<void> {
  for (let presses = 0; presses < 20; presses++) {
    if (await wanted.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press("Tab");
  }
  await expect(wanted).toBeFocused();
}

test("with the keyboard alone", async ({ page, hosted }) => {
  const ada = await till.customer();
  const request = await till.ask(ada, { binding_message: "Receipt 4713" });
  await page.goto(`${till.issuer}/approvals`);
  await reach(page, hosted.username);
  await page.keyboard.type(ada.username);
  await reach(page, hosted.password);
  await page.keyboard.type(ada.password);
  await page.keyboard.press("Enter");
  await expect(review(page)).toBeVisible();
  await reach(page, review(page));
  await page.keyboard.press("Enter");
  await expect(page.getByText("Receipt 4713")).toBeVisible();
  await reach(page, hosted.allow);
  await page.keyboard.press("Enter");
  await expect(hosted.heading("You allowed it")).toBeVisible();
  expect(await till.poll(request)).toMatchObject({ token_type: "Bearer", scope: "openid email" });
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("of two requests one is allowed, the other refused", async ({ page, hosted }) => {
    const ada = await till.customer();
    const [first, second] = [await till.ask(ada, { binding_message: "Receipt 4714" }), await till.ask(ada, { binding_message: "Receipt 4715" })];
    await page.goto(`${till.issuer}/approvals`);
    await hosted.signIn(ada);
    const entry = (receipt: string) => page.getByRole("listitem").filter({ hasText: receipt });
    await review(page).nth(1).click();
    await expect(page.getByText("Receipt 4714")).toBeVisible();
    await hosted.deny.click();
    await expect(hosted.heading("You refused")).toBeVisible();
    expect(await till.poll(first)).toMatchObject({ error: "access_denied" });

    await page.getByRole("link", { name: "Other requests that wait for you" }).click();
    await expect(entry("Receipt 4714")).toHaveCount(0);
    await entry("Receipt 4715").getByRole("button").click();
    await hosted.allow.click();
    await expect(hosted.heading("You allowed it")).toBeVisible();
    expect(await till.poll(second)).toMatchObject({ token_type: "Bearer" });
    expect(await till.poll(second)).toMatchObject({ error: "invalid_grant" });
  });
});
