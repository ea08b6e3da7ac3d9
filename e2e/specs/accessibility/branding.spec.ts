import { expectReadable } from "../../fixtures/accessibility.ts";
import { hardColors } from "../../fixtures/branding.ts";
import { Console } from "../../fixtures/console.ts";
import { issuerOf, system, unique } from "../../fixtures/environment.ts";
import { RelyingParty } from "../../fixtures/relying-party.ts";
import { expect, test } from "../../fixtures/test.ts";

const person = { username: "ada@brand.test", password: "Engine-No-1843", name: "Ada King Lovelace" };

for (const [name, color] of hardColors) {
  test(`an organization whose colour is ${name} is readable, light and dark`, async ({ page, hosted, browser }) => {
    test.slow();
    const office = await browser.newContext();
    const desk = new Console(await office.newPage());
    await desk.signIn(system.slug, system.administrator);
    const slug = `brand-${unique()}`;
    const made = async (address: string, body: unknown): Promise<void> => {
      expect((await desk.call("POST", `/api/v1/orgs${address}`, body)).status).toBe(201);
    };
    await made("", { slug, name: "Brand", branding: { brand_color: color }, policies: { registration: "loopback" } });
    await made(`/${slug}/users`, { username: person.username, email: person.username, password: person.password, password_temporary: false, profile: { name: person.name } });
    await office.close();
    const application = await RelyingParty.registered(issuerOf(slug), "Ledger");

    const look = async (what: string): Promise<void> => {
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        await expectReadable(page, `${what}, ${name}, ${colorScheme}`);
      }
    };
    const attempt = await application.begin({ scope: "openid profile email offline_access" });
    await page.goto(attempt.url);
    await hosted.signIn({ username: "nobody@brand.test", password: "not-the-password" });
    await expect(hosted.problem).toBeVisible();
    await look("the sign-in page");
    await hosted.signIn(person);
    await expect(hosted.allow).toBeVisible();
    await look("the consent page");
    await hosted.allow.click();
    await application.returned(page, attempt);
    for (const address of ["", "account", "account/sign-in", "account/passkeys", "account/second-factor", "account/password", "account/sessions", "account/applications", "account/activity", "account/data", "account/delete", "logout"]) {
      await page.goto(`${issuerOf(slug)}/${address}`);
      await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
      await look(`the page ${address || "of the home"}`);
    }
    await application.stop();
  });
}
