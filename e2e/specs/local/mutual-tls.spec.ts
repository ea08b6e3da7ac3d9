import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Browser } from "@playwright/test";
import * as oauth from "oauth4webapi";
import * as client from "openid-client";
import { allow, openBank, type Bank } from "../../fixtures/bank.ts";
import { CallbackServer } from "../../fixtures/callback-server.ts";
import { CertificateAuthority } from "../../fixtures/certificate-authority.ts";
import { baseUrl } from "../../fixtures/environment.ts";
import { connection, registered, type Certificate, type Connection } from "../../fixtures/mutual-tls.ts";
import { asTyped, freePort, Subprocess } from "../../fixtures/subprocess.ts";
import { expect, test } from "../../fixtures/test.ts";

// The authority is the one that `clavex dev --tls` made for this run.
test.use({ ignoreHTTPSErrors: true });

let folder: string;
let running: Subprocess;
let usual: string;
let callback: CallbackServer;
/** Who vouches for the server, and the server's own certificate. */
let authority: string;
let ofServer: Certificate;

test.beforeAll(async () => {
  test.setTimeout(600_000);
  folder = await mkdtemp(path.join(tmpdir(), "clavex-e2e-mtls-"));
  await chmod(folder, 0o755);
  const [port, data] = [await freePort(), path.join(folder, "data")];
  usual = baseUrl();
  callback = await CallbackServer.start();
  running = new Subprocess(process.env.CLAVEX_E2E_BINARY ?? "", ["dev", "--tls", "--port", String(port), "--data-dir", data], {
    name: "clavex dev --tls",
    cwd: folder,
    env: asTyped({ CLAVEX_METRICS_LISTEN: "off" }),
  });
  await running.says("Ctrl-C stops everything", 180);
  process.env.CLAVEX_E2E_BASE_URL = `https://localhost:${port}`;
  const file = (name: string) => readFile(path.join(data, name), "utf8");
  authority = await file("tls-authority.pem");
  ofServer = { cert: await file("tls-certificate.pem"), key: await file("tls-key.pem") };
});

test.afterAll(async () => {
  process.env.CLAVEX_E2E_BASE_URL = usual;
  await callback.stop();
  await running.stop("SIGINT", 60);
  await rm(folder, { recursive: true, force: true });
});

const metadata = { id_token_signed_response_alg: "ES256", use_mtls_endpoint_aliases: true };

/** The application as openid-client runs it, over connections with a certificate. */
async function configured(bank: Bank, clientId: string, over: Connection): Promise<client.Configuration> {
  const configuration = await client.discovery(new URL(bank.issuer), clientId, metadata, client.TlsClientAuth(), { [client.customFetch]: over.fetch });
  configuration[client.customFetch] = over.fetch;
  return configuration;
}

async function parameters(verifier: string, state = client.randomState(), nonce = client.randomNonce()): Promise<Record<"state" | "nonce", string> & Record<string, string>> {
  return { redirect_uri: callback.redirectUri, scope: "openid profile offline_access", state, nonce, code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256" };
}

/** Signs the bank's customer in by FAPI 2.0; returns the tokens and whose they are. */
async function signIn(browser: Browser, bank: Bank, configuration: client.Configuration): Promise<{ tokens: client.TokenEndpointResponse; subject: string }> {
  const verifier = client.randomPKCECodeVerifier();
  const asked = await parameters(verifier);
  const address = await client.buildAuthorizationUrlWithPAR(configuration, asked);
  const answer = await allow(browser, bank, callback, address.href);
  const tokens = await client.authorizationCodeGrant(configuration, answer, { expectedState: asked.state, expectedNonce: asked.nonce, pkceCodeVerifier: verifier, idTokenExpected: true });
  return { tokens, subject: tokens.claims()?.sub ?? "" };
}

test("openid-client and oauth4webapi run FAPI 2.0 with a TLS certificate that proves the client and binds its tokens", async ({ browser, console }) => {
  test.slow();
  // The server's own certificate will do for the application: what counts is the key that it registers.
  const { jwks, thumbprint } = registered(ofServer);
  const own = connection(authority, ofServer);
  const bank = await openBank(console);
  const clientId = await bank.register({
    client_name: "Payments",
    token_endpoint_auth_method: "self_signed_tls_client_auth",
    jwks,
    tls_client_certificate_bound_access_tokens: true,
    redirect_uris: [callback.redirectUri],
  });
  const configuration = await configured(bank, clientId, own);
  const { tokens, subject } = await signIn(browser, bank, configuration);
  expect(await client.fetchUserInfo(configuration, tokens.access_token, subject)).toMatchObject({ sub: subject });
  const renewed = await client.refreshTokenGrant(configuration, tokens.refresh_token ?? "");
  expect(await client.tokenIntrospection(configuration, renewed.access_token)).toMatchObject({ active: true, sub: subject, cnf: { "x5t#S256": thumbprint } });

  // What is bound is worth nothing to another certificate, whoever asks.
  const stolen = await connection(authority).fetch(configuration.serverMetadata().mtls_endpoint_aliases?.userinfo_endpoint ?? "", { headers: { authorization: `Bearer ${renewed.access_token}` } });
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
});

test("openid-client runs FAPI 2.0 with a certificate of the bank's own authority, and no other certificate will do", async ({ browser, console }) => {
  test.slow();
  const issued = new CertificateAuthority("Bank");
  const certificate = issued.issue("payments");
  const bank = await openBank(console, { client_certificate_authorities: issued.certificate });
  const clientId = await bank.register({
    client_name: "Payments",
    token_endpoint_auth_method: "tls_client_auth",
    tls_client_auth_subject_dn: "CN=payments,O=Bank",
    tls_client_certificate_bound_access_tokens: true,
    redirect_uris: [callback.redirectUri],
  });
  const configuration = await configured(bank, clientId, connection(authority, certificate));
  const { tokens, subject } = await signIn(browser, bank, configuration);
  expect(await client.fetchUserInfo(configuration, tokens.access_token, subject)).toMatchObject({ sub: subject });
  // A renewed certificate of the same name proves the client, and its new tokens are bound to that one.
  const next = issued.issue("payments");
  const renewing = await configured(bank, clientId, connection(authority, next));
  const renewed = await client.refreshTokenGrant(renewing, tokens.refresh_token ?? "");
  expect(await client.tokenIntrospection(renewing, renewed.access_token)).toMatchObject({ active: true, cnf: { "x5t#S256": registered(next).thumbprint } });
  await expect(client.fetchUserInfo(configuration, renewed.access_token, subject)).rejects.toThrow();

  const strangers: Record<string, Connection> = {
    "of another authority with the same name": connection(authority, new CertificateAuthority("Bank").issue("payments")),
    "of another subject": connection(authority, issued.issue("ledger")),
    "of the server": connection(authority, ofServer),
    none: connection(authority),
  };
  for (const [which, over] of Object.entries(strangers)) {
    const stranger = await configured(bank, clientId, over);
    const refused = { status: 401 };
    await expect(client.buildAuthorizationUrlWithPAR(stranger, await parameters(client.randomPKCECodeVerifier())), `pushed request: ${which}`).rejects.toMatchObject(refused);
    await expect(client.refreshTokenGrant(stranger, tokens.refresh_token ?? ""), `refresh: ${which}`).rejects.toMatchObject(refused);
  }
});
