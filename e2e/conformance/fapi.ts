import { execFile } from "node:child_process";
import { createPublicKey, generateKeyPairSync, type JsonWebKey } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { type Browser, request } from "@playwright/test";
import { demo } from "../fixtures/environment.ts";
import { Administrator } from "./administrator.ts";
import { demandedContext } from "./approvals.ts";
import { isBackchannel, type Plan } from "./plans.ts";
import type { Provider } from "./provider.ts";

const openssl = promisify(execFile);

/** A certificate with its private key, and who issued it, in PEM. */
interface Identity {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/** An authority made for this run, whose certificates the clients of one plan show. */
let authority: Promise<{ folder: string; pem: string }> | undefined;

async function makeAuthority(): Promise<{ folder: string; pem: string }> {
  const folder = await mkdtemp(path.join(tmpdir(), "clavex-conformance-"));
  process.once("exit", () => void rm(folder, { recursive: true, force: true }));
  await openssl("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/O=Clavex conformance/CN=Authority", "-addext", "basicConstraints=critical,CA:TRUE", "-keyout", path.join(folder, "ca.key"), "-out", path.join(folder, "ca.pem")]);
  return { folder, pem: await readFile(path.join(folder, "ca.pem"), "utf8") };
}

const theAuthority = (): Promise<{ folder: string; pem: string }> => (authority ??= makeAuthority());

/** A certificate of the authority for a client. */
async function identity(name: string): Promise<Identity> {
  const { folder, pem } = await theAuthority();
  const file = (kind: string): string => path.join(folder, `${name}.${kind}`);
  await openssl("openssl", ["req", "-newkey", "rsa:2048", "-nodes", "-subj", `/O=Clavex conformance/CN=${name}`, "-keyout", file("key"), "-out", file("csr")]);
  await writeFile(file("ext"), "basicConstraints=CA:FALSE\nextendedKeyUsage=clientAuth\n");
  await openssl("openssl", ["x509", "-req", "-in", file("csr"), "-CA", path.join(folder, "ca.pem"), "-CAkey", path.join(folder, "ca.key"), "-CAcreateserial", "-days", "2", "-extfile", file("ext"), "-out", file("crt")]);
  return { cert: await readFile(file("crt"), "utf8"), key: await readFile(file("key"), "utf8"), ca: pem };
}

function profileOf(plan: Plan): string {
  if (isBackchannel(plan)) return "fapi-ciba";
  return plan.name.startsWith("fapi2-message-signing") ? "fapi2-message-signing" : "fapi2-security";
}

/** What the organization demands of the plan's clients. */
export async function fapiPolicies(plan: Plan): Promise<Readonly<Record<string, unknown>>> {
  return {
    profile: profileOf(plan),
    client_certificate_authorities: (await theAuthority()).pem,
  };
}

/** A key of one of the two kinds: with an RSA key the suite also tries RS256, which has to be refused. */
function signingKey(name: string, algorithm: "PS256" | "ES256"): { secret: JsonWebKey; shown: JsonWebKey } {
  const pair = algorithm === "PS256" ? generateKeyPairSync("rsa", { modulusLength: 2048 }) : generateKeyPairSync("ec", { namedCurve: "P-256" });
  const named = { kid: name, alg: algorithm, use: "sig" };
  return { secret: { ...pair.privateKey.export({ format: "jwk" }), ...named }, shown: { ...pair.publicKey.export({ format: "jwk" }), ...named } };
}

interface Made {
  readonly client: object;
  readonly mtls: Identity;
}

/** How the plan's clients come by tokens, and where they hear of it. */
function grants(plan: Plan, callback: string, algorithm: string): object {
  if (isBackchannel(plan)) {
    return {
      grant_types: ["urn:openid:params:grant-type:ciba", "refresh_token"],
      response_types: [],
      backchannel_token_delivery_mode: plan.variant.ciba_mode,
      backchannel_authentication_request_signing_alg: algorithm,
      ...(plan.variant.ciba_mode === "ping" ? { backchannel_client_notification_endpoint: callback } : {}),
    };
  }
  if (isService(plan)) return { grant_types: ["client_credentials"] };
  return { grant_types: ["authorization_code", "refresh_token"], redirect_uris: [callback, `${callback}?dummy1=lorem&dummy2=ipsum`] };
}

