import { enableDecryptingResponses } from "openid-client";
import { CallbackServer } from "../../fixtures/callback-server.ts";
import { system, unique } from "../../fixtures/environment.ts";
import { HostedPages } from "../../fixtures/hosted-pages.ts";
import { RelyingParty } from "../../fixtures/relying-party.ts";
import { expect, test } from "../../fixtures/test.ts";

const person = { username: "pia@banca.test", password: "Cassaforte-Blu-73" };

test("what the console says of signing, encryption, identifiers and languages is what the application gets", async ({ page, browser, console }) => {
  test.slow();
  const callback = await CallbackServer.start();
  await console.signIn(system.slug, system.administrator);
  await console.createOrganization(`Banca ${unique()}`);
  await console.createUser({ email: person.username, givenName: "Pia", familyName: "Conti", password: person.password });
  const personId = new URL(page.url()).pathname.split("/").at(-1);
  const client = await console.createWebApplication("Payslips", callback.redirectUri);
  const keys = await crypto.subtle.generateKey({ name: "ECDH", namedCurve: "P-256" }, true, ["deriveBits"]);
  const publicKey = await crypto.subtle.exportKey("jwk", keys.publicKey);

  await page.getByRole("button", { name: /^Signing and encryption/ }).click();
  await page.getByLabel("ID token encryption", { exact: true }).selectOption("ECDH-ES");
  await page.getByLabel("ID token encryption, content").selectOption("A256GCM");
  await page.getByLabel("Userinfo signature").selectOption("PS256");
  const save = page.getByRole("button", { name: "Save settings" });
  await save.click();
  // The fold with the fault opens by itself.
  await expect(page.getByLabel("Address of its public keys (jwks_uri)")).toHaveAccessibleDescription(/encrypted to them/);
  await page.getByLabel("Or the keys themselves (jwks)").fill(JSON.stringify({ keys: [{ kty: publicKey.kty, crv: publicKey.crv, x: publicKey.x, y: publicKey.y, use: "enc", alg: "ECDH-ES", kid: "e" }] }));
  await page.getByRole("button", { name: /^Sign-in/ }).click();
  await page.getByRole("radio", { name: /^Its own \(pairwise\)/ }).check();
  const sector = page.getByLabel("Sector identifier URI");
  await sector.fill("https://sector.invalid/redirect-uris.json");
  await page.getByLabel("Say when people signed in").check();
  await save.click();
  await expect(sector).toHaveAttribute("aria-invalid", "true");
  await expect(sector).toBeFocused();
  await sector.fill("");
  await page.getByRole("button", { name: /^Presentation/ }).click();
  const add = page.getByRole("button", { name: "Add a translation" });
  await add.click();
  const first = page.getByRole("group", { name: "Translation 1" });
  await first.getByLabel("Language", { exact: true }).fill("it");
  await first.getByLabel("In that language").fill("Cedolini");
  await add.click();
  const second = page.getByRole("group", { name: "Translation 2" });
  await second.getByLabel("What").selectOption("Home page");
  await second.getByLabel("Language", { exact: true }).fill("it");
  await second.getByLabel("In that language").fill("http://cedolini.example/");
  await save.click();
  await expect(second.getByLabel("In that language")).toHaveAccessibleDescription(/not an https address/);
  await second.getByLabel("In that language").fill("https://cedolini.example/");
  await console.save("Save settings");

  const visitor = await (await browser.newContext()).newPage();
  const hosted = new HostedPages(visitor);
  const application = await RelyingParty.configured(client.issuer, callback, client, { userinfo_signed_response_alg: "PS256" });
  enableDecryptingResponses(application.configuration, ["A256GCM"], { key: keys.privateKey, kid: "e", alg: "ECDH-ES" });
  const attempt = await application.begin({ ui_locales: "it" });
  await visitor.goto(attempt.url);
  await visitor.getByRole("textbox", { name: "Email o nome utente" }).fill(person.username);
  await visitor.getByLabel("Password", { exact: true }).fill(person.password);
  await visitor.getByRole("button", { name: "Accedi", exact: true }).click();
  await expect(hosted.heading(/Cedolini/)).toBeVisible();
  await visitor.locator("#consent-allow").click();
  const tokens = await application.redeem(await application.returned(visitor, attempt), attempt);
  expect(tokens.id_token?.split(".")).toHaveLength(5);
  const claims = tokens.claims();
  expect(claims).toHaveProperty("auth_time");
  expect(claims?.sub).not.toBe(personId);
  expect(await application.userinfo(tokens)).toMatchObject({ name: "Pia Conti", sub: claims?.sub });

  // What was said can be taken back.
  await page.reload();
  await page.getByRole("button", { name: /^Signing and encryption/ }).click();
  await expect(page.getByLabel("ID token encryption, content")).toHaveValue("A256GCM");
  await page.getByLabel("ID token encryption", { exact: true }).selectOption("");
  await page.getByRole("button", { name: /^Presentation/ }).click();
  await page.getByRole("button", { name: "Remove translation 1" }).click();
  await console.save("Save settings");
  const again = await application.begin({ prompt: "consent" });
  await visitor.goto(again.url);
  await expect(hosted.heading(/Payslips/)).toBeVisible();
  await hosted.allow.click();
  const plain = await application.redeem(await application.returned(visitor, again), again);
  expect(plain.id_token?.split(".")).toHaveLength(3);
  await visitor.context().close();
  await application.stop();
});
