import * as client from "openid-client";
import { isLoopback, type Settings } from "@/lib/settings";

/**
 * Discovery is repeated this often, in milliseconds, so that a change at the server arrives
 * without a restart. A server under development is stopped, reset and moved all the time.
 */
const FRESH_FOR = process.env.NODE_ENV === "development" ? 1000 : 60 * 60 * 1000;
const TIMEOUT_SECONDS = 10;

interface Discovered {
  readonly key: string;
  readonly at: number;
  readonly configuration: Promise<client.Configuration>;
}

// One per bundle, not per process: a Configuration is of use only to the copy of openid-client that made it.
const cache: { current: Discovered | undefined } = { current: undefined };

/**
 * The identity server's metadata with this application's credentials (OpenID Connect
 * Discovery 1.0; the issuer it states must be the configured one). A failure is not remembered.
 */
export function issuerConfiguration(settings: Settings): Promise<client.Configuration> {
  const key = JSON.stringify([settings.issuer, settings.clientId, settings.clientSecret]);
  const known = cache.current;
  if (known?.key === key && Date.now() - known.at < FRESH_FOR) return known.configuration;

  const configuration = discover(settings);
  const entry: Discovered = { key, at: Date.now(), configuration };
  cache.current = entry;
  configuration.catch(() => {
    if (cache.current === entry) cache.current = undefined;
  });
  return configuration;
}

async function discover(settings: Settings): Promise<client.Configuration> {
  const issuer = new URL(settings.issuer);
  const execute = [client.enableNonRepudiationChecks];
  if (issuer.protocol === "http:" && isLoopback(issuer)) execute.push(client.allowInsecureRequests);
  return client.discovery(
    issuer,
    settings.clientId,
    { client_secret: settings.clientSecret },
    client.ClientSecretBasic(settings.clientSecret),
    { execute, timeout: TIMEOUT_SECONDS },
  );
}

/** Tells whether the identity server answers, waiting `patience` milliseconds at most. */
export async function isIssuerReachable(settings: Settings, patience = 2000): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const tooSlow = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), patience);
  });
  const answers = issuerConfiguration(settings).then(
    () => true,
    () => false,
  );
  return Promise.race([answers, tooSlow]).finally(() => clearTimeout(timer));
}
