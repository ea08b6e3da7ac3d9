/** What the application needs to know about itself and its identity server. */
export interface Settings {
  /** Issuer identifier, exactly as the server's discovery document states it. */
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Origin under which people reach this application, without a trailing slash. */
  readonly appUrl: string;
  readonly appName: string;
  readonly sessionSecret: string;
  readonly sessionDirectory: string;
}

/** Something a person has to change in `.env.local` before the application can work. */
export interface SettingProblem {
  readonly variable: string;
  readonly advice: string;
}

export type SettingsResult =
  | { readonly ok: true; readonly settings: Settings }
  | { readonly ok: false; readonly problems: readonly SettingProblem[] };

const SHORTEST_SECRET = 32;

/**
 * Reads the settings from the environment. All faults are reported at once, so that nobody
 * has to repair them one restart at a time.
 */
export function readSettings(environment: Readonly<Record<string, string | undefined>> = process.env): SettingsResult {
  const problems: SettingProblem[] = [];
  const required = (variable: string, advice: string): string => {
    const value = environment[variable]?.trim() ?? "";
    if (value === "") problems.push({ variable, advice });
    return value;
  };

  const issuer = required("CLAVEX_ISSUER", "Set it to the issuer of your organization, for example http://localhost:8080/demo.");
  if (issuer !== "" && !isSecureOrLoopback(issuer)) {
    problems.push({ variable: "CLAVEX_ISSUER", advice: "It must be an https address (plain http only for localhost)." });
  }
  const clientId = required("CLAVEX_CLIENT_ID", "Set it to the client identifier of this application.");
  const clientSecret = required("CLAVEX_CLIENT_SECRET", "Set it to the client secret of this application.");

  const appUrl = required("APP_URL", "Set it to the address of this application, for example http://localhost:3000.");
  if (appUrl !== "" && !isOrigin(appUrl)) {
    problems.push({
      variable: "APP_URL",
      advice: "It must be scheme, host and port only, with https (plain http only for localhost): http://localhost:3000.",
    });
  }
  const sessionSecret = required("SESSION_SECRET", "Make one with: openssl rand -base64 32");
  if (sessionSecret !== "" && sessionSecret.length < SHORTEST_SECRET) {
    problems.push({
      variable: "SESSION_SECRET",
      advice: `It needs at least ${SHORTEST_SECRET} characters. Make one with: openssl rand -base64 32`,
    });
  }

  if (problems.length > 0) return { ok: false, problems };
  return {
    ok: true,
    settings: {
      issuer,
      clientId,
      clientSecret,
      appUrl: new URL(appUrl).origin,
      appName: environment.APP_NAME?.trim() || "Clavex starter",
      sessionSecret,
      sessionDirectory: environment.SESSION_DIRECTORY?.trim() || ".sessions",
    },
  };
}

/** The settings, for code that runs only once the pages have shown that they are complete. */
export function requireSettings(): Settings {
  const result = readSettings();
  if (result.ok) return result.settings;
  throw new Error(`.env.local is incomplete: ${result.problems.map((problem) => problem.variable).join(", ")}`);
}

/** Tells whether an address names this machine, where plain http harms nobody. */
export function isLoopback(url: URL): boolean {
  return url.hostname === "localhost" || url.hostname === "127.0.0.1" || url.hostname === "[::1]";
}

function isSecureOrLoopback(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const url = new URL(address);
  return url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url));
}

function isOrigin(address: string): boolean {
  if (!isSecureOrLoopback(address)) return false;
  const url = new URL(address);
  return url.pathname === "/" && url.search === "" && url.hash === "" && url.username === "" && url.password === "";
}
