import type { BrowserContext, Page } from "@playwright/test";
import { demo } from "../fixtures/environment.ts";
import type { Visit } from "./suite.ts";

// Where the way through our pages stops: at a page of ours that leads nowhere, or back at the suite. A page of
// the suite that takes the answer out of the fragment has sent it on when it marks itself.
// The page that says goodbye goes on by itself when it tells applications by frames.
const stops = "#error-page, #logged-out:not(:has(~ iframe)), #submission_complete, p#complete:not(.collapse)";
const forms = "#login-form, #consent-form, #logout-form";
const patience = 30_000; // milliseconds, for one page

/** A picture of the page with its pictures. */
async function photograph(page: Page): Promise<Buffer | undefined> {
  await page.waitForLoadState("load", { timeout: patience }).catch(() => undefined);
  return page.screenshot().catch(() => undefined);
}

/** The person at the browser: one per module, who keeps their cookies from one address to the next. */
export class Visitor {
  readonly #context: BrowserContext;
  readonly #suite: string;
  /** Of the last visit: the sign-in page, and the page of ours at which the way ended, when there were such pages. */
  #signIn: Buffer | undefined;
  #end: Buffer | undefined;

  readonly #refuses: boolean;
  /** The next page is looked at and left. */
  looksOnly = false;

  constructor(context: BrowserContext, suite: string, refuses: boolean) {
    this.#refuses = refuses;
    this.#context = context;
    this.#suite = suite;
  }

  /** Opens the address as the suite wants it opened and does on every page what it asks for, until nothing is asked. */
  async visit({ url, method }: Visit): Promise<void> {
    const page = await this.#context.newPage();
    this.#signIn = this.#end = undefined;
    try {
      await this.#open(page, url, method);
      for (;;) {
        await page.locator(`${stops}, ${forms}`).first().waitFor({ state: "attached", timeout: patience });
        if ((await page.locator(stops).count()) > 0) break;
        if ((await page.locator(forms).count()) === 0) continue; // it went on by itself between the two looks
        if ((await page.locator("#login-form").count()) > 0) this.#signIn ??= await photograph(page);
        if (this.looksOnly) break;
        await this.#submit(page);
      }
    } finally {
      const ours = (await page.locator("#error-page, #logged-out").count().catch(() => 0)) > 0;
      if (ours) this.#end = await photograph(page);
      await page.close();
    }
  }

  /**
   * What the condition of the suite wants to see of the last visit: a sign-in page, else the page of ours that ended it.
   * Undefined when the visit showed no such page, as when it went back to the suite although an error page was possible.
   */
  screenshotFor(condition: string): Buffer | undefined {
    return condition.includes("LoginPage") ? this.#signIn : this.#end;
  }

  async #open(page: Page, url: string, method: string): Promise<void> {
    if (method !== "POST") {
      await page.goto(url, { waitUntil: "commit" });
      return;
    }
    // A form on a page of the relying party, as OpenID Connect Core 1.0 §3.1.2.1 has it.
    await page.goto(`${this.#suite}/images/openid.png`);
    await page.evaluate((address) => {
      const { searchParams, origin, pathname } = new URL(address);
      const form = document.createElement("form");
      form.method = "post";
      form.action = origin + pathname;
      for (const [name, value] of searchParams) {
        const field = document.createElement("input");
        field.type = "hidden";
        field.name = name;
        field.value = value;
        form.append(field);
      }
      document.body.append(form);
      form.submit();
    }, url);
  }

  /** Sends the form that the page shows, and waits until the browser has left the page. */
  async #submit(page: Page): Promise<void> {
    // Together, so that neither is left alone when the other fails.
    await Promise.all([page.waitForEvent("framenavigated", { predicate: (frame) => frame === page.mainFrame(), timeout: patience }), this.#answer(page)]);
  }

  async #answer(page: Page): Promise<void> {
    if ((await page.locator("#login-form").count()) > 0) {
      const username = page.locator("#username");
      if (await username.isEditable()) await username.fill(demo.ada.username);
      await page.locator("#password").fill(demo.ada.password);
      await page.locator("#login-form button[type=submit]").first().click({ noWaitAfter: true });
    } else if ((await page.locator("#consent-form").count()) > 0) {
      await page.locator(this.#refuses ? "#consent-deny" : "#consent-allow").click({ noWaitAfter: true });
    } else {
      await page.locator("#logout-confirm").click({ noWaitAfter: true });
    }
  }
}
