import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Recorded {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: string;
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** Answers with JSON. */
export const json =
  (status: number, body: unknown): Answer =>
  (_, response) => {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  };

/**
 * Stands in for an identity server that misbehaves in ways a real one cannot be made to. What
 * works is tested against the real server, in the end-to-end suite.
 */
export class IssuerDouble {
  readonly issuer: string;
  readonly recorded: Recorded[] = [];
  discovery: Answer;
  registration: Answer;
  readonly #server: ReturnType<typeof createServer>;

  private constructor(server: ReturnType<typeof createServer>) {
    this.#server = server;
    this.issuer = `http://localhost:${(server.address() as AddressInfo).port}/demo`;
    this.discovery = json(200, { issuer: this.issuer, registration_endpoint: `${this.issuer}/register` });
    this.registration = json(201, this.registered());
  }

  static async start(): Promise<IssuerDouble> {
    const holder: { double?: IssuerDouble } = {};
    const server = createServer((request, response) => {
      void holder.double?.handle(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
    holder.double = new IssuerDouble(server);
    return holder.double;
  }

  /** A complete answer to a registration, changed by `changes`. */
  registered(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
    return {
      client_id: "client-1",
      client_secret: "s3cr3t-$HOME-'quoted'-#",
      client_secret_expires_at: 0,
      registration_client_uri: `${this.issuer}/register/client-1`,
      registration_access_token: "management-token",
      token_endpoint_auth_method: "client_secret_basic",
      ...changes,
    };
  }

  get deletions(): readonly Recorded[] {
    return this.recorded.filter(({ method }) => method === "DELETE");
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const { method = "", url: path = "", headers } = request;
    this.recorded.push({ method, path, authorization: headers.authorization, body });
    if (path === "/demo/.well-known/openid-configuration") this.discovery(request, response);
    else if (path === "/demo/register" && method === "POST") this.registration(request, response);
    else if (path === "/demo/register/client-1" && method === "DELETE") response.writeHead(204).end();
    else response.writeHead(404).end();
  }
}
