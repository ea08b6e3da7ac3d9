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
    const answer = await this.#page.evaluate(
      async ([url, content]) => {
        const session = (await (await fetch("/console/api/session")).json()) as { csrf_token?: string };
        const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json", "x-csrf-token": session.csrf_token ?? "" }, body: content });
        return { status: response.status, text: await response.text() };
      },
      [address, JSON.stringify(body)] as const,
    );
    if (answer.status !== 201) throw new Error(`POST ${address} answered ${answer.status}: ${answer.text}`);
  }

  async close(): Promise<void> {
    await this.#context.close();
  }
}
