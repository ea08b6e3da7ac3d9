import * as client from "openid-client";
import type { Settings } from "@/lib/settings";
import { seal, unseal } from "./sealed";

/** What went wrong in a sign-in, as the error page tells it. */
export interface Problem {
  readonly code: string;
  /** The identity server's own words, if it had some. */
  readonly description?: string;
  /** The page the person wanted, so that starting again leads there. */
  readonly returnTo?: string;
}

export interface Explanation {
  readonly title: string;
  readonly text: string;
  /** Something for the developer to look at, when the person cannot help it. */
  readonly hint?: string;
}

const LIFETIME = 10 * 60;
const LONGEST_DESCRIPTION = 300;

const retry = "Nothing was lost. You can try again now.";

const EXPLANATIONS: Readonly<Record<string, Explanation>> = {
  access_denied: {
    title: "You did not allow the sign-in",
    text: "This application was not given access to your account, so you are not signed in. Start again if that was not what you wanted.",
  },
  login_required: { title: "A sign-in is needed", text: "The identity server could not sign you in without asking you." },
  interaction_required: { title: "Your attention is needed", text: "The identity server has a question that only you can answer." },
  consent_required: { title: "Your permission is needed", text: "The identity server needs your permission for this application." },
  temporarily_unavailable: { title: "The identity server is busy", text: "It cannot sign anyone in at the moment. Wait a little and try again." },
  server_error: {
    title: "The identity server had a fault",
    text: retry,
    hint: "If it stays, check that CLAVEX_ISSUER in .env.local names an organization of the server.",
  },
  invalid_client: {
    title: "This application is not recognised",
    text: "The identity server does not accept this application's credentials.",
    hint: "Check CLAVEX_CLIENT_ID and CLAVEX_CLIENT_SECRET in .env.local. If the server was reset, register the application anew.",
  },
  unauthorized_client: {
    title: "This application may not do that",
    text: "The identity server does not let this application sign people in this way.",
    hint: "Allow the grant types authorization_code and refresh_token for this client.",
  },
  invalid_scope: {
    title: "The application asked for too much",
    text: "The identity server does not grant what this application asks for.",
    hint: "Compare the scopes in lib/auth/login.ts with those the client may use.",
  },
  invalid_grant: { title: "This sign-in was already used", text: "Its code has expired or was redeemed before. Start again." },
  unreachable: {
    title: "The identity server does not answer",
    text: "You are not signed in because the identity server could not be reached.",
    hint: "Is it running? A local one is started with “make run”. Its address is CLAVEX_ISSUER in .env.local.",
  },
  login_expired: {
    title: "This sign-in took too long",
    text: "It expired, was already completed, or began in another browser. Start again here.",
  },
  invalid_response: {
    title: "The answer could not be trusted",
    text: "What the identity server sent did not pass a security check, so you were not signed in.",
    hint: "The server's log of this application names the check that failed.",
  },
};

const UNKNOWN: Explanation = { title: "The sign-in did not work", text: retry };

export function explain(problem: Problem | undefined): Explanation {
  return (problem && Object.hasOwn(EXPLANATIONS, problem.code) ? EXPLANATIONS[problem.code] : undefined) ?? UNKNOWN;
}

/** Finds out which problem an error of the sign-in is. */
export function problemOf(error: unknown): Problem {
  if (error instanceof client.AuthorizationResponseError || error instanceof client.ResponseBodyError) {
    return { code: error.error, ...(error.error_description ? { description: error.error_description } : {}) };
  }
  // fetch() reports a dead connection as a TypeError with a cause, openid-client a timeout by this code.
  const timedOut = error instanceof client.ClientError && error.code === "OAUTH_TIMEOUT";
  if (timedOut || (error instanceof TypeError && error.cause !== undefined)) return { code: "unreachable" };
  if (error instanceof client.ClientError) {
    return { code: error.code === "OAUTH_RESPONSE_IS_NOT_CONFORM" ? "server_error" : "invalid_response" };
  }
  if (error instanceof client.WWWAuthenticateChallengeError) return { code: "invalid_client" };
  return { code: "unknown" };
}

/**
 * The error page's address. The problem travels sealed: nobody can make a link that puts
 * words of their own on a page of this application.
 */
export async function problemAddress(settings: Settings, problem: Problem): Promise<string> {
  const description = problem.description?.slice(0, LONGEST_DESCRIPTION);
  const payload = { ...problem, ...(description ? { description } : {}) };
  const sealed = await seal("problem", payload, settings.sessionSecret, LIFETIME);
  return `${settings.appUrl}/auth/error?detail=${sealed}`;
}

export async function openProblem(settings: Settings, sealed: string | undefined): Promise<Problem | undefined> {
  if (!sealed) return undefined;
  return (await unseal("problem", sealed, settings.sessionSecret)) as Problem | undefined;
}
