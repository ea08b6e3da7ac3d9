import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { BrowserContext, Page } from "@playwright/test";
import { clavex } from "../../fixtures/command-line.ts";
import { demo } from "../../fixtures/environment.ts";
import { HostedPages } from "../../fixtures/hosted-pages.ts";
import { SinglePageApplication } from "../../fixtures/single-page-application.ts";
import { asTyped, freePort, Subprocess } from "../../fixtures/subprocess.ts";
import { expect, test } from "../../fixtures/test.ts";

// Cookies, frames and calls between two sites behave as in production only under two registrable domains and https.
const [server, app] = ["id.clavex.test", "app.example.test"];

// The authority is the one that `clavex dev --tls` made for this run; nobody trusts it but this browser.
test.use({ ignoreHTTPSErrors: true });

test("an application on another site signs in, renews and hears of the sign-out, as far as the browser lets cookies travel", async ({ page, playwright, launchOptions, hosted }) => {
  test.setTimeout(600_000);
  const folder = await mkdtemp(path.join(tmpdir(), "clavex-e2e-tls-"));
  await chmod(folder, 0o755);
  const [port, data] = [await freePort(), path.join(folder, "data")];
  const publicUrl = `https://${server}:${port}`;
  const running = new Subprocess(process.env.CLAVEX_E2E_BINARY ?? "", ["dev", "--tls", "--host", server, "--host", app, "--port", String(port), "--data-dir", data], {
    name: "clavex dev --tls",
    cwd: folder,
    env: asTyped({ CLAVEX_METRICS_LISTEN: "off" }),
  });
  let application: SinglePageApplication | undefined;
  let open: BrowserContext | undefined;
  try {
    await running.says("Ctrl-C stops everything", 180);
    const [cert, key] = await Promise.all(["tls-certificate.pem", "tls-key.pem"].map((name) => readFile(path.join(data, name))));
    application = await SinglePageApplication.start({ host: app, certificate: { cert, key } });
    const issuer = `${publicUrl}/${demo.slug}`;
    const made = (await clavex({ data, publicUrl }, "client", "create", "--org", demo.slug, "--name", "Notes", "--public", "--without-consent",
      "--redirect-uri", application.redirectUri, "--redirect-uri", application.silentRedirectUri, "--post-logout-redirect-uri", `${application.origin}/`)) as { client_id: string };
    application.configure({
      authority: issuer,
      client_id: made.client_id,
      scope: "openid profile",
      loadUserInfo: true,
      automaticSilentRenew: false,
      monitorSession: true,
      checkSessionIntervalInSeconds: 1,
      post_logout_redirect_uri: `${application.origin}/`,
    });
    const notes = application;
    const arrive = async (at: Page, pages: HostedPages): Promise<void> => {
      const ready = (): Promise<void> => expect(at.getByRole("status")).toHaveText("ready");
      await at.goto(`${notes.origin}/`);
      await ready();
      await at.evaluate(() => { void window.manager.signinRedirect(); });
      await pages.signIn(demo.ada);
      await ready();
      expect(await notes.user(at)).toMatchObject({ name: demo.ada.name, session_state: expect.stringContaining(".") });
      const cookies = await at.context().cookies(publicUrl);
      expect(cookies.length).toBeGreaterThan(0);
      for (const cookie of cookies) expect(cookie).toMatchObject({ secure: true, sameSite: "None", name: expect.stringMatching(/^__Host-/) });
    };
    const renew = (at: Page): Promise<string> =>
      at.evaluate(() => window.manager.signinSilent({ forceIframeAuth: true }).then(() => "renewed", (error: unknown) => String((error as { error?: string }).error)));

    // Many browsers keep cookies of other sites back: the frame is answered at once, and a visit needs no password.
    await arrive(page, hosted);
    expect(await renew(page)).toBe("login_required");
    await page.evaluate(() => { void window.manager.signinRedirect(); });
    await expect(page.getByRole("status")).toHaveText("ready");
    expect(new URL(page.url()).origin).toBe(notes.origin);

    // Where they travel, the application renews in a frame, and hears of the sign-out from one.
    const profile = path.join(folder, "profile");
    await mkdir(path.join(profile, "Default"), { recursive: true });
    await writeFile(path.join(profile, "Default/Preferences"), JSON.stringify({ profile: { cookie_controls_mode: 0 } }));
    open = await playwright.chromium.launchPersistentContext(profile, { ...launchOptions, ignoreHTTPSErrors: true, locale: "en-GB" });
    const tab = await open.newPage();
    await arrive(tab, new HostedPages(tab));
    const first = await notes.user(tab);
    expect(await renew(tab)).toBe("renewed");
    const second = await notes.user(tab);
    expect(second?.sub).toBe(first?.sub);
    expect(second?.access_token).not.toBe(first?.access_token);
    const elsewhere = await open.newPage();
    await elsewhere.goto(`${issuer}/logout`);
    await elsewhere.getByRole("button", { name: "Sign out", exact: true }).click();
    await expect(elsewhere.getByRole("heading", { level: 1, name: "You are signed out" })).toBeVisible();
    await expect.poll(() => tab.evaluate(() => window.told)).toContain("signed out");
  } finally {
    await open?.close();
    await application?.stop();
    await running.stop("SIGINT", 60);
    await rm(folder, { recursive: true, force: true, maxRetries: 10 });
  }
});
