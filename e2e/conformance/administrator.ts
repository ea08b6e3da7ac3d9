import type { Browser, BrowserContext, Page } from "@playwright/test";
import { system } from "../fixtures/environment.ts";

/** The platform's administrator, signed in to the console: calls the Admin API as the console does. */
export class Administrator {
  readonly #context: BrowserContext;
  readonly #page: Page;

  private constructor(context: BrowserContext, page: Page) {
    this.#context = context;
    this.#page = page;
  }

  static async signIn(browser: Browser, base: string): Promise<Administrator> {
    const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: "en-GB" });
    const page = await context.newPage();
    await page.goto(`${base}/console/login?organization=${system.slug}`);
    await page.locator("#username").fill(system.administrator.username);
    await page.locator("#password").fill(system.administrator.password);
    await page.locator("#login-form button[type=submit]").first().click();
    await page.waitForURL(/\/console\/(orgs.*)?$/, { waitUntil: "commit" });
    await page.goto(`${base}/healthz`); // a page of the same origin that leads nowhere by itself
    return new Administrator(context, page);
  }

  /** Makes something, and fails with what the server says when it does not. */
  async make(address: string, body: unknown): Promise<void> {
    await this.#call("POST", address, body, 201);
  }

  /** Does something about what is there, and fails with what the server says when it does not. */
  async act(address: string, body: unknown): Promise<void> {
    await this.#call("POST", address, body, 204);
  }

  /** Reads what is at the address. */
  async read<Content>(address: string): Promise<Content> {
    return JSON.parse(await this.#call("GET", address, undefined, 200)) as Content;
  }

  async #call(method: string, address: string, body: unknown, expected: number): Promise<string> {
    const answer = await this.#page.evaluate(
      async ({ method: verb, url, content }) => {
        const session = (await (await fetch("/console/api/session")).json()) as { csrf_token?: string };
        const headers = { "x-csrf-token": session.csrf_token ?? "", ...(content === undefined ? {} : { "content-type": "application/json" }) };
        const response = await fetch(url, { method: verb, headers, ...(content === undefined ? {} : { body: content }) });
        return { status: response.status, text: await response.text() };
      },
      { method, url: address, content: body === undefined ? undefined : JSON.stringify(body) },
    );
    if (answer.status !== expected) throw new Error(`${method} ${address} answered ${answer.status}: ${answer.text}`);
    return answer.text;
  }

  async close(): Promise<void> {
    await this.#context.close();
  }
}
