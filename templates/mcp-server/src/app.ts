import { createMcpExpressApp } from "@modelcontextprotocol/sdk/server/express.js";
import { requireBearerAuth } from "@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js";
import { getOAuthProtectedResourceMetadataUrl } from "@modelcontextprotocol/sdk/server/auth/router.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import type { Express, Request, Response } from "express";
import { AccessTokens, type Caller } from "./access-token.js";
import { notesServer, scopes } from "./notes.js";
import type { Settings } from "./settings.js";

/** An MCP server over streamable HTTP that only answers whoever has an access token for it. */
export function createApp(settings: Settings): Express {
  const { issuer, resource } = settings;
  // Only requests that name this host are answered: a page of another site cannot reach us under its own name.
  const app = createMcpExpressApp({ host: resource.hostname, allowedHosts: [resource.hostname] });
  app.disable("x-powered-by");

  // RFC 9728: where a client that knows nothing but our address learns whom to ask for a token, and for what.
  const metadataUrl = new URL(getOAuthProtectedResourceMetadataUrl(resource));
  app.get(metadataUrl.pathname, (_request, response) => {
    response.set("Access-Control-Allow-Origin", "*").json({
      resource: resource.href,
      authorization_servers: [issuer],
      scopes_supported: scopes,
      bearer_methods_supported: ["header"],
      resource_name: "Notes",
    });
  });

  // Refusals name that address (resource_metadata), which is how a client finds it.
  const authenticated = requireBearerAuth({ verifier: new AccessTokens(settings), resourceMetadataUrl: metadataUrl.href });
  app.post(resource.pathname, authenticated, async (request: Request & { auth?: unknown }, response: Response) => {
    const server = notesServer(request.auth as Caller);
    const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true }); // without sessions: each request stands alone
    response.on("close", () => {
      void transport.close();
      void server.close();
    });
    await server.connect(transport);
    await transport.handleRequest(request, response, request.body);
  });
  app.all(resource.pathname, authenticated, (_request, response) => {
    response.status(405).set("Allow", "POST").end();
  });
  return app;
}
