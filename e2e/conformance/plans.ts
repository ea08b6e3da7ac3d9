import type { Expectation } from "./outcome.ts";

/** A plan of the suite, with the choices that it leaves open. */
export interface Plan {
  readonly name: string;
  /** What the certification calls it. */
  readonly profile: string;
  readonly variant: Readonly<Record<string, string>>;
  /** Told apart from other plans of its name by this. */
  readonly key?: string;
}

/** What the results of a plan are kept under, and `--plan` looks for. */
export function keyOf(plan: Plan): string {
  return plan.key === undefined ? plan.name : `${plan.name}-${plan.key}`;
}

/** Plans whose clients cannot register themselves; `fapi.ts` makes them. */
export function isFAPI(plan: Plan): boolean {
  return plan.name.startsWith("fapi");
}

/** Plans whose requests come through the back channel; `approvals.ts` decides about them. */
export function isBackchannel(plan: Plan): boolean {
  return plan.name.startsWith("fapi-ciba-");
}

const authentications = [
  { client_auth_type: "private_key_jwt", title: "private key" },
  { client_auth_type: "mtls", title: "MTLS" },
] as const;
const constraints = [
  { sender_constrain: "mtls", title: "MTLS" },
  { sender_constrain: "dpop", title: "DPoP" },
] as const;

function securityPlans(): Plan[] {
  return authentications.flatMap(({ client_auth_type, title }) =>
    constraints.flatMap(({ sender_constrain, title: constraint }) => [
      ...["openid_connect", "plain_oauth"].map((openid) => ({
        name: "fapi2-security-profile-final-test-plan",
        profile: `FAPI2SP OP ${title} + ${constraint}${openid === "openid_connect" ? ", OpenID Connect" : ""}`,
        key: `${client_auth_type}-${sender_constrain}-${openid}`,
        variant: { fapi_profile: "plain_fapi", authorization_request_type: "simple", client_auth_type, sender_constrain, openid },
      })),
      {
        name: "fapi2-security-profile-final-test-plan",
        profile: `FAPI2SP OP client credentials, ${title} + ${constraint}`,
        key: `${client_auth_type}-${sender_constrain}-client_credentials`,
        variant: { fapi_profile: "fapi_client_credentials_grant", authorization_request_type: "simple", client_auth_type, sender_constrain, openid: "plain_oauth" },
      },
    ]),
  );
}

function backchannelPlans(): Plan[] {
  return authentications.flatMap(({ client_auth_type, title }) =>
    ["poll", "ping"].map((ciba_mode) => ({
      name: "fapi-ciba-id1-test-plan",
      profile: `FAPI-CIBA OP ${ciba_mode} w/ ${title}`,
      key: `${client_auth_type}-${ciba_mode}`,
      variant: { fapi_ciba_profile: "plain_fapi", client_registration: "static_client", client_auth_type, ciba_mode },
    })),
  );
}

const registered = { server_metadata: "discovery", client_registration: "dynamic_client" };
const logout = { client_registration: "dynamic_client", response_type: "code" };

