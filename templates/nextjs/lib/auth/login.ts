import * as client from "openid-client";
import type { Settings } from "@/lib/settings";
import { LOGIN_LIFETIME, SESSION_LIFETIME } from "./cookies";
import { issuerConfiguration } from "./issuer";
import type { RenewalOutcome } from "./renewal";
import { safeReturnTo } from "./return-to";
import { seal, unseal } from "./sealed";
import type { Session, Tokens } from "./session-store";

const SCOPE = "openid profile email offline_access";
/** What is assumed when the server does not say how long an access token lives, in seconds. */
const ASSUMED_LIFETIME = 300;

/** What has to be remembered while the person is at the identity server. */
export interface LoginTransaction {
  readonly state: string;
  readonly nonce: string;
  readonly codeVerifier: string;
  readonly returnTo: string;
}

export const redirectUri = (settings: Settings): string => `${settings.appUrl}/api/auth/callback`;

/** Begins a sign-in: the address to send the browser to, and what to remember, sealed for a cookie. */
export async function beginLogin(settings: Settings, wanted: string | null): Promise<{ url: URL; state: string; sealed: string }> {
  const configuration = await issuerConfiguration(settings);
  const transaction: LoginTransaction = {
    state: client.randomState(),
    nonce: client.randomNonce(),
    codeVerifier: client.randomPKCECodeVerifier(),
    returnTo: safeReturnTo(wanted, settings.appUrl),
  };
  const url = client.buildAuthorizationUrl(configuration, {
    redirect_uri: redirectUri(settings),
    scope: SCOPE,
    state: transaction.state,
    nonce: transaction.nonce,
    code_challenge: await client.calculatePKCECodeChallenge(transaction.codeVerifier),
    code_challenge_method: "S256",
    // OpenID Connect Core 11: offline access needs the person's consent, asked for explicitly.
    prompt: "consent",
  });
  return { url, state: transaction.state, sealed: await seal("login", { ...transaction }, settings.sessionSecret, LOGIN_LIFETIME) };
}

/** Opens the transaction that `beginLogin` sealed. */
export async function openTransaction(settings: Settings, sealed: string | undefined): Promise<LoginTransaction | undefined> {
  if (!sealed) return undefined;
  return (await unseal("login", sealed, settings.sessionSecret)) as LoginTransaction | undefined;
}

/**
 * Redeems the code. openid-client checks state, `iss` (RFC 9207), PKCE, nonce and the ID
 * token with its signature; what the person is called comes from the userinfo endpoint.
 */
export async function completeLogin(settings: Settings, transaction: LoginTransaction, query: string): Promise<Session> {
  const configuration = await issuerConfiguration(settings);
  // The address the server was told, not the one this request claims to have come to.
  const url = new URL(redirectUri(settings));
  url.search = query;
  const response = await client.authorizationCodeGrant(configuration, url, {
    expectedState: transaction.state,
    expectedNonce: transaction.nonce,
    pkceCodeVerifier: transaction.codeVerifier,
    idTokenExpected: true,
  });
  const idClaims = response.claims();
  if (!idClaims || !response.id_token) throw new Error("the token response holds no ID token");
  const now = Date.now();
  const tokens = tokensOf(response, response.id_token, now);
  const userinfo = configuration.serverMetadata().userinfo_endpoint
    ? await client.fetchUserInfo(configuration, tokens.accessToken, idClaims.sub)
    : {};
  return {
    kind: "active",
    claims: { ...userinfo, ...idClaims },
    tokens,
    startedAt: now,
    endsAt: now + SESSION_LIFETIME * 1000,
    renewals: 0,
  };
}

/** Refreshes the tokens of a session (RFC 6749 section 6, OpenID Connect Core section 12). */
export async function renewTokens(settings: Settings, session: Session): Promise<RenewalOutcome> {
  const { refreshToken } = session.tokens;
  if (!refreshToken) return { kind: "rejected" };
  try {
    const configuration = await issuerConfiguration(settings);
    const response = await client.refreshTokenGrant(configuration, refreshToken);
    const idClaims = response.claims();
    // OpenID Connect Core 12.2: a refresh speaks of the same person, always.
    if (idClaims && idClaims.sub !== session.claims.sub) return { kind: "rejected" };
    const fresh = tokensOf(response, response.id_token ?? session.tokens.idToken, Date.now());
    return {
      kind: "renewed",
      renewed: {
        tokens: fresh.refreshToken ? fresh : { ...fresh, refreshToken },
        claims: { ...session.claims, ...idClaims },
      },
    };
  } catch (error) {
    // An answer with an OAuth error (invalid_grant, or invalid_client as a challenge) is final,
    // except when the server asks for patience. Everything else, a dead network above all, may pass.
    const answered = error instanceof client.ResponseBodyError || error instanceof client.WWWAuthenticateChallengeError;
    const isFinal = answered && error.status < 500 && error.status !== 429;
    console.error(`token refresh failed: ${describe(error)}`);
    return { kind: isFinal ? "rejected" : "unreachable" };
  }
}

/** Where the browser goes to be signed out at the identity server too; `undefined` when it has no such place. */
export async function endSessionUrl(settings: Settings, session: Session | undefined): Promise<URL | undefined> {
  const configuration = await issuerConfiguration(settings);
  if (!configuration.serverMetadata().end_session_endpoint) return undefined;
  return client.buildEndSessionUrl(configuration, {
    post_logout_redirect_uri: `${settings.appUrl}/`,
    state: "signed-out",
    ...(session ? { id_token_hint: session.tokens.idToken } : {}),
  });
}

/** Tells the server to forget the refresh token (RFC 7009). Best effort: the local session is gone anyway. */
export async function revokeTokens(settings: Settings, session: Session): Promise<void> {
  const { refreshToken } = session.tokens;
  try {
    const configuration = await issuerConfiguration(settings);
    if (refreshToken && configuration.serverMetadata().revocation_endpoint) {
      await client.tokenRevocation(configuration, refreshToken, { token_type_hint: "refresh_token" });
    }
  } catch (error) {
    console.error(`token revocation failed: ${describe(error)}`);
  }
}

/** A fault in words for the log: never a token, never a claim. */
export function describe(error: unknown): string {
  if (error instanceof client.AuthorizationResponseError || error instanceof client.ResponseBodyError) return error.error;
  if (error instanceof client.ClientError) return `${error.code ?? "client error"}: ${error.message}`;
  return error instanceof Error ? error.message : "unknown";
}

function tokensOf(
  response: client.TokenEndpointResponse & client.TokenEndpointResponseHelpers,
  idToken: string,
  now: number,
): Tokens {
  const lifetime = response.expiresIn() ?? ASSUMED_LIFETIME;
  return {
    accessToken: response.access_token,
    idToken,
    issuedAt: now,
    expiresAt: now + lifetime * 1000,
    ...(response.refresh_token ? { refreshToken: response.refresh_token } : {}),
  };
}
