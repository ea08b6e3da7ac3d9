import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser } from "@playwright/test";
import { demo } from "../fixtures/environment.ts";
import { Administrator } from "./administrator.ts";
import { openContext } from "./browser.ts";
import type { Provider } from "./provider.ts";

interface Pending {
  readonly id: string;
  readonly acr_values: readonly string[];
}

/** What a request may demand of the person's sign-in: a password. */
export const demandedContext = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";

/**
 * Decides about requests that come through the back channel (CIBA), as an application of the operator does; where the
 * request demands to know how the person signs in, the person does at the browser. The suite says when, by calling
 * `address` with what the person decides; it runs one module at a time, so the newest request is the one it means.
 */
export class Approvals {
  readonly #server: Server;
  readonly #administrator: Administrator;
  readonly address: string;

  private constructor(server: Server, administrator: Administrator) {
    this.#server = server;
    this.#administrator = administrator;
    this.address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/{action}`;
  }

  static async open(browser: Browser, base: string, provider: Provider): Promise<Approvals> {
    const administrator = await Administrator.signIn(browser, base);
    const server = createServer((request, response) => {
      const answer = (status: number, body: unknown): void => void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
      decide(browser, administrator, provider, new URL(request.url ?? "/", "http://localhost").pathname.slice(1)).then(
        (decided) => { answer(200, decided); },
        (error: unknown) => { answer(500, { error: String(error) }); },
      );
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new Approvals(server, administrator);
  }

  async close(): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
    await this.#administrator.close();
  }
}

async function decide(browser: Browser, administrator: Administrator, provider: Provider, action: string): Promise<object> {
  const decision = { allow: "approve", deny: "deny" }[action];
  if (decision === undefined) throw new Error(`nobody can ${action} a request`);
  const requests = provider.administered("backchannel-requests");
  const { items } = await administrator.read<{ items: readonly Pending[] }>(`${requests}?limit=1`);
  const [newest] = items;
  if (newest === undefined) throw new Error("no request waits for a decision");
  if (newest.acr_values.length > 0) await decideAtTheBrowser(browser, provider, newest.id, action);
  else await administrator.act(`${requests}/${newest.id}/decision`, { decision });
  return { request: newest.id, decision };
}

async function decideAtTheBrowser(browser: Browser, provider: Provider, request: string, action: string): Promise<void> {
  const { context, close } = await openContext(browser, "");
  try {
    const page = await context.newPage();
    await page.goto(`${provider.issuer}/approvals`);
    await page.locator("#username").fill(demo.ada.username);
    await page.locator("#password").fill(demo.ada.password);
    await page.locator("#login-submit").click();
    await page.locator(`#review-${request}`).click();
    await page.locator(`#consent-${action}`).click();
    await page.waitForURL(action === "allow" ? "**/approvals/allowed" : "**/approvals/denied");
  } finally {
    await close();
  }
}
