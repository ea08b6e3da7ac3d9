import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { ExitCode, Failure } from "./failure.ts";
import type { Registration } from "./registration.ts";

export interface Environment {
  readonly appName: string;
  readonly appUrl: string;
  readonly issuer: string;
  /** False for what only accepts access tokens. */
  readonly signsIn: boolean;
  /** Absent when the application was not registered: the person fills the values in. */
  readonly registration: Registration | undefined;
}

/** Writes the file of settings and secrets, readable by its owner only. */
export async function writeEnvironment(file: string, environment: Environment): Promise<void> {
  const content = environment.signsIn ? renderEnvironment(environment, randomBytes(32).toString("base64url")) : renderResourceEnvironment(environment);
  await writeFile(file, content, { mode: 0o600, flag: "wx" });
}

export function renderResourceEnvironment({ appUrl, issuer }: Environment): string {
  return ["# Written by create-clavex-app. Every variable is explained in .env.example.", "", variable("CLAVEX_ISSUER", issuer), variable("RESOURCE", `${appUrl}/mcp`), ""].join("\n");
}

export function renderEnvironment({ appName, appUrl, issuer, registration }: Environment, sessionSecret: string): string {
  const lines = [
    "# Written by create-clavex-app. It holds secrets: git ignores this file, keep it so.",
    "# Every variable is explained in .env.example.",
    "",
    variable("CLAVEX_ISSUER", issuer),
    ...(registration ? [] : ["# Fill these two in, from the client you register for this application."]),
    variable("CLAVEX_CLIENT_ID", registration?.clientId ?? ""),
    variable("CLAVEX_CLIENT_SECRET", registration?.clientSecret ?? ""),
    "",
    variable("APP_NAME", appName),
    variable("APP_URL", appUrl),
    variable("SESSION_SECRET", sessionSecret),
    "",
  ];
  if (registration?.management) {
    lines.push(
      "# The application does not need these. With them you can change or delete its registration (RFC 7592).",
      `# registration_client_uri=${commented(registration.management.address)}`,
      `# registration_access_token=${commented(registration.management.accessToken)}`,
      "",
    );
  }
  return lines.join("\n");
}

/** One line that dotenv with variable expansion reads back as exactly `value`. */
export function variable(name: string, value: string): string {
  if (/^[\w.~:/+=@%,-]*$/.test(value)) return `${name}=${value}`;
  const escaped = value.replaceAll("$", "\\$");
  // Single quotes keep everything but themselves; double quotes are for values that hold those.
  if (!/['\n\r]/.test(value)) return `${name}='${escaped}'`;
  if (!/["\\\n\r`]/.test(value)) return `${name}="${escaped}"`;
  throw new Failure(ExitCode.registration, `${name} holds characters that .env.local cannot.`, ["Register the application in the console and use --no-register."]);
}

const commented = (text: string): string => text.replace(/[\r\n]+/g, " ");
