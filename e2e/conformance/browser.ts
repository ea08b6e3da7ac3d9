import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Browser, type BrowserContext, chromium, type LaunchOptions } from "@playwright/test";

const settings = { ignoreHTTPSErrors: true, locale: "en-GB", viewport: { width: 1024, height: 768 } };

/** $CHROMIUM, else the one of the distribution, else the one that Playwright brings. */
export function launchOptions(): LaunchOptions {
  const executablePath = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser"].find((candidate) => candidate !== undefined && candidate !== "" && existsSync(candidate));
  return { ...(executablePath ? { executablePath } : {}), args: [...(process.getuid?.() === 0 ? ["--no-sandbox"] : []), "--disable-gpu", "--disable-quic"] };
}

/** Whether a page of the suite embeds a page of ours that has to see our cookies (OpenID Connect Session Management 1.0 §3). */
export function embedsUs(module: string): boolean {
  return module.startsWith("oidcc-session-management-");
}

/**
 * A browser of somebody who has not been at either site before. Playwright's contexts refuse third-party cookies, as a
 * private window does; a module whose pages embed ours gets a profile that allows them.
 */
export async function openContext(browser: Browser, module: string): Promise<{ context: BrowserContext; close: () => Promise<void> }> {
  if (!embedsUs(module)) {
    const context = await browser.newContext(settings);
    return { context, close: () => context.close() };
  }
  const profile = await mkdtemp(path.join(tmpdir(), "clavex-conformance-"));
  await mkdir(path.join(profile, "Default"));
  await writeFile(path.join(profile, "Default/Preferences"), JSON.stringify({ profile: { block_third_party_cookies: false, cookie_controls_mode: 0 } }));
  const context = await chromium.launchPersistentContext(profile, { ...launchOptions(), ...settings });
  return {
    context,
    close: async () => {
      await context.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}
