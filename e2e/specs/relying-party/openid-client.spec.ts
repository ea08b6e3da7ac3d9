import * as client from "openid-client";
import { demo } from "../../fixtures/environment.ts";
import { expect, test } from "../../fixtures/test.ts";

test("openid-client goes through everything an application needs", async ({ page, hosted, payroll }) => {
  const { configuration, callback } = payroll;
  const attempt = await payroll.begin({ scope: "openid profile email offline_access", prompt: "login consent" });
  await page.goto(attempt.url);
  await hosted.signIn(demo.ada);
  await hosted.allow.click();
  const tokens = await payroll.redeem(await payroll.returned(page, attempt), attempt);
  expect(tokens.token_type).toBe("bearer");
  expect(tokens.expiresIn()).toBeGreaterThan(0);
  expect(tokens.claims()).toMatchObject({ iss: configuration.serverMetadata().issuer, nonce: attempt.nonce, amr: ["pwd"] });

  expect(await payroll.userinfo(tokens)).toMatchObject({ email: demo.ada.username, email_verified: true, name: demo.ada.name, given_name: "Ada" });

  const first = tokens.refresh_token ?? "";
  const renewed = await client.refreshTokenGrant(configuration, first);
  expect(renewed.access_token).not.toBe(tokens.access_token);
  expect(renewed.refresh_token).not.toBe(first);
  expect(renewed.claims()?.sub).toBe(tokens.claims()?.sub);

  const subject = tokens.claims()?.sub ?? "";
  expect(await client.tokenIntrospection(configuration, renewed.access_token)).toMatchObject({ active: true, sub: subject });
  await client.tokenRevocation(configuration, renewed.refresh_token ?? "", { token_type_hint: "refresh_token" });
  await expect(client.refreshTokenGrant(configuration, renewed.refresh_token ?? "")).rejects.toMatchObject({ error: "invalid_grant" });
  expect(await client.tokenIntrospection(configuration, renewed.access_token)).toEqual({ active: false });
  await expect(client.fetchUserInfo(configuration, renewed.access_token, subject)).rejects.toThrow();

  const farewell = client.buildEndSessionUrl(configuration, {
    id_token_hint: tokens.id_token ?? "",
    post_logout_redirect_uri: `${callback.origin}/`,
    state: "bye",
  });
  await page.goto(farewell.href);
  await expect(page).toHaveURL(`${callback.origin}/?state=bye`);
  const again = await payroll.begin();
  await page.goto(again.url);
  await expect(hosted.heading("Sign in to Demo")).toBeVisible();
});

test("a request that was pushed is answered once", async ({ page, hosted, payroll }) => {
  const attempt = await payroll.pushed({ prompt: "login consent" });
  expect([...new URL(attempt.url).searchParams.keys()].sort()).toEqual(["client_id", "request_uri"]);
  await page.goto(attempt.url);
  await page.reload();
  await hosted.signIn(demo.ada);
  await hosted.allow.click();
  await payroll.redeem(await payroll.returned(page, attempt), attempt);
  await page.goto(attempt.url);
  await expect(page.locator("#error-code")).toHaveText("invalid_request_uri");
});

test("a code is redeemed once, and using it again ends what it gave", async ({ page, hosted, payroll }) => {
  const attempt = await payroll.begin({ prompt: "login consent" });
  await page.goto(attempt.url);
  await hosted.signIn(demo.ada);
  await hosted.allow.click();
  const answer = await payroll.returned(page, attempt);
  const tokens = await payroll.redeem(answer, attempt);
  await expect(payroll.redeem(answer, attempt)).rejects.toMatchObject({ error: "invalid_grant" });
  expect(await client.tokenIntrospection(payroll.configuration, tokens.access_token)).toEqual({ active: false });
});

test("prompt=none is answered without a page, whoever is there", async ({ page, hosted, payroll }) => {
  const stranger = await payroll.begin({ prompt: "none" });
  await page.goto(stranger.url);
  const refused = await payroll.returned(page, stranger);
  expect(refused.searchParams.get("error")).toBe("login_required");

  const attempt = await payroll.begin({ prompt: "login consent" });
  await page.goto(attempt.url);
  await hosted.signIn(demo.ada);
  await hosted.allow.click();
  await payroll.redeem(await payroll.returned(page, attempt), attempt);

  const silent = await payroll.begin({ prompt: "none" });
  await page.goto(silent.url);
  await payroll.redeem(await payroll.returned(page, silent), silent);
});
