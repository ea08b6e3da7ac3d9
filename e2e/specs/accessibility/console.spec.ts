import type { Page } from "@playwright/test";
import { expectAccessible, expectNoSidewaysScroll, expectReadable, type Look } from "../../fixtures/accessibility.ts";
import type { Console } from "../../fixtures/console.ts";
import { demo, system } from "../../fixtures/environment.ts";
import { expect, test } from "../../fixtures/test.ts";

interface Place {
  readonly what: string;
  readonly address: string;
  readonly heading: string | RegExp;
}

/** Milliseconds for a walk through everything, on a machine that does other things too. */
const patience = 600_000;

const pages: readonly Place[] = [
  { what: "the list of organizations", address: "/console/orgs", heading: "Organizations" },
  { what: "the new organization", address: "/console/new-organization", heading: "Create organization" },
  { what: "the overview", address: `/console/orgs/${demo.slug}`, heading: demo.name },
  { what: "the list of users", address: `/console/orgs/${demo.slug}/users`, heading: "Users" },
  { what: "the new user", address: `/console/orgs/${demo.slug}/users/new`, heading: "Create user" },
  { what: "the list of clients", address: `/console/orgs/${demo.slug}/clients`, heading: "Clients" },
  { what: "the new client", address: `/console/orgs/${demo.slug}/clients/new`, heading: "Create client" },
  { what: "the scopes", address: `/console/orgs/${demo.slug}/scopes`, heading: "Scopes and claims" },
  { what: "the claims", address: `/console/orgs/${demo.slug}/scopes?tab=claims`, heading: "Scopes and claims" },
  { what: "the resource servers", address: `/console/orgs/${demo.slug}/apis`, heading: "APIs" },
  { what: "the permissions in detail", address: `/console/orgs/${demo.slug}/apis?tab=details`, heading: "APIs" },
  { what: "the trusted issuers", address: `/console/orgs/${demo.slug}/apis?tab=issuers`, heading: "APIs" },
  { what: "the identity providers", address: `/console/orgs/${demo.slug}/identity-providers`, heading: "Identity providers" },
  { what: "the registration", address: `/console/orgs/${demo.slug}/registration`, heading: "Registration" },
  { what: "the initial access tokens", address: `/console/orgs/${demo.slug}/registration?tab=tokens`, heading: "Registration" },
  { what: "the issuers of software statements", address: `/console/orgs/${demo.slug}/registration?tab=issuers`, heading: "Registration" },
  { what: "the audit events", address: `/console/orgs/${demo.slug}/audit-events`, heading: "Audit events" },
];

/** Opens what a form keeps folded, and what is folded within it. */
async function unfold(page: Page): Promise<void> {
  const folded = page.locator("main form [role=button][aria-expanded=false]");
  await expect(folded).not.toHaveCount(0);
  for (let left = await folded.count(); left > 0; left = await folded.count()) await folded.first().click();
  await expect(folded).toHaveCount(0);
}

/** Looks at each tab of the page that is shown, however many it has. */
async function expectTabs(page: Page, console: Console, look: Look, label: "Settings" | "User" | "Client"): Promise<void> {
  const tabs = page.getByRole("main").getByRole("navigation", { name: label, exact: true }).getByRole("link");
  await expect(tabs).not.toHaveCount(0);
  for (const name of await tabs.allInnerTexts()) {
    await console.tab(name);
    await expect(page.getByRole("status", { name: "Loading" })).toHaveCount(0);
    await look(page, `the tab “${name}” of “${label}”`);
  }
}

/** Looks at what opens beside a page, and leaves it. */
async function expectSheet(page: Page, look: Look, address: string, button: string): Promise<void> {
  await page.goto(address);
  await page.getByRole("main").getByRole("button", { name: button, exact: true }).first().click();
  const sheet = page.getByRole("dialog");
  await expect(sheet).toBeVisible();
  // It slides in; what is looked at stands still.
  await sheet.evaluate((element) => Promise.all(element.getAnimations().map((animation) => animation.finished)));
  await look(page, `the sheet of “${button}”`);
  await sheet.getByRole("button", { name: "Cancel" }).click();
  await expect(sheet).toHaveCount(0);
}

/** Walks through the console and looks at each page when its data is there. */
async function expectEverywhere(page: Page, console: Console, look: Look): Promise<void> {
  await page.goto("/console/");
  await expect(console.heading("Sign in to the console")).toBeVisible();
  await look(page, "the landing page");
  await console.signIn(system.slug, system.administrator);
  for (const { what, address, heading } of pages) {
    await page.goto(address);
    await expect(console.heading(heading)).toBeVisible();
    await expect(page.getByRole("status", { name: "Loading" })).toHaveCount(0);
    await look(page, what);
  }
  await page.goto(`/console/orgs/${demo.slug}/users`);
  await page.getByRole("link", { name: demo.ada.name }).click();
  await expect(console.heading(demo.ada.name)).toBeVisible();
  await expectTabs(page, console, look, "User");
  await page.goto(`/console/orgs/${demo.slug}/settings`);
  await expectTabs(page, console, look, "Settings");
  await page.goto(`/console/orgs/${demo.slug}/clients`);
  await page.getByRole("link", { name: "Demo web application" }).click();
  await expect(console.heading("Demo web application")).toBeVisible();
  const client = page.url();
  await expectTabs(page, console, look, "Client");
  await page.goto(client);
  await unfold(page);
  await page.getByLabel("Authentication at the token endpoint").selectOption("private_key_jwt");
  await look(page, "a client");
  await page.goto(`/console/orgs/${demo.slug}/clients/new`);
  await unfold(page);
  await look(page, "the new client, unfolded");
  await expectSheet(page, look, `/console/orgs/${demo.slug}/scopes`, "Edit profile");
  await expectSheet(page, look, `/console/orgs/${demo.slug}/scopes`, "Add scope");
  await expectSheet(page, look, `/console/orgs/${demo.slug}/scopes?tab=claims`, "Add claim");
  await expectSheet(page, look, `/console/orgs/${demo.slug}/registration?tab=tokens`, "Issue token");
  await expectSheet(page, look, `/console/orgs/${demo.slug}/registration?tab=issuers`, "Add issuer");
  await expectSheet(page, look, `/console/orgs/${demo.slug}/identity-providers`, "Add provider");
  await expectSheet(page, look, `/console/orgs/${demo.slug}/apis`, "Register resource server");
  await expectSheet(page, look, `/console/orgs/${demo.slug}/apis?tab=details`, "Add type");
  await expectSheet(page, look, `/console/orgs/${demo.slug}/apis?tab=issuers`, "Trust an issuer");
}

test("every page of the console is accessible", async ({ page, console }) => {
  test.setTimeout(patience);
  await expectEverywhere(page, console, expectAccessible);
});

test.describe("in dark colours", () => {
  test.use({ colorScheme: "dark" });

  test("every page of the console is readable", async ({ page, console }) => {
    test.setTimeout(patience);
    await expectEverywhere(page, console, expectReadable);
  });
});

test.describe("on a screen of 320 pixels", () => {
  test.use({ viewport: { width: 320, height: 640 } });

  test("every page of the console fits", async ({ page, console }) => {
    test.setTimeout(patience);
    await expectEverywhere(page, console, expectNoSidewaysScroll);
  });
});
