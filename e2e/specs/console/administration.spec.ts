import { CallbackServer } from "../../fixtures/callback-server.ts";
import { baseUrl, demo, issuerOf, system, unique } from "../../fixtures/environment.ts";
import { HostedPages } from "../../fixtures/hosted-pages.ts";
import { RelyingParty } from "../../fixtures/relying-party.ts";
import { expect, test } from "../../fixtures/test.ts";

test("the platform administrator makes an organization, a user and a client, and that user signs in", async ({ page, browser, console }) => {
  const name = `Officina ${unique()}`;
  const password = "Tornio-Parallelo-77";
  const callback = await CallbackServer.start();
  await console.signIn(system.slug, system.administrator);
  const slug = await console.createOrganization(name);
  await console.createUser({ email: "mario@officina.test", givenName: "Mario", familyName: "Rossi", password });
  const client = await console.createWebApplication("Magazzino", callback.redirectUri);
  expect(client.issuer).toBe(issuerOf(slug));

  await console.open("Audit events");
  for (const [event, target] of [["Client created", "Magazzino"], ["User created", "mario@officina.test"]] as const) {
    const row = page.getByRole("row").filter({ has: page.getByRole("button", { name: event }) }).filter({ hasText: target });
    await expect(row).toContainText(system.administrator.username);
  }

  const person = await (await browser.newContext()).newPage();
  const hosted = new HostedPages(person);
  const application = await RelyingParty.configured(client.issuer, callback, client);
  const attempt = await application.begin();
  await person.goto(attempt.url);
  await expect(hosted.heading(`Sign in to ${name}`)).toBeVisible();
  await hosted.signIn({ username: "mario@officina.test", password });
  await expect(hosted.heading("Magazzino asks for access")).toBeVisible();
  await hosted.allow.click();
  const tokens = await application.redeem(await application.returned(person, attempt), attempt);
  expect(await application.userinfo(tokens)).toMatchObject({ name: "Mario Rossi", email: "mario@officina.test" });
  await person.context().close();
  await application.stop();
});

test("a new user chooses a password through a one-time link, once", async ({ browser, console }) => {
  await console.signIn(system.slug, system.administrator);
  const slug = await console.createOrganization(`Ufficio ${unique()}`);
  await console.createUser({ email: "rosa@ufficio.test", givenName: "Rosa", familyName: "Bianchi" });
  const link = await console.makeOneTimeLink();

  const page = await (await browser.newContext()).newPage();
  const hosted = new HostedPages(page);
  await page.goto(link);
  await expect(hosted.heading("Choose a password")).toBeVisible();
  await hosted.choosePassword("Calamaio-e-Penna-31");
  await expect(hosted.heading("You are signed in")).toBeVisible();

  const again = await (await browser.newContext()).newPage();
  await again.goto(link);
  await expect(again.locator("#error-description")).toContainText("used already");
  await new HostedPages(again).signInAtHome(issuerOf(slug), { username: "rosa@ufficio.test", password: "Calamaio-e-Penna-31", name: "Rosa Bianchi" });
  await page.context().close();
  await again.context().close();
});

test("a temporary password opens nothing but the choice of another", async ({ browser, console }) => {
  await console.signIn(system.slug, system.administrator);
  const slug = await console.createOrganization(`Scuola ${unique()}`);
  await console.createUser({ email: "ugo@scuola.test", givenName: "Ugo", familyName: "Verdi", password: "Lavagna-Verde-12", temporary: true });

  const page = await (await browser.newContext()).newPage();
  const hosted = new HostedPages(page);
  await page.goto(`${issuerOf(slug)}/`);
  await hosted.signIn({ username: "ugo@scuola.test", password: "Lavagna-Verde-12" });
  await expect(hosted.heading("Choose a new password")).toBeVisible();
  await hosted.choosePassword("Lavagna-Verde-12");
  await expect(hosted.problem).toHaveText("That is your current password. Choose another one.");
  await page.goto(`${issuerOf(slug)}/`);
  await expect(hosted.username).toBeVisible();
  await hosted.signIn({ username: "ugo@scuola.test", password: "Lavagna-Verde-12" });
  await hosted.choosePassword("Gessetto-Bianco-34");
  await expect(hosted.heading("You are signed in")).toBeVisible();
  await page.context().close();
});