export const plans: readonly Plan[] = [
  { name: "oidcc-basic-certification-test-plan", profile: "Basic OP", variant: registered },
  { name: "oidcc-implicit-certification-test-plan", profile: "Implicit OP", variant: registered },
  { name: "oidcc-hybrid-certification-test-plan", profile: "Hybrid OP", variant: registered },
  { name: "oidcc-config-certification-test-plan", profile: "Config OP", variant: {} },
  { name: "oidcc-dynamic-certification-test-plan", profile: "Dynamic OP", variant: { response_type: "code" } },
  { name: "oidcc-formpost-basic-certification-test-plan", profile: "Form Post OP (basic)", variant: registered },
  { name: "oidcc-formpost-implicit-certification-test-plan", profile: "Form Post OP (implicit)", variant: registered },
  { name: "oidcc-formpost-hybrid-certification-test-plan", profile: "Form Post OP (hybrid)", variant: registered },
  { name: "oidcc-3rdparty-init-login-certification-test-plan", profile: "3rd Party-Init OP", variant: { response_type: "code" } },
  { name: "oidcc-rp-initiated-logout-certification-test-plan", profile: "RP-Initiated OP", variant: logout },
  { name: "oidcc-backchannel-rp-initiated-logout-certification-test-plan", profile: "Back-Channel OP", variant: logout },
  { name: "oidcc-frontchannel-rp-initiated-logout-certification-test-plan", profile: "Front-Channel OP", variant: logout },
  { name: "oidcc-session-management-certification-test-plan", profile: "Session OP", variant: logout },
  ...securityPlans(),
  {
    name: "fapi2-message-signing-final-test-plan",
    profile: "FAPI2MS OP JAR + JARM, private key + DPoP, OpenID Connect",
    key: "private_key_jwt-dpop-openid_connect",
    variant: {
      fapi_profile: "plain_fapi",
      authorization_request_type: "simple",
      client_auth_type: "private_key_jwt",
      sender_constrain: "dpop",
      openid: "openid_connect",
      fapi_request_method: "signed_non_repudiation",
      fapi_response_mode: "jarm",
    },
  },
  ...backchannelPlans(),
];

const review = (reason: string, ...modules: readonly string[]): Expectation[] => modules.map((module) => ({ module, outcome: "review" as const, reason }));

/**
 * What is right although it is not `passed`. The suite says `review` where a person has to look at the page that
 * the driver photographed; the reason says what has to be on it.
 */
export const expectations: readonly Expectation[] = [
  { module: "oidcc-idtoken-unsigned", outcome: "skipped", reason: "Every ID token is signed: `none` is not offered, and nobody has to offer it." },
  ...review(
    "The page says that the pushed request has expired, was used, or was pushed by another client; nobody is sent anywhere.",
    "fapi2-security-profile-final-par-attempt-reuse-request_uri",
    "fapi2-security-profile-final-par-attempt-to-use-expired-request_uri",
    "fapi2-security-profile-final-par-attempt-to-use-request_uri-for-different-client",
  ),
  ...review("The sign-in page is shown and left; the second visit signs in with the same reference.", "fapi2-security-profile-final-par-ensure-reused-request-uri-prior-to-auth-completion-succeeds"),
  {
    module: "fapi2-security-profile-final-test-claims-parameter-identity-claims",
    outcome: "warning",
    reason: "ID tokens contain `sid` (Front-Channel Logout 1.0 §3), by which applications know the session that ended; the module does not expect it.",
  },
  ...review(
    "The page says that the redirect URI is not registered; nobody is sent there.",
    "oidcc-ensure-registered-redirect-uri",
    "oidcc-redirect-uri-query-mismatch",
    "oidcc-redirect-uri-query-added",
  ),
  ...review("The page says that the redirect URI is missing; nobody is sent anywhere.", "oidcc-ensure-redirect-uri-in-authorization-request"),
  ...review("The sign-in page comes again although the person is signed in.", "oidcc-prompt-login", "oidcc-max-age-1"),
  ...review("The sign-in page shows the logo that was registered.", "oidcc-registration-logo-uri"),
  ...review("The sign-in page links to the document that was registered.", "oidcc-registration-policy-uri", "oidcc-registration-tos-uri"),
  ...review(
    "The page says that the address is not registered; nobody is sent there.",
    "oidcc-rp-initiated-logout-bad-post-logout-redirect-uri",
    "oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri",
  ),
  ...review("The page says that the hint is no ID token of ours; nobody is sent anywhere.", "oidcc-rp-initiated-logout-modified-id-token-hint", "oidcc-rp-initiated-logout-bad-id-token-hint"),
  ...review(
    "The page says that the person, who was asked where no hint spoke for it, is signed out; nobody is sent anywhere.",
    "oidcc-rp-initiated-logout-no-id-token-hint",
    "oidcc-rp-initiated-logout-no-params",
    "oidcc-rp-initiated-logout-no-post-logout-redirect-uri",
    "oidcc-rp-initiated-logout-only-state",
  ),
];
