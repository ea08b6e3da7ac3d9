import { InvalidTokenError } from "@modelcontextprotocol/sdk/server/auth/errors.js";
import type { OAuthTokenVerifier } from "@modelcontextprotocol/sdk/server/auth/provider.js";
import type { AuthInfo } from "@modelcontextprotocol/sdk/server/auth/types.js";
import { createRemoteJWKSet, errors, jwtVerify } from "jose";
import type { Settings } from "./settings.js";

/** Whoever calls: an access token of ours that is good. */
export interface Caller extends AuthInfo {
  readonly subject: string;
}

/**
 * Verifies access tokens as RFC 9068 §4 says: signed by the issuer, typ at+jwt, not expired, and with this server as
 * audience. A token for another API is refused even though the same issuer made it.
 */
export class AccessTokens implements OAuthTokenVerifier {
  readonly #settings: Settings;
  #keys: Promise<ReturnType<typeof createRemoteJWKSet>> | undefined;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  async verifyAccessToken(token: string): Promise<Caller> {
    const { issuer, resource } = this.#settings;
    const keys = await this.#keySet();
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience: resource.href,
        typ: "at+jwt",
        algorithms: ["ES256"],
        requiredClaims: ["exp", "sub", "client_id"],
      });
      if (payload.cnf !== undefined) throw new InvalidTokenError("The access token is bound to a key, and this server takes bearer tokens only");
      return {
        token,
        subject: String(payload.sub),
        clientId: String(payload.client_id),
        scopes: typeof payload.scope === "string" ? payload.scope.split(" ") : [],
        expiresAt: Number(payload.exp),
        resource,
      };
    } catch (error) {
      // Why stays here: whoever found a token learns nothing about it. That keys cannot be had is not the token's fault.
      if (error instanceof errors.JOSEError && !(error instanceof errors.JWKSTimeout)) throw new InvalidTokenError("The access token is not valid for this server");
      throw error;
    }
  }

  /** Looks the issuer's keys up, once; a failure is tried again with the next request. */
  #keySet(): Promise<ReturnType<typeof createRemoteJWKSet>> {
    this.#keys ??= discover(this.#settings.issuer).catch((error: unknown) => {
      this.#keys = undefined;
      throw error;
    });
    return this.#keys;
  }
}

/** Reads the issuer's metadata (RFC 8414 §3.1: the well-known part stands between host and path). */
async function discover(issuer: string): Promise<ReturnType<typeof createRemoteJWKSet>> {
  const { origin, pathname } = new URL(issuer);
  const response = await fetch(`${origin}/.well-known/oauth-authorization-server${pathname}`);
  if (!response.ok) throw new Error(`${issuer} has no metadata: status ${response.status}`);
  const metadata = (await response.json()) as { issuer?: unknown; jwks_uri?: unknown };
  if (metadata.issuer !== issuer || typeof metadata.jwks_uri !== "string") throw new Error(`The metadata of ${issuer} is of ${String(metadata.issuer)}`);
  return createRemoteJWKSet(new URL(metadata.jwks_uri));
}
