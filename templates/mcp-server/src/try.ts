// An MCP client that knows nothing but the address of a server: `npm run try`. It finds the issuer, makes itself known
// there, has you sign in with your browser, and calls the tools with the access token that it gets.
import { createServer } from "node:http";
import { randomUUID } from "node:crypto";
import type { AddressInfo } from "node:net";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { UnauthorizedError, type OAuthClientProvider } from "@modelcontextprotocol/sdk/client/auth.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { OAuthClientInformationMixed, OAuthClientMetadata, OAuthTokens } from "@modelcontextprotocol/sdk/shared/auth.js";

const server = new URL(process.argv[2] ?? "http://localhost:3001/mcp");

/** Keeps everything in memory, for this run. */
class Session implements OAuthClientProvider {
  /** The address of a document that describes this client; without one it registers itself. */
  readonly clientMetadataUrl = process.env.CLIENT_METADATA_URL;
  readonly #state = randomUUID();
  #client: OAuthClientInformationMixed | undefined;
  #tokens: OAuthTokens | undefined;
  #verifier = "";

  constructor(readonly redirectUrl: string) {}

  get clientMetadata(): OAuthClientMetadata {
    return {
      client_name: "Notes on the command line",
      redirect_uris: [this.redirectUrl],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "none",
    };
  }

  state = () => this.#state;
  clientInformation = () => this.#client;
  saveClientInformation = (client: OAuthClientInformationMixed) => {
    this.#client = client;
    console.log(`Client: ${client.client_id}`);
  };
  tokens = () => this.#tokens;
  saveTokens = (tokens: OAuthTokens) => void (this.#tokens = tokens);
  codeVerifier = () => this.#verifier;
  saveCodeVerifier = (verifier: string) => void (this.#verifier = verifier);
  redirectToAuthorization = (address: URL) => {
    console.log(`Open this address and sign in:\n${address.href}`);
  };
}

const listener = createServer();
await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
const session = new Session(`http://127.0.0.1:${(listener.address() as AddressInfo).port}/callback`);

/** Waits for the browser to come back with the answer. */
const answered = new Promise<string>((resolve, reject) => {
  listener.on("request", (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", session.redirectUrl);
    if (pathname !== "/callback" || searchParams.get("state") !== session.state()) return void response.writeHead(404).end();
    const code = searchParams.get("code");
    response.writeHead(200, { "content-type": "text/plain; charset=utf-8" }).end(code ? "You can close this page." : "You were not signed in.");
    if (code) resolve(code);
    else reject(new Error(`Not signed in: ${searchParams.get("error_description") ?? searchParams.get("error") ?? "no answer"}`));
  });
});
answered.catch(() => undefined); // looked at below

try {
  const first = new StreamableHTTPClientTransport(server, { authProvider: session });
  const client = new Client({ name: "notes-on-the-command-line", version: "0.1.0" });
  try {
    await client.connect(first);
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error;
    await first.finishAuth(await answered);
    await client.connect(new StreamableHTTPClientTransport(server, { authProvider: session }));
  }
  const { tools } = await client.listTools();
  console.log(`Tools: ${tools.map((tool) => tool.name).join(", ")}`);
  for (const call of [{ name: "add_note", arguments: { text: "Remember the milk" } }, { name: "list_notes", arguments: {} }]) {
    const result = await client.callTool(call);
    console.log(`${call.name}: ${JSON.stringify(result.content)}`);
  }
  await client.close();
} finally {
  listener.close();
  listener.closeAllConnections();
}
