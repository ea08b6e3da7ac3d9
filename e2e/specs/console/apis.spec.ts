import { generateKeyPairSync, randomUUID, sign } from "node:crypto";
import { CallbackServer } from "../../fixtures/callback-server.ts";
import { system, unique } from "../../fixtures/environment.ts";
import { HostedPages } from "../../fixtures/hosted-pages.ts";
import { RelyingParty } from "../../fixtures/relying-party.ts";
import { expect, test } from "../../fixtures/test.ts";

const person = { username: "lia@cassa.test", password: "Registratore-58" };
const ledger = "https://api.cassa.test/ledger";

const claimsOf = (token: string) => JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as Record<string, unknown>;

test("an API and a permission in detail are written down in the console, and people read and tokens contain exactly that", async ({ page, browser, console }) => {
  test.slow();
  const callback = await CallbackServer.start();
  await console.signIn(system.slug, system.administrator);
  await console.createOrganization(`Cassa ${unique()}`);
  await console.createUser({ email: person.username, givenName: "Lia", familyName: "Sala", password: person.password });

  await console.open("APIs");
  await page.getByRole("button", { name: "Register resource server" }).click();
  const sheet = page.getByRole("dialog");
  await sheet.getByLabel("Name", { exact: true }).fill("Ledger");
  await sheet.getByLabel("Identifier").fill(ledger);
  await sheet.getByRole("checkbox", { name: "Publish it" }).check();
  await sheet.getByRole("button", { name: "Register", exact: true }).click();
  await expect(page.getByRole("row").filter({ hasText: ledger })).toContainText("Published");

  await console.tab("Permissions in detail");
  await page.getByRole("button", { name: "Add type" }).click();
  await sheet.getByLabel("Type").fill("payment");
  for (const [name, kind] of [["amount", "amount"], ["creditor", "text"]] as const) {
    await sheet.getByRole("button", { name: "Add a field" }).click();
    const row = sheet.getByRole("group").last();
    await row.getByLabel("Field", { exact: true }).fill(name);
    await row.getByLabel("Kind").selectOption(kind);
  }
  await sheet.getByLabel("Sentence, English").fill("Pay {amount} to {creditor}");
  await sheet.getByLabel("Sentence, Italian").fill("Pagare {amount} a {creditor}");
  const preview = sheet.getByRole("region", { name: "On the consent page" });
  await preview.getByLabel("Language of the preview").selectOption("Italian");
  await expect(preview).toContainText("Pagare 12.50 EUR a Merchant A");
  await sheet.getByRole("button", { name: "Add type" }).click();
  await expect(console.entry("payment")).toContainText("Pay 12.50 EUR to Merchant A");

  const client = await console.createWebApplication("Till", callback.redirectUri);
  await page.getByRole("button", { name: /^APIs/ }).click();
  await page.getByLabel("Resource servers").fill(ledger);
  await page.getByRole("checkbox", { name: "payment" }).check();
  await console.save("Save settings");

  const visitor = await (await browser.newContext()).newPage();
  const hosted = new HostedPages(visitor);
  const application = await RelyingParty.configured(client.issuer, callback, client);
  expect(application.configuration.serverMetadata().protected_resources).toEqual([ledger]);
  const details = [{ type: "payment", amount: { amount: "7.20", currency: "EUR" }, creditor: "Bar Sport" }];
  const attempt = await application.begin({ resource: ledger, authorization_details: JSON.stringify(details) });
  await visitor.goto(attempt.url);
  await hosted.signIn(person);
  await expect(visitor.getByText("Pay 7.20 EUR to Bar Sport")).toBeVisible();
  await expect(visitor.getByText("Ledger")).toBeVisible();
  await hosted.allow.click();
  const tokens = await application.redeem(await application.returned(visitor, attempt), attempt);
  expect(claimsOf(tokens.access_token)).toMatchObject({ aud: ledger, authorization_details: details });

  // What is deleted can be asked for no longer.
  await console.open("APIs");
  await page.getByRole("button", { name: "Delete Ledger" }).click();
  await page.getByLabel(`Type ${ledger} to confirm`).fill(ledger);
  await page.getByRole("button", { name: "Delete resource server" }).click();
  await expect(page.getByText("No resource servers yet")).toBeVisible();
  const refused = await application.begin({ resource: ledger });
  await visitor.goto(refused.url);
  expect((await application.returned(visitor, refused)).searchParams.get("error")).toBe("invalid_target");
  await visitor.context().close();
  await application.stop();
});

