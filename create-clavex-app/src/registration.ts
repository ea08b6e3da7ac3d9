import { ExitCode, Failure, quoted } from "./failure.ts";
import { fetchJson, Unreachable, type JsonAnswer } from "./http.ts";
import { unreachable, type IssuerMetadata } from "./issuer.ts";

export interface Registration {
  readonly clientId: string;
  readonly clientSecret: string;
  /** Where the registration is read, changed and deleted (RFC 7592), if the server offers that. */
  readonly management: { readonly address: string; readonly accessToken: string } | undefined;
}

export interface ClientRequest {
  readonly name: string;
  readonly redirectUri: string;
  readonly postLogoutRedirectUri: string;
}

/** Registers the application as a confidential client (RFC 7591, OpenID Connect Dynamic Client Registration 1.0). */
export async function register(metadata: IssuerMetadata, client: ClientRequest, signal: AbortSignal): Promise<Registration> {
  const answer = await fetchJson(metadata.registrationEndpoint, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      client_name: client.name,
      application_type: "web",
      redirect_uris: [client.redirectUri],
      post_logout_redirect_uris: [client.postLogoutRedirectUri],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "client_secret_basic",
      scope: "openid profile email offline_access",
    }),
    signal,
  }).catch((error: unknown) => {
    if (error instanceof Unreachable) throw unreachable(metadata.issuer, error.message);
    throw error;
  });
  if (answer.status !== 201 && answer.status !== 200) throw refused(metadata, answer);

  const registration = readRegistration(answer);
  const fault = faultOf(answer, registration, client);
  if (registration && !fault) return registration;
  if (registration) await deregister(registration);
  throw new Failure(ExitCode.registration, `${metadata.issuer} registered the application in a way it cannot use: ${fault ?? "credentials are missing"}.`, [
    "Register it in the console, run this again with --no-register, and fill in .env.local.",
  ]);
}

/**
 * Takes a registration back. Tells whether that worked; it is called when something else has
 * failed already, so it does not throw.
 */
export async function deregister(registration: Registration): Promise<boolean> {
  if (!registration.management) return false;
  const { address, accessToken } = registration.management;
  try {
    const answer = await fetchJson(address, {
      method: "DELETE",
      headers: { authorization: `Bearer ${accessToken}` },
      // Not the run's own signal: after Ctrl-C there is still this one thing to do.
      signal: AbortSignal.timeout(5000),
    });
    return answer.status === 204;
  } catch {
    return false;
  }
}

function refused(metadata: IssuerMetadata, { status, json }: JsonAnswer): Failure {
  const code = typeof json?.error === "string" ? quoted(json.error) : undefined;
  const description = typeof json?.error_description === "string" ? quoted(json.error_description) : undefined;
  const said = code ? `${code}${description ? `: ${description}` : ""}` : `it answered ${status}`;
  return new Failure(ExitCode.registration, `${metadata.issuer} did not register the application (${said}).`, [
    "Registration may be closed there. Ask its administrator for a client, or register one in the console,",
    "run this again with --no-register, and fill in .env.local.",
  ]);
}

function readRegistration({ json }: JsonAnswer): Registration | undefined {
  const text = (name: string): string | undefined => {
    const value = json?.[name];
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const clientId = text("client_id");
  if (!clientId) return undefined;
  const address = text("registration_client_uri");
  const accessToken = text("registration_access_token");
  return {
    clientId,
    clientSecret: text("client_secret") ?? "",
    management: address && accessToken && URL.canParse(address) ? { address, accessToken } : undefined,
  };
}

/** A server may change what was asked for (RFC 7591 section 3.2.1); not everything can be lived with. */
function faultOf({ json }: JsonAnswer, registration: Registration | undefined, client: ClientRequest): string | undefined {
  if (!json || !registration) return undefined;
  const method = json.token_endpoint_auth_method;
  if (method !== undefined && method !== "client_secret_basic") return `it must authenticate with ${quoted(JSON.stringify(method))}`;
  if (registration.clientSecret === "") return "it has no client secret";
  // RFC 6749 appendix A: identifier and secret are printable ASCII. Anything else would not survive a file of variables.
  const printable = /^[\x20-\x7e]+$/;
  if (!printable.test(registration.clientId) || !printable.test(registration.clientSecret)) return "its credentials hold unprintable characters";
  const redirects = json.redirect_uris;
  if (Array.isArray(redirects) && !redirects.includes(client.redirectUri)) return "its redirect URI was changed";
  return undefined;
}
