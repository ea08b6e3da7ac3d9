import type { Page } from "@playwright/test";
import * as client from "openid-client";
import { CallbackServer } from "../../fixtures/callback-server.ts";
import { demo, issuerOf } from "../../fixtures/environment.ts";
import { RelyingParty } from "../../fixtures/relying-party.ts";
import { expect, test } from "../../fixtures/test.ts";

/** Lets a script of the page call an address; what the browser does not let it see is "blocked". */
async function callFrom(page: Page, address: string, request: { method?: string; headers?: Record<string, string>; body?: string } = {}): Promise<{ status: number; body: string } | "blocked"> {
  return page.evaluate(
    async ([url, init]) => {
      try {
        const answer = await fetch(url, init);
        return { status: answer.status, body: await answer.text() };
      } catch {
        return "blocked" as const;
      }
    },
    [address, request] as const,
  );
}

test("a single-page application redeems its code from the browser; a page of another origin sees nothing", async ({ page, context, hosted }) => {
  const issuer = issuerOf(demo.slug);
  const application = await RelyingParty.registered(issuer, "Notes", () => ({ token_endpoint_auth_method: "none" }));
  const elsewhere = await CallbackServer.start();
  const { authorization_endpoint, token_endpoint, userinfo_endpoint, jwks_uri } = application.configuration.serverMetadata();
  const attempt = await application.begin({ prompt: "login consent" });
  await page.goto(attempt.url);
  await hosted.signIn(demo.ada);
  await hosted.allow.click();
  const answer = await application.returned(page, attempt);

  const stranger = await context.newPage();
  await stranger.goto(elsewhere.origin);
  const form = {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams({
      grant_type: "authorization_code",
      client_id: application.configuration.clientMetadata().client_id,
      code: answer.searchParams.get("code") ?? "",
      redirect_uri: application.callback.redirectUri,
      code_verifier: attempt.verifier,
    }).toString(),
  };
  expect(await callFrom(page, `${issuer}/.well-known/openid-configuration`)).toMatchObject({ status: 200 });
  expect(await callFrom(page, jwks_uri ?? "")).toMatchObject({ status: 200 });
  expect(await callFrom(page, authorization_endpoint ?? "")).toBe("blocked");

  const redeemed = await callFrom(page, token_endpoint ?? "", form);
  expect(redeemed).toMatchObject({ status: 200 });
  const { access_token: accessToken } = JSON.parse(redeemed === "blocked" ? "{}" : redeemed.body) as client.TokenEndpointResponse;
  const bearer = { headers: { authorization: `Bearer ${accessToken}` } };
  const known = await callFrom(page, userinfo_endpoint ?? "", bearer);
  expect(known).toMatchObject({ status: 200, body: expect.stringContaining(demo.ada.username) });

  expect(await callFrom(stranger, userinfo_endpoint ?? "", bearer)).toBe("blocked");
  expect(await callFrom(stranger, token_endpoint ?? "", form)).toBe("blocked");
  await elsewhere.stop();
  await application.stop();
});
