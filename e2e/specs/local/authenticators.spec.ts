import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Page } from "@playwright/test";
import { expectAccessible, expectNoSidewaysScroll } from "../../fixtures/accessibility.ts";
import { Authenticator, withoutConditionalMediation } from "../../fixtures/authenticator.ts";
import { clavex } from "../../fixtures/command-line.ts";
import { Console } from "../../fixtures/console.ts";
import { baseUrl, issuerOf, system, unique } from "../../fixtures/environment.ts";
import { HostedPages } from "../../fixtures/hosted-pages.ts";
import { mailTo } from "../../fixtures/mailbox.ts";
import { MetadataService } from "../../fixtures/metadata-service.ts";
import { expect, test } from "../../fixtures/test.ts";

/** The model that Chromium's virtual authenticators say that they are. */
const aaguid = "01020304-0506-0708-0102-030405060708";
const model = "Virtual Key 5 of the Donaudampfschifffahrtsgesellschaft";

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

/** What the metadata says, taken over by the command line as an operator does where nothing is fetched. */
async function load(service: MetadataService, folder: string, number: number, statuses: readonly string[]): Promise<void> {
  const [blob, root] = [path.join(folder, "blob.jwt"), path.join(folder, "root.pem")];
  await service.write(blob, number, [{ aaguid, name: model, statuses }]);
  await writeFile(root, service.root);
  const data = process.env.CLAVEX_E2E_DATA_DIR ?? "";
  await clavex({ data, publicUrl: baseUrl() }, "authenticator", "refresh", "--fido-metadata-file", blob, "--fido-metadata-root-file", root);
}

test("a model is refused after its preview, and flagged by the metadata; its owner reads why", async ({ page: desktop, browser }) => {
  test.setTimeout(600_000);
  const service = new MetadataService();
  const folder = await mkdtemp(path.join(tmpdir(), "clavex-e2e-metadata-"));
  const person = { username: `eva-${unique()}@keys.test`, password: "Analytical-No-1843" };
  const hers = await browser.newPage();
  const [desk, hosted] = [new Console(desktop), new HostedPages(hers)];
  try {
    await desk.signIn(system.slug, system.administrator);
    const slug = await desk.createOrganization(`Keys ${unique()}`);
    await desk.createUser({ email: person.username, givenName: "Eva", familyName: "Keys", password: person.password });
    const [issuer, settings] = [issuerOf(slug), `/console/orgs/${slug}/settings?tab=authenticators`];
    await load(service, folder, 1, ["UPDATE_AVAILABLE"]);

    // The proof of the model is asked for from now on; nobody is affected.
    await desktop.goto(settings);
    await expect(desktop.getByText(path.join(folder, "blob.jwt"))).toBeVisible();
    await desktop.getByRole("radio", { name: /The proof of the model/ }).check();
    await desktop.getByRole("button", { name: "See who is affected" }).click();
    const preview = desktop.getByRole("dialog", { name: "Who this affects" });
    await expect(preview).toContainText("Nobody has one yet.");
    await preview.getByRole("button", { name: "Save policy" }).click();
    await expect(desktop.getByText("Saved", { exact: true })).toBeVisible();

    await withoutConditionalMediation(hers);
    await Authenticator.attach(hers);
    await hers.goto(`${issuer}/account/passkeys`);
    await hosted.signIn(person);
    await hers.getByRole("textbox", { name: "Name of the passkey" }).fill("Laptop");
    await hers.getByRole("button", { name: "Make a passkey" }).click();
    await expect(hers.locator("#passkeys-list")).toContainText("Laptop");
    const signIn = async (): Promise<void> => {
      await hers.goto(`${issuer}/logout`);
      await hers.getByRole("button", { name: "Sign out", exact: true }).click();
      await expect(hosted.heading("You are signed out")).toBeVisible();
      await hers.goto(`${issuer}/login`);
      await hers.getByRole("button", { name: "Sign in with a passkey" }).click();
    };
    await signIn();
    await expect(hosted.heading("You are signed in")).toBeVisible();

    // By keyboard: the model is found by its name, and who has a passkey on it is seen before anything happens.
    await desktop.goto(settings);
    const denied = desktop.getByRole("combobox", { name: /^Denied models/ });
    await denied.focus();
    await desktop.keyboard.type("virtual key");
    await expect(desktop.getByRole("option", { name: new RegExp(model) })).toBeVisible();
    await look(desktop, "search");
    await denied.focus();
    await desktop.keyboard.press("Enter");
    await expect(desktop.getByRole("list", { name: "Denied models, chosen" })).toContainText(model);
    await look(desktop, "policy");
    await desktop.getByRole("button", { name: "See who is affected" }).press("Enter");
    await expect(preview).toContainText("1 passkey of 1 person would not sign in");
    await expect(preview).toContainText("At once, 1 session");
    await expect(preview.getByRole("link", { name: new RegExp(person.username) })).toBeVisible();
    await look(desktop, "preview");
    await desktop.keyboard.press("Escape");
    await expect(preview).toHaveCount(0);
    await hers.reload();
    await expect(hosted.heading("You are signed in")).toBeVisible();
    await desktop.getByRole("button", { name: "See who is affected" }).click();
    await preview.getByRole("button", { name: "Save policy" }).click();
    await expect(desktop.getByText("Saved", { exact: true })).toBeVisible();

    // The session that began with it is over at the next use, and the passkey opens nothing.
    await hers.reload();
    await expect(hosted.username).toBeVisible();
    await hers.goto(`${issuer}/login`);
    await hers.getByRole("button", { name: "Sign in with a passkey" }).click();
    await expect(hosted.problem).toContainText("does not accept this kind of passkey");
    await hosted.signIn(person);
    await hers.goto(`${issuer}/account/passkeys`);
    await expect(hers.locator("#passkeys-list")).toContainText("does not accept this kind of passkey");
    await look(hers, "not accepted");

    // The organization thinks better of it, and refuses what the metadata says of the model instead.
    await desktop.goto(settings);
    await desktop.getByRole("button", { name: `Remove ${model}` }).click();
    await desktop.getByRole("checkbox", { name: "Update available" }).check();
    await desktop.getByRole("button", { name: "See who is affected" }).click();
    await expect(preview.getByRole("listitem").filter({ hasText: model })).toContainText("Known weakness");
    await preview.getByRole("button", { name: "Save policy" }).click();
    await expect(desktop.getByText("Saved", { exact: true })).toBeVisible();
    await hers.goto(`${issuer}/account/passkeys`);
    await expect(hers.locator("#passkeys-list")).toContainText("have a known weakness");
    await look(hers, "known weakness");
    expect((await mailTo(person.username, 2)).subject).toContain("was blocked");
    await signIn();
    // The account page told the authenticator (signalAllAcceptedCredentials), which offers it no more.
    await expect(hosted.problem).toContainText("No passkey was used");
  } finally {
    await hers.close();
    await rm(folder, { recursive: true, force: true });
  }
});
