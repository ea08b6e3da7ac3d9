import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser } from "@playwright/test";
import { Administrator } from "./administrator.ts";
import type { Provider } from "./provider.ts";

interface Pending {
  readonly id: string;
}

/**
 * Decides about requests that come through the back channel (CIBA), as an application of the operator does. The suite
 * says when, by calling `address` with what the person decides; it runs one module at a time, so the newest request is
 * the one it means.
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
      decide(administrator, provider, new URL(request.url ?? "/", "http://localhost").pathname.slice(1)).then(
        (decided) => answer(200, decided),
        (error: unknown) => answer(500, { error: String(error) }),
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

async function decide(administrator: Administrator, provider: Provider, action: string): Promise<object> {
  const decision = { allow: "approve", deny: "deny" }[action];
  if (decision === undefined) throw new Error(`nobody can ${action} a request`);
  const requests = provider.administered("backchannel-requests");
  const { items } = await administrator.read<{ items: readonly Pending[] }>(`${requests}?limit=1`);
  const [newest] = items;
  if (newest === undefined) throw new Error("no request waits for a decision");
  await administrator.act(`${requests}/${newest.id}/decision`, { decision });
  return { request: newest.id, decision };
}