test("an issuer is trusted in the console, and its word is good for a token until it is taken no longer", async ({ page, console }) => {
  await console.signIn(system.slug, system.administrator);
  const slug = await console.createOrganization(`Partner ${unique()}`);
  await console.createUser({ email: person.username, givenName: "Lia", familyName: "Sala", password: person.password });
  const registered = await console.call("POST", `/api/v1/orgs/${slug}/clients`, { client_id: "agent", client_name: "Agent", redirect_uris: [], response_types: [], grant_types: ["urn:ietf:params:oauth:grant-type:jwt-bearer"], scopes: ["orders:read"] });
  const secret = (registered.body as { client_secret: string }).client_secret;
  const issuer = "https://idp.partner.test";
  const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });

  await console.open("APIs");
  await console.tab("Trusted issuers");
  await page.getByRole("button", { name: "Trust an issuer" }).click();
  const sheet = page.getByRole("dialog");
  await sheet.getByLabel("Name", { exact: true }).fill("Partner");
  await sheet.getByLabel("Issuer", { exact: true }).fill(issuer);
  await sheet.getByLabel("Or the keys themselves (jwks)").fill(JSON.stringify({ keys: [{ ...keys.publicKey.export({ format: "jwk" }), kid: "p", alg: "ES256", use: "sig" }] }));
  await sheet.getByLabel("Clients that may present its assertions").fill("agent");
  await sheet.getByLabel("Scopes").fill("orders:read");
  await sheet.getByRole("button", { name: "Trust issuer" }).click();
  await expect(page.getByRole("row").filter({ hasText: issuer })).toBeVisible();
  await page.getByRole("button", { name: "People of Partner" }).click();
  await sheet.getByLabel("Subject").fill("u-17");
  await sheet.getByLabel("User").fill(person.username);
  await sheet.getByRole("button", { name: "Link", exact: true }).click();
  await expect(sheet.getByRole("listitem").filter({ hasText: "u-17" })).toBeVisible();
  await sheet.getByRole("button", { name: "Close" }).click();

  const { issuer: here } = (await console.call("GET", `/api/v1/orgs/${slug}`)).body as { issuer: string };
  const send = async (endpoint: string, form: Record<string, string>) => {
    const answer = await fetch(`${here}/${endpoint}`, { method: "POST", headers: { authorization: `Basic ${Buffer.from(`agent:${secret}`).toString("base64")}` }, body: new URLSearchParams(form) });
    return (await answer.json()) as Record<string, unknown>;
  };
  const present = () => {
    const now = Math.floor(Date.now() / 1000);
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const signed = `${encode({ alg: "ES256", kid: "p", typ: "JWT" })}.${encode({ iss: issuer, sub: "u-17", aud: here, jti: randomUUID(), iat: now, exp: now + 60 })}`;
    const signature = sign("sha256", Buffer.from(signed), { key: keys.privateKey, dsaEncoding: "ieee-p1363" }).toString("base64url");
    return send("token", { grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion: `${signed}.${signature}` });
  };
  const granted = await present();
  expect(granted).toMatchObject({ token_type: "Bearer", scope: "orders:read" });
  const token = String(granted.access_token);
  expect(await send("introspect", { token })).toMatchObject({ active: true });

  await page.getByRole("button", { name: "Edit Partner" }).click();
  await sheet.getByRole("checkbox", { name: "Its word is taken" }).uncheck();
  await sheet.getByRole("button", { name: "Save issuer" }).click();
  await expect(page.getByRole("row").filter({ hasText: issuer })).toContainText("Disabled");
  expect(await send("introspect", { token })).toEqual({ active: false });
  expect(await present()).toMatchObject({ error: "invalid_grant" });
});
