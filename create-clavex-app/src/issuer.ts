import { ExitCode, Failure, quoted } from "./failure.ts";
import { fetchJson, Unreachable } from "./http.ts";

/** What of the identity server's metadata matters here (OpenID Connect Discovery 1.0, section 3). */
export interface IssuerMetadata {
  /** Exactly as the server states it: relying parties compare it character by character. */
  readonly issuer: string;
  readonly registrationEndpoint: string;
}

const WELL_KNOWN = "/.well-known/openid-configuration";

/** Accepts an issuer as a person types it: with or without a trailing slash, even the discovery address. */
export function parseIssuer(typed: string): string {
  const text = typed.trim();
  const wrong = (why: string) => new Failure(ExitCode.usage, `“${quoted(text)}” cannot be an issuer: ${why}.`, ["Example: --issuer http://localhost:8080/demo"]);
  if (!URL.canParse(text)) throw wrong("it is no address");
  const url = new URL(text);
  if (url.username !== "" || url.password !== "") throw wrong("it holds a user name or password");
  if (!isSecure(url)) throw wrong("it must begin with https (plain http only for localhost)");
  if (url.search !== "" || url.hash !== "") throw wrong("an issuer has no query and no fragment");
  const path = url.pathname.endsWith(WELL_KNOWN) ? url.pathname.slice(0, -WELL_KNOWN.length) : url.pathname;
  return url.origin + path.replace(/\/+$/, "");
}

/** Reads the metadata of an issuer and makes sure that it is that issuer's. */
export async function discover(issuer: string, signal: AbortSignal): Promise<IssuerMetadata> {
  const address = issuer + WELL_KNOWN;
  const answer = await fetchJson(address, { signal }).catch((error: unknown) => {
    if (error instanceof Unreachable) throw unreachable(issuer, error.message);
    throw error;
  });
  const elsewhere = "Is the address right? An organization's issuer looks like http://localhost:8080/demo.";
  if (answer.status !== 200 || !answer.json) {
    throw new Failure(ExitCode.issuer, `There is no OpenID Provider at ${issuer}: ${address} answered ${answer.status}.`, [elsewhere]);
  }
  const stated = answer.json.issuer;
  if (typeof stated !== "string" || (stated !== issuer && stated !== `${issuer}/`)) {
    const name = typeof stated === "string" ? `calls itself ${quoted(stated)}` : "does not say who it is";
    throw new Failure(ExitCode.issuer, `The server at ${issuer} ${name}.`, ["Give --issuer exactly as the server states it."]);
  }
  const endpoint = answer.json.registration_endpoint;
  if (typeof endpoint !== "string" || !URL.canParse(endpoint) || !isSecure(new URL(endpoint))) {
    throw new Failure(ExitCode.issuer, `${issuer} does not let applications register themselves.`, [
      "Ask its administrator for a client identifier and a secret, run this again with --no-register, and fill in .env.local.",
    ]);
  }
  return { issuer: stated, registrationEndpoint: endpoint };
}

/** https, or http that does not leave this machine. */
function isSecure(url: URL): boolean {
  const isLoopback = ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
  return url.protocol === "https:" || (url.protocol === "http:" && isLoopback);
}

export function unreachable(issuer: string, why: string): Failure {
  return new Failure(ExitCode.issuer, `The identity server does not answer at ${issuer} (${quoted(why)}).`, [
    "Start it with “make run” in the Clavex repository, and run this again.",
    "Or name another one with --issuer https://….",
    "Or make the application without a server, with --no-register, and fill in .env.local later.",
  ]);
}
