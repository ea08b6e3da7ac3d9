import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Authenticator, withoutConditionalMediation } from "../../fixtures/authenticator.ts";
import { clavex, settingsOf } from "../../fixtures/command-line.ts";
import { unique } from "../../fixtures/environment.ts";
import { HostedPages } from "../../fixtures/hosted-pages.ts";
import { expectGoodLooks } from "../../fixtures/looks.ts";
import { asTyped, freePort, Subprocess } from "../../fixtures/subprocess.ts";
import { expect, test } from "../../fixtures/test.ts";

// Browsers ask for related origins at the port of HTTPS (WebAuthn Level 3 §5.11.1), so the server is there, to this browser.
test("a passkey of an organization's domain before signs in at its next one, while both are served", async ({ playwright, launchOptions }) => {
  test.setTimeout(600_000);
  const name = `related-${unique()}`;
  const [shared, before, next] = [`id.${name}.test`, `login.${name}-one.test`, `sso.${name}-two.test`];
  const folder = await mkdtemp(path.join(tmpdir(), "clavex-e2e-related-"));
  await chmod(folder, 0o755);
  const [developmentPort, port] = [await freePort(), await freePort()];
  const installation = { data: path.join(folder, "data"), publicUrl: `https://${shared}` };
  const run = (...args: string[]): Promise<unknown> => clavex(installation, ...args, "--org", name);
  const binary = process.env.CLAVEX_E2E_BINARY ?? "";
  const database = new Subprocess(binary, ["dev", "--tls", "--host", shared, "--port", String(developmentPort), "--data-dir", installation.data], {
    name: "clavex dev --tls",
    cwd: folder,
    env: asTyped({ CLAVEX_METRICS_LISTEN: "off" }),
  });
  await database.says("Ctrl-C stops everything", 180);
  const file = (named: string) => path.join(installation.data, named);
  const server = new Subprocess(binary, ["serve", "--listen", `127.0.0.1:${port}`, "--tls-cert-file", file("tls-certificate.pem"), "--tls-key-file", file("tls-key.pem"), "--workers", "0"], {
    name: "clavex serve",
    cwd: folder,
    env: asTyped({ ...(await settingsOf(installation)), CLAVEX_METRICS_LISTEN: "off" }),
  });
  const browser = await playwright.chromium.launch({
    ...launchOptions,
    args: [...(launchOptions.args ?? []).filter((arg) => !arg.startsWith("--host-resolver-rules")), `--host-resolver-rules=MAP *.test:443 127.0.0.1:${port}`, "--ignore-certificate-errors"],
  });
  try {
    await server.says("serving", 60);
    await clavex(installation, "org", "create", name);
    await run("domain", "add", before, "--trust");
    await run("domain", "move", before, "--grace-days", "0", "--unchecked", "--yes");
    const made = await run("user", "create", "--username", "eva", "--name", "Eva Related");
    const page = await browser.newPage({ locale: "en-GB", reducedMotion: "reduce" });
    const hosted = new HostedPages(page);
    await withoutConditionalMediation(page);
    await Authenticator.attach(page);
    await page.goto(/"(https:[^"]+\/login\/link[^"]*)"/.exec(JSON.stringify(made))?.[1] ?? "");
    await hosted.choosePassword("Analytical-No-1843");
    await expect(hosted.heading("You are signed in")).toBeVisible();
    await page.goto(`https://${before}/account/passkeys`);
    await page.getByRole("textbox", { name: "Name of the passkey" }).last().fill("Of before");
    await page.getByRole("button", { name: "Make a passkey" }).click();
    await expect(page.getByRole("status").filter({ hasText: "The passkey is made" })).toBeVisible();

    await run("domain", "add", next, "--trust");
    await run("domain", "move", next, "--unchecked", "--yes");
    await page.goto(`https://${next}/login`);
    const former = page.getByRole("button", { name: `Use a passkey of ${before}` });
    await expect(former).toBeVisible();
    await expect(page.locator("#former-passkeys")).toBeHidden();
    await expectGoodLooks(page, "a passkey of the domain before");
    await former.focus();
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Not now" }).click();
    await expect(hosted.heading("You are signed in")).toBeVisible();
    expect(new URL(page.url()).host).toBe(next);
    await page.goto(`https://${next}/account/passkeys`);
    await expect(page.locator("#passkeys-list")).toContainText(`This passkey is for ${before}`);

    // The address that all share names nobody: a page at an organization's own host asks for none of its passkeys.
    const answer = await page.goto(`https://${shared}/.well-known/webauthn`);
    expect(answer?.status()).toBe(404);

    // When the address before ends, the browser lets its passkeys be used nowhere.
    await page.goto(`https://${next}/logout`);
    await page.getByRole("button", { name: "Sign out", exact: true }).click();
    await page.goto(`https://${next}/login`);
    await expect(former).toBeVisible();
    await run("domain", "leave-former", "--yes");
    await former.click();
    await expect(page.locator("#former-passkey-status")).toBeVisible();
    await page.goto(`https://${next}/login`);
    await expect(page.getByRole("button", { name: "Sign in with a passkey" })).toBeVisible();
    await expect(former).toHaveCount(0);
  } finally {
    await browser.close();
    await server.stop("SIGINT", 60);
    await database.stop("SIGINT", 60);
    await rm(folder, { recursive: true, force: true });
  }
});
