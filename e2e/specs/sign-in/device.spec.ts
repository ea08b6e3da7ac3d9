import { demo, issuerOf } from "../../fixtures/environment.ts";
import { expectGoodLooks } from "../../fixtures/looks.ts";
import { expect, test } from "../../fixtures/test.ts";

const grantType = "urn:ietf:params:oauth:grant-type:device_code";

interface Begun {
  readonly device_code: string;
  readonly user_code: string;
  readonly verification_uri: string;
  readonly verification_uri_complete: string;
}

async function post(endpoint: string, form: Record<string, string>): Promise<Record<string, unknown>> {
  const response = await fetch(`${issuerOf(demo.slug)}/${endpoint}`, { method: "POST", body: new URLSearchParams({ client_id: "demo-device", ...form }) });
  return (await response.json()) as Record<string, unknown>;
}

/** What a device does that wants its person to sign in. */
async function begin(scope = "openid email"): Promise<Begun> {
  return (await post("device_authorization", { scope })) as unknown as Begun;
}

const poll = (begun: Begun) => post("token", { grant_type: grantType, device_code: begun.device_code });

test("a device is connected by the code that it shows", async ({ page, hosted }) => {
  const begun = await begin();
  expect(await poll(begun)).toMatchObject({ error: "authorization_pending" });
  await page.goto(begun.verification_uri);
  await page.getByRole("textbox", { name: "Code" }).fill("BBBB-BBBB");
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(hosted.problem).toContainText("does not exist or has expired");
  await page.getByRole("textbox", { name: "Code" }).fill(begun.user_code.toLowerCase().replace("-", " "));
  await page.getByRole("button", { name: "Continue" }).click();
  await hosted.signIn(demo.ada);
  await expect(hosted.heading("Demo device asks for access")).toBeVisible();
  await expect(page.getByText(begun.user_code)).toBeVisible();
  await hosted.allow.click();
  await expect(hosted.heading("Your device is connected")).toBeVisible();
  expect(await poll(begun)).toMatchObject({ token_type: "Bearer", scope: "openid email" });
  expect(await poll(begun)).toMatchObject({ error: "invalid_grant" });
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("a code that came with the address is compared, and refused", async ({ page, hosted }) => {
    const begun = await begin();
    await page.goto(begun.verification_uri_complete);
    await expect(page.getByRole("textbox", { name: "Code" })).toHaveValue(begun.user_code);
    await page.getByRole("button", { name: "Continue" }).click();
    await hosted.signIn(demo.ada);
    await hosted.deny.click();
    await expect(hosted.heading("You refused")).toBeVisible();
    expect(await poll(begun)).toMatchObject({ error: "access_denied" });
  });
});

test("the pages for devices look good", async ({ page, hosted }) => {
  test.slow();
  const begun = await begin("openid profile email offline_access");
  await page.goto(begun.verification_uri);
  await expectGoodLooks(page, "the page for a code");
  await page.getByRole("textbox", { name: "Code" }).fill("BBBB-BBBB");
  await page.getByRole("button", { name: "Continue" }).click();
  await expectGoodLooks(page, "the page for a code with a problem");
  await page.goto(begun.verification_uri_complete);
  await page.getByRole("button", { name: "Continue" }).click();
  await hosted.signIn(demo.ada);
  await expect(hosted.allow).toBeVisible();
  await expectGoodLooks(page, "the consent page with a code to compare");
  await hosted.allow.click();
  await expect(hosted.heading("Your device is connected")).toBeVisible();
  await expectGoodLooks(page, "the page after it");
});
