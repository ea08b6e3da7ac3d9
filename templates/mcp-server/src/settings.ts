import { loadEnvFile } from "node:process";
import { parseArgs } from "node:util";

export interface Settings {
  /** The organization that issues the access tokens, exactly as it calls itself. */
  readonly issuer: string;
  /** The address of this server: the audience of the access tokens that it accepts. */
  readonly resource: URL;
  readonly port: number;
}

/** Reads .env.local, where there is one, the environment, and --port. */
export function readSettings(): Settings {
  try {
    loadEnvFile(".env.local");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const { values } = parseArgs({ options: { port: { type: "string" } } });
  const port = Number(process.env.PORT ?? values.port ?? 3001);
  const issuer = process.env.CLAVEX_ISSUER ?? "http://localhost:8080/demo";
  const resource = new URL(process.env.RESOURCE ?? `http://localhost:${port}/mcp`);
  for (const address of [new URL(issuer), resource]) {
    const local = address.hostname === "localhost" || address.hostname === "127.0.0.1";
    if (address.protocol !== "https:" && !(local && address.protocol === "http:")) throw new Error(`${address.href} must begin with https://`);
  }
  return { issuer, resource, port };
}
