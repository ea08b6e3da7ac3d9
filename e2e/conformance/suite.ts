import { type APIRequestContext, type APIResponse, request } from "@playwright/test";
import type { Finding } from "./outcome.ts";

export interface PlannedModule {
  readonly testModule: string;
  readonly variant?: Readonly<Record<string, string>>;
}

export interface Visit {
  readonly url: string;
  readonly method: string;
}

/** A place in a module's log that waits for a screenshot, and the condition that says of what. */
export interface Placeholder {
  readonly id: string;
  readonly condition: string;
}

interface LogEntry {
  readonly src?: string;
  readonly msg?: string;
  readonly result?: string;
  readonly upload?: string;
}

/** The REST interface of the OpenID Foundation's conformance suite, in the mode that needs no login. */
export class Suite {
  readonly #http: APIRequestContext;
  readonly address: string;

  private constructor(http: APIRequestContext, address: string) {
    this.#http = http;
    this.address = address;
  }

  /** Fails with a sentence that names the address when nothing answers there. */
  static async at(address: string): Promise<Suite> {
    // The suite usually stands behind a certificate of its own making.
    const http = await request.newContext({ ignoreHTTPSErrors: true, baseURL: `${address}/`, timeout: 60_000 });
    const problem = await http.get("api/plan?length=1").then(
      (answer) => (answer.ok() ? undefined : `answers ${answer.status()}`),
      (error: unknown) => `does not answer (${error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error)})`,
    );
    if (problem !== undefined) throw new Error(`The suite at ${address} ${problem}. Start it, or set CONFORMANCE_SERVER to another address.`);
    return new Suite(http, address);
  }

  async version(): Promise<string> {
    const information = (await this.#json(await this.#http.get("api/server"))) as { version?: string };
    return information.version ?? "unknown";
  }

  async createPlan(name: string, variant: Readonly<Record<string, string>>, configuration: unknown): Promise<{ id: string; modules: readonly PlannedModule[] }> {
    const answer = await this.#http.post("api/plan", { params: { planName: name, variant: JSON.stringify(variant) }, data: configuration });
    return (await this.#json(answer)) as { id: string; modules: readonly PlannedModule[] };
  }

  async createModule(plan: string, module: PlannedModule): Promise<string> {
    const answer = await this.#http.post("api/runner", {
      params: { test: module.testModule, plan, variant: JSON.stringify(module.variant ?? {}) },
      headers: { "content-type": "application/json" },
    });
    return ((await this.#json(answer)) as { id: string }).id;
  }

  async start(id: string): Promise<void> {
    await this.#json(await this.#http.post(`api/runner/${id}`));
  }

  /** Waits until the module has one of the states, at most so long; undefined when it has none of them by then. */
  async waitFor(id: string, states: readonly string[], milliseconds: number): Promise<string | undefined> {
    const answer = await this.#http.get(`api/runner/${id}/wait-state`, { params: { states: states.join(","), timeoutMs: milliseconds } });
    if (answer.status() === 404) return (await this.state(id)).status;
    return ((await this.#json(answer)) as { state?: string }).state;
  }

  async state(id: string): Promise<{ status: string; result: string }> {
    const { status, result } = (await this.#json(await this.#http.get(`api/info/${id}`))) as { status?: string; result?: string };
    return { status: status ?? "UNKNOWN", result: result ?? "UNKNOWN" };
  }

  /** The next address that the module wants visited by a browser. It counts as visited from now on. */
  async nextVisit(id: string): Promise<Visit | undefined> {
    const answer = await this.#http.get(`api/runner/${id}`);
    if (answer.status() === 404) return undefined; // it ended meanwhile
    const { browser } = (await this.#json(answer)) as { browser?: { urlsWithMethod?: Visit[] } };
    const [visit] = browser?.urlsWithMethod ?? [];
    if (visit) await this.#http.post(`api/runner/browser/${id}/visit`, { params: { url: visit.url } });
    return visit;
  }

  /** The places in the module's log that wait for a screenshot. */
  async placeholders(id: string): Promise<Placeholder[]> {
    const entries = (await this.#json(await this.#http.get(`api/log/${id}/images`))) as LogEntry[];
    return entries.flatMap(({ upload, src }) => (upload === undefined ? [] : [{ id: upload, condition: src ?? "" }]));
  }

  async upload(id: string, placeholder: string, png: Buffer): Promise<void> {
    const answer = await this.#http.post(`api/log/${id}/images/${placeholder}`, {
      headers: { "content-type": "text/plain" },
      data: `data:image/png;base64,${png.toString("base64")}`,
    });
    if (!answer.ok()) throw new Error(`the suite refused a screenshot: ${answer.status()} ${await answer.text()}`);
  }

  /** What the suite found wrong, in the order of its log. */
  async findings(id: string): Promise<Finding[]> {
    const entries = (await this.#json(await this.#http.get(`api/log/${id}`))) as LogEntry[];
    return entries.flatMap(({ src, msg, result }) =>
      result === "FAILURE" || result === "WARNING" ? [{ level: result === "FAILURE" ? ("failure" as const) : ("warning" as const), condition: src ?? "", message: msg ?? "" }] : [],
    );
  }

  async close(): Promise<void> {
    await this.#http.dispose();
  }

  async #json(answer: APIResponse): Promise<unknown> {
    const text = await answer.text();
    if (!answer.ok()) throw new Error(`${answer.url()} answered ${answer.status()}: ${text.slice(0, 500)}`);
    return JSON.parse(text);
  }
}