function isService(plan: Plan): boolean {
  return plan.variant.fapi_profile === "fapi_client_credentials_grant";
}

/** Registers a client as the plan wants it, and returns what the suite has to know of it. */
async function register(administrator: Administrator, provider: Provider, callback: string, plan: Plan, scope: string, position: 1 | 2): Promise<Made> {
  const { client_auth_type, sender_constrain } = plan.variant;
  const clientId = `fapi-client-${position}`;
  const algorithm = position === 1 ? "PS256" : "ES256";
  const { secret, shown } = signingKey(clientId, algorithm);
  const name = `${clientId}-${Date.now()}`;
  const mtls = await identity(name);
  // One client by its name in the certificate, the other by its key: both methods of RFC 8705 are judged.
  const byName = position === 1;
  const certified = { ...createPublicKey(mtls.cert).export({ format: "jwk" }), kid: `${clientId}-tls` };
  const authentication =
    client_auth_type === "mtls"
      ? byName
        ? { token_endpoint_auth_method: "tls_client_auth", tls_client_auth_subject_dn: `CN=${name},O=Clavex conformance` }
        : { token_endpoint_auth_method: "self_signed_tls_client_auth" }
      : { token_endpoint_auth_method: "private_key_jwt", token_endpoint_auth_signing_alg: algorithm };
  await administrator.make(provider.administered("clients"), {
    client_id: clientId,
    client_name: `Application ${position}`,
    ...grants(plan, callback, algorithm),
    // More than it asks for: the claims that a request names have to be among those that the client may know.
    scopes: [...scope.split(" "), ...(scope.includes("openid") ? ["address", "phone"] : [])],
    jwks: { keys: client_auth_type === "mtls" && !byName ? [shown, certified] : [shown] },
    id_token_signed_response_alg: "ES256",
    authorization_signed_response_alg: "ES256",
    ...(sender_constrain === "dpop" ? { dpop_bound_access_tokens: true } : { tls_client_certificate_bound_access_tokens: true }),
    ...authentication,
  });
  const hint = isBackchannel(plan) ? { hint_type: "login_hint", hint_value: demo.ada.username, acr_value: demandedContext } : { dpop_signing_alg: "ES256" };
  return { client: { client_id: clientId, scope, jwks: { keys: [secret] }, ...hint }, mtls };
}

/** Registers the two clients of a plan and returns what the plan has to know of them. */
export async function fapiClients(browser: Browser, base: string, provider: Provider, suite: string, plan: Plan): Promise<object> {
  // Another one in each run: what an earlier run left behind may still be told of its end.
  const alias = new URL(provider.issuer).pathname.slice(1);
  const callback = `${suite}/test/a/${alias}/${isBackchannel(plan) ? "ciba-notification-endpoint" : "callback"}`;
  const openid = plan.variant.openid === "openid_connect" || isBackchannel(plan);
  const scope = isService(plan) ? "admin:read" : openid ? "openid profile email offline_access" : "admin:read offline_access";
  const administrator = await Administrator.signIn(browser, base);
  try {
    const first = await register(administrator, provider, callback, plan, scope, 1);
    const second = await register(administrator, provider, callback, plan, scope, 2);
    const resource = plan.variant.sender_constrain === "dpop" ? base : await mutualBase(provider);
    return {
      alias,
      client: first.client,
      client2: second.client,
      mtls: first.mtls,
      mtls2: second.mtls,
      // Who signs people in shows their claims; who does not shows that the Admin API knows them.
      resource: { resourceUrl: openid ? `${resource}${new URL(provider.issuer).pathname}/userinfo` : `${resource}/api/v1/me` },
    };
  } finally {
    await administrator.close();
  }
}

/** Where clients show their TLS certificate. */
async function mutualBase(provider: Provider): Promise<string> {
  const http = await request.newContext({ ignoreHTTPSErrors: true });
  try {
    const metadata = (await (await http.get(`${provider.issuer}/.well-known/openid-configuration`)).json()) as { mtls_endpoint_aliases?: { token_endpoint: string } };
    if (metadata.mtls_endpoint_aliases === undefined) throw new Error(`${provider.issuer} has no address for clients with TLS certificates`);
    return new URL(metadata.mtls_endpoint_aliases.token_endpoint).origin;
  } finally {
    await http.dispose();
  }
}
