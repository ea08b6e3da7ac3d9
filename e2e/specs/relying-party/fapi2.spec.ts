import * as oauth from "oauth4webapi";
import * as client from "openid-client";
import { allow, openBank, signingKey } from "../../fixtures/bank.ts";
import { CallbackServer } from "../../fixtures/callback-server.ts";
import { expect, test } from "../../fixtures/test.ts";

let callback: CallbackServer;

test.beforeEach(async () => {
  callback = await CallbackServer.start();
});

test.afterEach(() => callback.stop());

/** Repeats a request whose proof had no nonce; which nonce it wants, the library has read. */
async function withNonce<T>(request: () => Promise<Response>, read: (response: Response) => Promise<T>): Promise<T> {
  try {
    return await read(await request());
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error;
    return read(await request());
  }
}

test("openid-client runs FAPI 2.0 with private_key_jwt, pushed requests and DPoP", async ({ browser, console }) => {
  const bank = await openBank(console);
  const { key, kid, jwks } = await signingKey();
  const clientId = await bank.register({ client_name: "Payments", token_endpoint_auth_method: "private_key_jwt", jwks, dpop_bound_access_tokens: true, redirect_uris: [callback.redirectUri] });
  const configuration = await client.discovery(new URL(bank.issuer), clientId, { id_token_signed_response_alg: "ES256" }, client.PrivateKeyJwt({ key, kid }), {
    // eslint-disable-next-line @typescript-eslint/no-deprecated
    execute: [client.allowInsecureRequests],
  });
  const DPoP = client.getDPoPHandle(configuration, await client.randomDPoPKeyPair("ES256"));
  const [state, nonce, verifier] = [client.randomState(), client.randomNonce(), client.randomPKCECodeVerifier()];
  const parameters = { redirect_uri: callback.redirectUri, scope: "openid profile offline_access", state, nonce, code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256" };
  const address = await client.buildAuthorizationUrlWithPAR(configuration, parameters, { DPoP });
  const answer = await allow(browser, bank, callback, address.href);
  const tokens = await client.authorizationCodeGrant(configuration, answer, { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: verifier, idTokenExpected: true }, undefined, { DPoP });
  expect(tokens.token_type).toBe("dpop");
  const subject = tokens.claims()?.sub ?? "";
  expect(await client.fetchUserInfo(configuration, tokens.access_token, subject, { DPoP })).toMatchObject({ sub: subject });
  await expect(client.fetchUserInfo(configuration, tokens.access_token, subject)).rejects.toThrow();

  const refreshToken = tokens.refresh_token ?? "";
  const renewed = await client.refreshTokenGrant(configuration, refreshToken, undefined, { DPoP });
  expect(renewed.access_token).not.toBe(tokens.access_token);
  const again = await client.refreshTokenGrant(configuration, refreshToken, undefined, { DPoP }); // FAPI 2.0: it stays
  const thumbprint = await DPoP.calculateThumbprint();
  expect(await client.tokenIntrospection(configuration, again.access_token)).toMatchObject({ active: true, sub: subject, cnf: { jkt: thumbprint }, token_type: "DPoP" });
  await client.tokenRevocation(configuration, refreshToken);
  expect(await client.tokenIntrospection(configuration, again.access_token)).toEqual({ active: false });
});

test("openid-client signs its requests and reads signed answers (FAPI 2.0 Message Signing)", async ({ browser, console }) => {
  const bank = await openBank(console);
  const { key, kid, jwks } = await signingKey();
  const clientId = await bank.register({
    client_name: "Payments",
    profile: "fapi2-message-signing",
    token_endpoint_auth_method: "private_key_jwt",
    jwks,
    dpop_bound_access_tokens: true,
    redirect_uris: [callback.redirectUri],
  });
  const metadata = { id_token_signed_response_alg: "ES256", authorization_signed_response_alg: "ES256" };
  const configuration = await client.discovery(new URL(bank.issuer), clientId, metadata, client.PrivateKeyJwt({ key, kid }), {
    // eslint-disable-next-line @typescript-eslint/no-deprecated
    execute: [client.allowInsecureRequests, client.useJwtResponseMode],
  });
  const DPoP = client.getDPoPHandle(configuration, await client.randomDPoPKeyPair("ES256"));
  const [state, nonce, verifier] = [client.randomState(), client.randomNonce(), client.randomPKCECodeVerifier()];
  const parameters = { redirect_uri: callback.redirectUri, scope: "openid", state, nonce, code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256" };
  const signed = await client.buildAuthorizationUrlWithJAR(configuration, parameters, { key, kid });
  const address = await client.buildAuthorizationUrlWithPAR(configuration, signed.searchParams, { DPoP });
  const answer = await allow(browser, bank, callback, address.href);
  expect([...answer.searchParams.keys()]).toEqual(["response"]);
  const tokens = await client.authorizationCodeGrant(configuration, answer, { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: verifier, idTokenExpected: true }, undefined, { DPoP });
  expect(tokens.token_type).toBe("dpop");
});

test("oauth4webapi runs FAPI 2.0 with private_key_jwt, pushed requests and DPoP", async ({ browser, console }) => {
  const bank = await openBank(console);
  const { key, kid, jwks } = await signingKey();
  const clientId = await bank.register({ client_name: "Payments", token_endpoint_auth_method: "private_key_jwt", jwks, dpop_bound_access_tokens: true, redirect_uris: [callback.redirectUri] });
  // eslint-disable-next-line @typescript-eslint/no-deprecated
  const onThisMachine = { [oauth.allowInsecureRequests]: true };
  const issuer = new URL(bank.issuer);
  const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, onThisMachine));
  const application: oauth.Client = { client_id: clientId, id_token_signed_response_alg: "ES256" };
  const authentication = oauth.PrivateKeyJwt({ key, kid });
  const pair = await oauth.generateKeyPair("ES256");
  const DPoP = oauth.DPoP(application, pair);
  const [state, nonce, verifier] = [oauth.generateRandomState(), oauth.generateRandomNonce(), oauth.generateRandomCodeVerifier()];
  const parameters = new URLSearchParams({
    response_type: "code",
    redirect_uri: callback.redirectUri,
    scope: "openid profile offline_access",
    state,
    nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
  });
  const options = { DPoP, ...onThisMachine };
  const pushed = await withNonce(
    () => oauth.pushedAuthorizationRequest(server, application, authentication, parameters, options),
    (response) => oauth.processPushedAuthorizationResponse(server, application, response),
  );
  const address = new URL(server.authorization_endpoint ?? "");
  address.search = new URLSearchParams({ client_id: clientId, request_uri: pushed.request_uri }).toString();
  const answer = oauth.validateAuthResponse(server, application, await allow(browser, bank, callback, address.href), state);
  const tokens = await withNonce(
    () => oauth.authorizationCodeGrantRequest(server, application, authentication, answer, callback.redirectUri, verifier, options),
    (response) => oauth.processAuthorizationCodeResponse(server, application, response, { expectedNonce: nonce, requireIdToken: true }),
  );
  expect(tokens.token_type).toBe("dpop");
  const subject = oauth.getValidatedIdTokenClaims(tokens)?.sub ?? "";
  const userinfo = await withNonce(
    () => oauth.userInfoRequest(server, application, tokens.access_token, options),
    (response) => oauth.processUserInfoResponse(server, application, subject, response),
  );
  expect(userinfo.sub).toBe(subject);
  const renewed = await withNonce(
    () => oauth.refreshTokenGrantRequest(server, application, authentication, tokens.refresh_token ?? "", options),
    (response) => oauth.processRefreshTokenResponse(server, application, response),
  );
  const asked = await oauth.introspectionRequest(server, application, authentication, renewed.access_token, onThisMachine);
  expect(await oauth.processIntrospectionResponse(server, application, asked)).toMatchObject({ active: true, sub: subject, cnf: { jkt: await DPoP.calculateThumbprint() } });
});
