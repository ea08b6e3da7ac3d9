import * as client from "openid-client";
import { demo, issuerOf, system } from "../../fixtures/environment.ts";
import { expect, test } from "../../fixtures/test.ts";

test("a session of one organization is nobody at another", async ({ page, context, hosted }) => {
  await hosted.signInAtHome(issuerOf(demo.slug), demo.ada);
  await page.goto(`${issuerOf(system.slug)}/`);
  await expect(hosted.username).toBeVisible();

  // Nor when the browser presents the cookie under the other organization's name.
  const cookies = await context.cookies();
  const own = cookies.filter(({ name }) => name.endsWith(`-${demo.slug}`));
  expect(own.length).toBeGreaterThanOrEqual(2);
  await context.addCookies(own.map((cookie) => ({ ...cookie, name: cookie.name.replace(new RegExp(`-${demo.slug}$`), `-${system.slug}`) })));
  await page.goto(`${issuerOf(system.slug)}/`);
  await expect(hosted.username).toBeVisible();

  // A person of one organization cannot sign in at the other either.
  await hosted.signIn(demo.ada);
  await expect(hosted.problem).toBeVisible();
});

test("sessions of two organizations live side by side; signing out ends one of them", async ({ page, hosted }) => {
  await hosted.signInAtHome(issuerOf(demo.slug), demo.ada);
  await hosted.signInAtHome(issuerOf(system.slug), system.administrator);
  await page.getByRole("link", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await expect(hosted.heading("You are signed out")).toBeVisible();
  await page.goto(`${issuerOf(demo.slug)}/`);
  await expect(hosted.heading("You are signed in")).toBeVisible();
});

test("codes, tokens and clients of one organization do not exist at another", async ({ page, hosted, payroll, request }) => {
  const attempt = await payroll.begin({ prompt: "login consent" });
  await page.goto(attempt.url);
  await hosted.signIn(demo.ada);
  await hosted.allow.click();
  const answer = await payroll.returned(page, attempt);
  const elsewhere = issuerOf(system.slug);
  const { client_id: clientId, client_secret: clientSecret } = payroll.configuration.clientMetadata();
  const credentials = `Basic ${Buffer.from(`${clientId}:${String(clientSecret)}`).toString("base64")}`;

  const code = answer.searchParams.get("code") ?? "";
  const redeemed = await request.post(`${elsewhere}/token`, {
    headers: { authorization: credentials },
    form: { grant_type: "authorization_code", code, redirect_uri: payroll.callback.redirectUri, code_verifier: attempt.verifier },
  });
  expect(redeemed.status()).toBe(401);
  expect(await redeemed.json()).toMatchObject({ error: "invalid_client" });

  // The attempt elsewhere did not spend the code at home.
  const tokens = await payroll.redeem(answer, attempt);
  const userinfo = await request.get(`${elsewhere}/userinfo`, { headers: { authorization: `Bearer ${tokens.access_token}` } });
  expect(userinfo.status()).toBe(401);
  const administration = await request.get(new URL("/api/v1/orgs", elsewhere).href, { headers: { authorization: `Bearer ${tokens.access_token}` } });
  expect(administration.status()).toBe(401);
  await expect(client.fetchUserInfo(payroll.configuration, tokens.access_token, tokens.claims()?.sub ?? "")).resolves.toBeDefined();

  const authorization = await page.goto(attempt.url.replace(issuerOf(demo.slug), elsewhere));
  expect(authorization?.status()).toBeGreaterThanOrEqual(400);
  await expect(page.locator("#error-code")).toHaveText("invalid_client");
});
