import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import * as oauth from "oauth4webapi";
import * as client from "openid-client";
import { allow, openBank } from "../../fixtures/bank.ts";
import { CallbackServer } from "../../fixtures/callback-server.ts";
import { baseUrl } from "../../fixtures/environment.ts";
import { connection, registered } from "../../fixtures/mutual-tls.ts";
import { asTyped, freePort, Subprocess } from "../../fixtures/subprocess.ts";
import { expect, test } from "../../fixtures/test.ts";

// The authority is the one that `clavex dev --tls` made for this run.
test.use({ ignoreHTTPSErrors: true });

test("openid-client and oauth4webapi run FAPI 2.0 with a TLS certificate that proves the client and binds its tokens", async ({ browser, console }) => {
  test.setTimeout(240_000);
  const folder = await mkdtemp(path.join(tmpdir(), "clavex-e2e-mtls-"));
  await chmod(folder, 0o755);
  const [port, data, usual] = [await freePort(), path.join(folder, "data"), baseUrl()];
  const callback = await CallbackServer.start();
  const running = new Subprocess(process.env.CLAVEX_E2E_BINARY ?? "", ["dev", "--tls", "--port", String(port), "--data-dir", data], {
    name: "clavex dev --tls",
    cwd: folder,
    env: asTyped({ CLAVEX_METRICS_LISTEN: "off" }),
  });
  try {
    await running.says("Ctrl-C stops everything", 180);
    process.env.CLAVEX_E2E_BASE_URL = `https://localhost:${port}`;
    const [authority, cert, key] = await Promise.all(["tls-authority.pem", "tls-certificate.pem", "tls-key.pem"].map((name) => readFile(path.join(data, name), "utf8")));
    // The server's own certificate will do for the application: what counts is the key that it registers.
    const certificate = { cert: cert ?? "", key: key ?? "" };
    const { jwks, thumbprint } = registered(certificate);
    const own = connection(authority ?? "", certificate);
    const bank = await openBank(console);
    const clientId = await bank.register({
      client_name: "Payments",
      token_endpoint_auth_method: "self_signed_tls_client_auth",
      jwks,
      tls_client_certificate_bound_access_tokens: true,
      redirect_uris: [callback.redirectUri],
    });

    const metadata = { id_token_signed_response_alg: "ES256", use_mtls_endpoint_aliases: true };
    const configuration = await client.discovery(new URL(bank.issuer), clientId, metadata, client.TlsClientAuth(), { [client.customFetch]: own.fetch });
    configuration[client.customFetch] = own.fetch;
    const [state, nonce, verifier] = [client.randomState(), client.randomNonce(), client.randomPKCECodeVerifier()];
    const parameters = { redirect_uri: callback.redirectUri, scope: "openid profile offline_access", state, nonce, code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256" };
    const address = await client.buildAuthorizationUrlWithPAR(configuration, parameters);
    const answer = await allow(browser, bank, callback, address.href);
    const tokens = await client.authorizationCodeGrant(configuration, answer, { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: verifier, idTokenExpected: true });
    const subject = tokens.claims()?.sub ?? "";
    expect(await client.fetchUserInfo(configuration, tokens.access_token, subject)).toMatchObject({ sub: subject });
    const renewed = await client.refreshTokenGrant(configuration, tokens.refresh_token ?? "");
    expect(await client.tokenIntrospection(configuration, renewed.access_token)).toMatchObject({ active: true, sub: subject, cnf: { "x5t#S256": thumbprint } });

    // What is bound is worth nothing to another certificate, whoever asks.
    const stolen = await connection(authority ?? "").fetch(configuration.serverMetadata().mtls_endpoint_aliases?.userinfo_endpoint ?? "", { headers: { authorization: `Bearer ${renewed.access_token}` } });
    expect(stolen.status).toBe(401);

    const issuer = new URL(bank.issuer);
    const options = { [oauth.customFetch]: own.fetch };
    const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, options));
    const application: oauth.Client = { client_id: clientId, ...metadata };
    const asked = await oauth.refreshTokenGrantRequest(server, application, oauth.TlsClientAuth(), tokens.refresh_token ?? "", options);
    const again = await oauth.processRefreshTokenResponse(server, application, asked);
    const known = await oauth.userInfoRequest(server, application, again.access_token, options);
    expect(await oauth.processUserInfoResponse(server, application, subject, known)).toMatchObject({ sub: subject });
    const judged = await oauth.introspectionRequest(server, application, oauth.TlsClientAuth(), again.access_token, options);
    expect(await oauth.processIntrospectionResponse(server, application, judged)).toMatchObject({ active: true, cnf: { "x5t#S256": thumbprint } });
  } finally {
    process.env.CLAVEX_E2E_BASE_URL = usual;
    await callback.stop();
    await running.stop("SIGINT", 60);
    await rm(folder, { recursive: true, force: true });
  }
});
