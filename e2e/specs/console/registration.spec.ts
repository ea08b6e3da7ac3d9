import { createSign, generateKeyPairSync, type KeyObject } from "node:crypto";
import { baseUrl, issuerOf, system, unique } from "../../fixtures/environment.ts";
import { HostedPages } from "../../fixtures/hosted-pages.ts";
import { RelyingParty } from "../../fixtures/relying-party.ts";
import { expect, test } from "../../fixtures/test.ts";

const person = { username: "lea@porto.test", password: "Molo-Vecchio-19" };

test("an application registers with the token that the console issued, and somebody signs in to it", async ({ page, browser, console }) => {
  test.slow();
  await console.signIn(system.slug, system.administrator);
  const slug = await console.createOrganization(`Porto ${unique()}`);
  const issuer = issuerOf(slug);
  await console.createUser({ email: person.username, givenName: "Lea", familyName: "Neri", password: person.password });

  await console.open("Registration");
  await expect(page.getByRole("radio", { name: /^Closed/ })).toBeChecked();
  await expect(page.getByText(`${issuer}/register`)).toBeVisible();
  await expect(RelyingParty.registered(issuer, "Stranger")).rejects.toThrow();
  await page.getByRole("radio", { name: /^With a token/ }).check();
  await page.getByLabel("Hosts of redirect URIs").fill("localhost");
  await console.save("Save registration");

  await console.tab("Initial access tokens");
  await expect(page.getByText("No initial access tokens yet")).toBeVisible();
  const token = await console.issueInitialAccessToken("Gru", 1);
  const row = page.getByRole("row").filter({ hasText: "Gru" });
  await expect(row).toContainText("Active");
  await expect(row).toContainText("0 of 1");
  await expect(page.getByText(token)).toHaveCount(0);

  await expect(RelyingParty.registered(issuer, "Stranger")).rejects.toThrow();
  const elsewhere = () => ({ redirect_uris: ["https://elsewhere.example/callback"] });
  await expect(RelyingParty.registered(issuer, "Elsewhere", elsewhere, token)).rejects.toMatchObject({ error: "invalid_redirect_uri" });
  const application = await RelyingParty.registered(issuer, "Gru", () => ({}), token);
  await expect(RelyingParty.registered(issuer, "One too many", () => ({}), token)).rejects.toThrow();
  await page.reload();
  await expect(row).toContainText("Used up");
  await expect(row).toContainText("1 of 1");
  await console.open("Clients");
  await page.getByRole("link", { name: "Gru" }).click();
  await expect(page.getByText("Registered itself", { exact: true })).toBeVisible();

  const visitor = await (await browser.newContext()).newPage();
  const hosted = new HostedPages(visitor);
  const attempt = await application.begin();
  await visitor.goto(attempt.url);
  await hosted.signIn(person);
  await hosted.allow.click();
  const tokens = await application.redeem(await application.returned(visitor, attempt), attempt);
  expect(await application.userinfo(tokens)).toMatchObject({ name: "Lea Neri" });
  await visitor.context().close();
  await application.stop();
});

test("a revoked token registers nothing, and what is wrong with a new one is said where it is", async ({ page, console }) => {
  test.slow();
  await console.signIn(system.slug, system.administrator);
  const slug = await console.createOrganization(`Faro ${unique()}`);
  await page.goto(`${baseUrl()}/console/orgs/${slug}/registration?tab=tokens`);
  await expect(page.getByText("Registration is closed")).toBeVisible();
  await page.getByRole("button", { name: "Issue token" }).click();
  const sheet = page.getByRole("dialog");
  await sheet.getByLabel("How many clients").fill("0");
  await sheet.getByLabel("Last day").fill("2020-01-01");
  await sheet.getByRole("button", { name: "Issue token" }).click();
  await expect(sheet.getByLabel("What is it for?")).toHaveAccessibleDescription(/Say what it is for/);
  await expect(sheet.getByLabel("How many clients")).toHaveAccessibleDescription(/between 1 and 1000000/);
  await sheet.getByLabel("What is it for?").fill("Lanterna");
  await sheet.getByLabel("How many clients").fill("");
  await sheet.getByRole("button", { name: "Issue token" }).click();
  await expect(sheet.getByLabel("Last day")).toHaveAccessibleDescription(/expires within a year/);
  await sheet.getByRole("button", { name: "Cancel" }).click();

  const token = await console.issueInitialAccessToken("Lanterna");
  await console.tab("Who may register");
  await page.getByRole("radio", { name: /^With a token/ }).check();
  await console.save("Save registration");
  const application = await RelyingParty.registered(issuerOf(slug), "Before", () => ({}), token);
  await console.tab("Initial access tokens");
  await page.getByRole("button", { name: "Revoke Lanterna" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Revoke token" }).click();
  await expect(page.getByRole("row").filter({ hasText: "Lanterna" })).toContainText("Revoked");
  await expect(RelyingParty.registered(issuerOf(slug), "After", () => ({}), token)).rejects.toThrow();
  await console.open("Clients");
  await expect(page.getByRole("link", { name: "Before" })).toBeVisible();
  await application.stop();
});

/** A software statement (RFC 7591 §2.3) of an issuer with this key. */
function statementOf(key: KeyObject, claims: Record<string, string | number>): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const content = `${part({ alg: "ES256", typ: "JWT" })}.${part(claims)}`;
  return `${content}.${createSign("sha256").update(content).sign({ key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
}

test("an issuer that the console trusts vouches for an application, until it is removed", async ({ page, console }) => {
  test.slow();
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const trusted = `https://trust-${unique()}.example`;
  await console.signIn(system.slug, system.administrator);
  const slug = await console.createOrganization(`Dogana ${unique()}`);
  await console.open("Registration");
  await page.getByRole("radio", { name: /^Open/ }).check();
  await console.save("Save registration");
  const statement = statementOf(privateKey, { iss: trusted, client_name: "Vouched for", software_id: "crane", exp: Math.floor(Date.now() / 1000) + 3600 });
  const register = async (): Promise<{ status: number; body: unknown }> => {
    const answer = await fetch(`${issuerOf(slug)}/register`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ client_name: "Says so", redirect_uris: ["https://crane.example/callback"], software_statement: statement }),
    });
    return { status: answer.status, body: await answer.json() };
  };
  expect(await register()).toMatchObject({ status: 400, body: { error: "unapproved_software_statement" } });

  await console.tab("Software statements");
  await page.getByRole("button", { name: "Add issuer" }).click();
  const sheet = page.getByRole("dialog");
  await sheet.getByLabel("Issuer", { exact: true }).fill(trusted);
  const keys = sheet.getByLabel("Or the keys themselves (jwks)");
  await keys.fill(JSON.stringify({ keys: [privateKey.export({ format: "jwk" })] }));
  await sheet.getByRole("button", { name: "Add issuer" }).click();
  await expect(keys).toHaveAccessibleDescription(/set of public keys/);
  await keys.fill(JSON.stringify({ keys: [{ ...publicKey.export({ format: "jwk" }), use: "sig" }] }));
  await sheet.getByRole("button", { name: "Add issuer" }).click();
  await expect(console.entry(trusted)).toContainText("1 key, pasted here");
  expect(await register()).toMatchObject({ status: 201, body: { client_name: "Vouched for", software_id: "crane" } });

  await page.getByRole("button", { name: `Remove ${trusted}` }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove issuer" }).click();
  await expect(page.getByText("No trusted issuers")).toBeVisible();
  expect(await register()).toMatchObject({ status: 400, body: { error: "unapproved_software_statement" } });
});
