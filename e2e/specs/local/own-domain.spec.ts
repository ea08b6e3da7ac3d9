import type { Page } from "@playwright/test";
import { expectAccessible, expectNoSidewaysScroll } from "../../fixtures/accessibility.ts";
import { Authenticator, withoutConditionalMediation } from "../../fixtures/authenticator.ts";
import { clavex } from "../../fixtures/command-line.ts";
import { Console } from "../../fixtures/console.ts";
import { baseUrl, issuerOf, system, unique } from "../../fixtures/environment.ts";
import { HostedPages } from "../../fixtures/hosted-pages.ts";
import { expect, test } from "../../fixtures/test.ts";

/** Looks at a page on phone and desktop, light and dark. */
async function look(page: Page, what: string): Promise<void> {
  for (const [size, viewport] of Object.entries({ phone: { width: 320, height: 640 }, desktop: { width: 1280, height: 800 } })) {
    for (const colorScheme of ["light", "dark"] as const) {
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await expectAccessible(page, `${what}, ${colorScheme}, on a ${size}`);
      await expectNoSidewaysScroll(page, `${what}, ${colorScheme}, on a ${size}`);
      await page.screenshot({ path: test.info().outputPath(`${what.replaceAll(" ", "-")}-${size}-${colorScheme}.png`), fullPage: true });
    }
  }
}

async function makePasskey(page: Page, name: string): Promise<void> {
  await page.getByRole("textbox", { name: "Name of the passkey" }).last().fill(name);
  await page.getByRole("button", { name: "Make a passkey" }).click();
  await expect(page.getByRole("status").filter({ hasText: "The passkey is made" })).toBeVisible();
}

test("an organization moves to a domain of its own, and its people make new passkeys there", async ({ page: desktop, browser }) => {
  test.setTimeout(600_000);
  const person = { username: `eva-${unique()}@domain.test`, password: "Analytical-No-1843" };
  const host = `id-${unique()}.localhost`; // browsers find it on this machine
  const hers = await browser.newPage();
  const [desk, hosted] = [new Console(desktop), new HostedPages(hers)];
  try {
    await desk.signIn(system.slug, system.administrator);
    const slug = await desk.createOrganization(`Domain ${unique()}`);
    await desk.createUser({ email: person.username, givenName: "Eva", familyName: "Domain", password: person.password });
    const shared = issuerOf(slug);
    const own = `http://${host}:${new URL(baseUrl()).port}`;

    await withoutConditionalMediation(hers);
    await Authenticator.attach(hers);
    await hers.goto(`${shared}/account/passkeys`);
    await hosted.signIn(person);
    await makePasskey(hers, "Of before");

    // It is claimed; the record that proves it is not there.
    await desktop.goto(`/console/orgs/${slug}/settings?tab=address`);
    await expect(desktop.getByText(shared, { exact: true })).toBeVisible();
    await desktop.getByRole("textbox", { name: "Another domain" }).fill("https://nonsense");
    await desktop.getByRole("button", { name: "Claim domain" }).click();
    await expect(desktop.getByRole("region", { name: "Domains" }).getByRole("alert")).toContainText("host name with a dot");
    await desktop.getByRole("textbox", { name: "Another domain" }).fill(host.toUpperCase());
    await desktop.getByRole("button", { name: "Claim domain" }).click();
    await expect(desktop.getByText(`_clavex.${host}`)).toBeVisible();
    await desktop.getByRole("button", { name: `Check the record of ${host}` }).click();
    await expect(desktop.getByRole("region", { name: "Domains" }).getByRole("alert")).toContainText(/was not found|did not answer/);
    await look(desktop, "a domain that is claimed");
    await clavex({ data: process.env.CLAVEX_E2E_DATA_DIR ?? "", publicUrl: baseUrl() }, "domain", "verify", host, "--org", slug, "--trust");

    await desktop.reload();
    await desktop.getByRole("button", { name: `Move to ${host}` }).click();
    const question = desktop.getByRole("dialog", { name: `Move to ${host}?` });
    await expect(question).toContainText("1 person has passkeys of the present address");
    await look(desktop, "moving to a domain");
    // Browsers find the host by themselves; the server only where the machine's resolver does, and says so elsewhere.
    const anyway = question.getByRole("checkbox", { name: "Move all the same" });
    await desktop.addLocatorHandler(anyway, async () => {
      await look(desktop, "a domain that does not lead here");
      await anyway.click();
      await question.getByRole("button", { name: "Move the organization" }).click();
    }, { times: 1 });
    await question.getByRole("button", { name: "Move the organization" }).click();
    // The time to look at the question is part of it.
    await expect(desktop.getByText("The address before is served still")).toBeVisible({ timeout: 120_000 });
    await expect(desktop.getByText(own, { exact: true })).toBeVisible();
    await look(desktop, "an organization at its own domain");

    // Her passkey is one of the address before, and her password alone does not stand for it.
    await hers.goto(`${own}/login`);
    await expect(hers.locator("#former-passkeys")).toContainText("work there only");
    await look(hers, "signing in at a new address");
    await hosted.signIn(person);
    await expect(hers.locator("#passkeys-elsewhere")).toContainText(new URL(baseUrl()).hostname);
    await look(hers, "a passkey that is of another address");

    // There she proves it, comes back, and makes another passkey.
    await hers.locator("#former-address").click();
    expect(hers.url()).toContain(`${shared}/login`);
    await hers.getByRole("button", { name: "Sign in with a passkey" }).click();
    await expect(hers.getByText("will not work for much longer")).toBeVisible();
    expect(new URL(hers.url()).host).toBe(new URL(own).host);
    await look(hers, "a passkey of this address is offered");
    await hers.getByRole("button", { name: "Make a passkey" }).click();
    await expect(hosted.heading("You are signed in")).toBeVisible();
    await hers.goto(`${own}/account/passkeys`);
    await expect(hers.locator("#passkeys-list")).toContainText(`This passkey is for ${new URL(baseUrl()).hostname}`);
    await look(hers, "passkeys of two addresses");
    await hers.goto(`${own}/logout`);
    await hers.getByRole("button", { name: "Sign out", exact: true }).click();
    await hers.goto(`${own}/login`);
    await hers.getByRole("button", { name: "Sign in with a passkey" }).click();
    await expect(hosted.heading("You are signed in")).toBeVisible();
    expect(new URL(hers.url()).host).toBe(new URL(own).host);

    // The address before still serves, and says what its passkeys are worth; then it leads here.
    await hers.goto(`${shared}/account/passkeys`);
    await expect(hers.locator("#former-address")).toContainText(host);
    await look(hers, "passkeys at the address before");
    await desktop.reload();
    await desktop.getByRole("button", { name: "Stop serving it" }).click();
    await desktop.getByRole("dialog").getByRole("button", { name: "Stop serving it" }).click();
    await expect(desktop.getByText("The address before is not served any more", { exact: true })).toBeVisible();
    await hers.goto(`${shared}/account/passkeys`);
    expect(hers.url()).toContain(`${own}/account/passkeys`);
  } finally {
    await hers.close();
  }
});