test("an organization administrator sees their organization and no other", async ({ page, console }) => {
  await console.signIn(demo.slug, demo.grace);
  await expect(console.heading("Demo")).toBeVisible();
  await expect(page.getByRole("navigation", { name: "Platform" })).toHaveCount(0);
  await console.open("Users");
  await expect(page.getByRole("link", { name: demo.ada.name })).toBeVisible();

  for (const place of ["", "/users", "/clients", "/settings"]) {
    await page.goto(`${baseUrl()}/console/orgs/${system.slug}${place}`);
    await expect(page.getByRole("main")).toContainText(/There is no such organization|could not be read/);
    await expect(page.getByText(system.administrator.username)).toHaveCount(0);
  }
  expect(await console.call("GET", `/api/v1/orgs/${system.slug}/users`)).toMatchObject({ status: 404 });
  expect(await console.call("POST", "/api/v1/orgs", { name: "Mine", slug: `mine-${unique()}` })).toMatchObject({ status: 403, body: { code: "permission_denied" } });
  const own = (await console.call("GET", "/api/v1/orgs")).body as { items?: { slug: string }[] };
  expect((own.items ?? []).filter(({ slug }) => slug !== demo.slug)).toEqual([]);
});

test("somebody without a role is told so and shown nothing", async ({ page, console }) => {
  await console.chooseOrganization(demo.slug);
  await new HostedPages(page).signIn(demo.ada);
  await expect(console.heading("You have no role here")).toBeVisible();
  await expect(page.getByText(`You are signed in as ${demo.ada.username}`)).toBeVisible();
  await expect(page.getByRole("navigation")).toHaveCount(0);
  for (const place of ["", "/users", "/clients", "/audit-events", "/overview"]) {
    expect(await console.call("GET", `/api/v1/orgs/${demo.slug}${place}`)).toMatchObject({ status: 403 });
  }
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await expect(console.heading("Sign in to the console")).toBeVisible();
});

test("the console's session is out of a script's reach and ends with the sign-out", async ({ page, context, console }) => {
  await console.signIn(system.slug, system.administrator);
  const cookies = (await context.cookies()).filter(({ name }) => name.includes("console"));
  for (const cookie of cookies) expect(cookie.httpOnly).toBe(true);
  expect(cookies.filter(({ name }) => name.endsWith("-console"))).toEqual([expect.objectContaining({ sameSite: "Strict" })]);
  const readable = await page.evaluate(() => JSON.stringify([document.cookie, Object.entries(localStorage), Object.entries(sessionStorage)]));
  expect(readable).not.toMatch(/eyJ|token|session/i);

  // Without the header that only the console's script knows, the cookie is worth nothing for changes.
  const forged = await page.evaluate(
    async (slug) => (await fetch("/api/v1/orgs", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ name: "Forged", slug }) })).status,
    `forged-${unique()}`,
  );
  expect(forged).toBe(403);

  await console.signOut();
  await expect(console.heading("Sign in to the console")).toBeVisible();
  // Whoever kept the cookie has nothing.
  await context.addCookies(cookies);
  expect(await console.call("GET", "/api/v1/orgs")).toMatchObject({ status: 401 });
  await page.goto(`/console/orgs/${system.slug}/users`);
  await expect(console.heading("Sign in to the console")).toBeVisible();
  // The session at the organization itself ended too.
  await page.goto(`${issuerOf(system.slug)}/`);
  await expect(new HostedPages(page).username).toBeVisible();
});
