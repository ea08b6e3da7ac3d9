import type { Page } from "@playwright/test";
import { demo, issuerOf } from "../../fixtures/environment.ts";
import { expect, test } from "../../fixtures/test.ts";
import { SinglePageApplication } from "../../fixtures/single-page-application.ts";

/** Registers a public client for the application, as anybody on this machine may at `demo`. */
async function register(application: SinglePageApplication, issuer: string, more: Record<string, unknown> = {}): Promise<string> {
  const answer = await fetch(`${issuer}/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      client_name: "Notes",
      redirect_uris: [application.redirectUri, application.silentRedirectUri],
      post_logout_redirect_uris: [`${application.origin}/`],
      token_endpoint_auth_method: "none",
      id_token_signed_response_alg: "ES256",
      ...more,
    }),
  });
  expect(answer.status).toBe(201);
  return ((await answer.json()) as { client_id: string }).client_id;
}

/** Waits until the application's page has dealt with what it came with. */
async function ready(page: Page): Promise<void> {
  await expect(page.getByRole("status")).toHaveText("ready");
}

test("oidc-client-ts signs in, renews in an iframe, calls userinfo, and hears of a sign-out elsewhere", async ({ page, context, hosted }) => {
  const issuer = issuerOf(demo.slug);
  const application = await SinglePageApplication.start();
  application.configure({
    authority: issuer,
    client_id: await register(application, issuer),
    scope: "openid profile",
    loadUserInfo: true,
    automaticSilentRenew: false,
    monitorSession: true,
    checkSessionIntervalInSeconds: 1,
    post_logout_redirect_uri: `${application.origin}/`,
  });
  await page.goto(`${application.origin}/`);
  await ready(page);
  await page.evaluate(() => { void window.manager.signinRedirect(); });
  await hosted.signIn(demo.ada);
  await hosted.allow.click();
  await ready(page);
  const first = await application.user(page);
  expect(first).toMatchObject({ name: demo.ada.name, session_state: expect.stringContaining(".") });

  // Without a refresh token, the library renews by prompt=none in an iframe.
  await page.evaluate(async () => { await window.manager.signinSilent(); });
  const second = await application.user(page);
  expect(second?.sub).toBe(first?.sub);
  expect(second?.access_token).not.toBe(first?.access_token);

  // Signed out in another tab, the page hears of it through the check-session iframe.
  const elsewhere = await context.newPage();
  await elsewhere.goto(`${issuer}/logout`);
  await elsewhere.getByRole("button", { name: "Sign out", exact: true }).click();
  await expect(elsewhere.getByRole("heading", { level: 1 })).toBeVisible();
  await expect.poll(() => page.evaluate(() => window.told)).toContain("signed out");
  await expect(page.evaluate(() => window.manager.signinSilent().then(() => "renewed", (error: unknown) => (error as { error?: string }).error))).resolves.toBe("login_required");
  await application.stop();
});

test("oidc-client-ts renews with a refresh token and signs out at the identity server", async ({ page, hosted }) => {
  const issuer = issuerOf(demo.slug);
  const application = await SinglePageApplication.start();
  application.configure({
    authority: issuer,
    client_id: await register(application, issuer, { grant_types: ["authorization_code", "refresh_token"], scope: "openid profile offline_access" }),
    scope: "openid profile offline_access",
    automaticSilentRenew: false,
    post_logout_redirect_uri: `${application.origin}/`,
  });
  await page.goto(`${application.origin}/`);
  await ready(page);
  await page.evaluate(() => { void window.manager.signinRedirect({ prompt: "consent" }); });
  await hosted.signIn(demo.ada);
  await hosted.allow.click();
  await ready(page);
  const before = await application.user(page);
  const frames = page.frames().length;
  await page.evaluate(async () => { await window.manager.signinSilent(); });
  expect((await application.user(page))?.access_token).not.toBe(before?.access_token);
  expect(page.frames()).toHaveLength(frames);

  await page.evaluate(() => { void window.manager.signoutRedirect(); });
  await ready(page);
  expect(new URL(page.url()).origin).toBe(application.origin);
  expect(await application.user(page)).toBeNull();
  await page.goto(`${issuer}/`);
  await expect(hosted.password).toBeVisible();
  await application.stop();
});
