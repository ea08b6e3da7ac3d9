import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Page } from "@playwright/test";
import { expectAccessible, expectNoSidewaysScroll, expectReadable } from "../../fixtures/accessibility.ts";
import { demo, issuerOf, type Person } from "../../fixtures/environment.ts";
import { HostedPages } from "../../fixtures/hosted-pages.ts";
import { asTyped, freePort, Subprocess } from "../../fixtures/subprocess.ts";
import { expect, test } from "../../fixtures/test.ts";

// The port where `clavex dev` expects the starter: its address is the resource server that the demo knows.
const port = 3001;
const resource = `http://localhost:${port}/mcp`;
const tarball = process.env.CLAVEX_E2E_SCAFFOLDER ?? path.resolve(import.meta.dirname, "../../../bin/create-clavex-app.tgz");

let scratch: string;
let folder: string;

test.describe.configure({ mode: "serial" });

test.beforeAll(async () => {
  test.setTimeout(180_000);
  expect(await freePort(port), `the port ${port} is taken`).toBe(port);
  scratch = await mkdtemp(path.join(tmpdir(), "clavex-e2e-mcp-"));
  await chmod(scratch, 0o755);
  folder = path.join(scratch, "notes");
  await new Subprocess("npx", ["--yes", `file:${tarball}`, "notes", "--framework", "mcp-server", "--issuer", issuerOf(demo.slug)], {
    name: "create-clavex-app",
    cwd: scratch,
    env: asTyped(),
  }).succeeded();
});

test.afterAll(async () => {
  await rm(scratch, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
});

/** The starter, running with `npm run dev`. */
async function serving<T>(environment: Record<string, string>, work: () => Promise<T>): Promise<T> {
  const server = new Subprocess("npm", ["run", "dev"], { name: "npm run dev", cwd: folder, env: asTyped(environment) });
  try {
    await server.says("The MCP server is at", 60);
    return await work();
  } finally {
    await server.stop("SIGTERM", 20);
  }
}

/** The official client, which knows nothing but the server's address; the person allows what it asks for. */
async function connects(page: Page, person: Person, environment: Record<string, string>, look: () => Promise<void> = () => Promise.resolve()): Promise<string> {
  const client = new Subprocess("npm", ["run", "--silent", "try"], { name: "npm run try", cwd: folder, env: asTyped(environment) });
  await client.says("Open this address and sign in:\nhttp", 60);
  const address = /sign in:\n(\S+)\n/.exec(client.output)?.[1] ?? "";
  expect(new URL(address).searchParams.get("resource")).toBe(resource);
  expect(new URL(address).searchParams.get("code_challenge_method")).toBe("S256");
  await page.goto(address);
  const hosted = new HostedPages(page);
  await hosted.signIn(person);
  await expect(page.getByText("Notes (MCP server)")).toBeVisible();
  await expect(page.getByText("Read your notes")).toBeVisible();
  await look();
  await hosted.allow.click();
  await expect(page.getByText("You can close this page.")).toBeVisible();
  return client.succeeded();
}

test("an MCP client that knows only the server's address registers itself and calls a tool", async ({ page }) => {
  test.setTimeout(120_000);
  await serving({}, async () => {
    const output = await connects(page, demo.ada, {});
    expect(output).toContain("Tools: list_notes, add_note");
    expect(output).toContain("Remember the milk");

    const token = async (parameters: Record<string, string>): Promise<string> => {
      const answer = await fetch(`${issuerOf(demo.slug)}/token`, {
        method: "POST",
        headers: { authorization: `Basic ${btoa("demo-service:demo-service-secret-0123456789abcdef")}` },
        body: new URLSearchParams({ grant_type: "client_credentials", ...parameters }),
      });
      return ((await answer.json()) as { access_token: string }).access_token;
    };
    const call = (authorization?: string): Promise<Response> =>
      fetch(resource, {
        method: "POST",
        headers: { "content-type": "application/json", accept: "application/json, text/event-stream", ...(authorization && { authorization }) },
        body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "list_notes", arguments: {} } }),
      });
    const nobody = await call();
    expect(nobody.status).toBe(401);
    expect(nobody.headers.get("www-authenticate")).toContain(`resource_metadata="http://localhost:${port}/.well-known/oauth-protected-resource/mcp"`);
    expect((await call(`Bearer ${await token({})}`)).status, "a token without this audience").toBe(401);
    const narrow = await token({ resource });
    const answered = await call(`Bearer ${narrow}`);
    expect(answered.status, "a token for this server").toBe(200);
    expect(await answered.text(), "a token without the scope").toContain("lacks the scope notes:read");
    expect((await call(`Bearer ${narrow.slice(0, -4)}AAAA`)).status, "a changed signature").toBe(401);
  });
});

test("a token for this server is none for another", async () => {
  const other = await freePort();
  const answer = await fetch(`${issuerOf(demo.slug)}/token`, {
    method: "POST",
    headers: { authorization: `Basic ${btoa("demo-service:demo-service-secret-0123456789abcdef")}` },
    body: new URLSearchParams({ grant_type: "client_credentials", resource }),
  });
  const { access_token: token } = (await answer.json()) as { access_token: string };
  await serving({ PORT: String(other), RESOURCE: `http://localhost:${other}/mcp` }, async () => {
    const refused = await fetch(`http://localhost:${other}/mcp`, { method: "POST", headers: { authorization: `Bearer ${token}` } });
    expect(refused.status).toBe(401);
  });
});

test("an MCP client that a document describes is known by its address", async ({ browser }) => {
  test.setTimeout(300_000);
  const own = path.join(scratch, "clavex");
  const [tlsPort, data] = [await freePort(), path.join(own, "data")];
  const issuer = `https://localhost:${tlsPort}/${demo.slug}`;
  const clavex = new Subprocess(process.env.CLAVEX_E2E_BINARY ?? "", ["dev", "--tls", "--port", String(tlsPort), "--data-dir", data], {
    name: "clavex dev --tls",
    cwd: scratch,
    env: asTyped({ CLAVEX_METRICS_LISTEN: "off" }),
  });
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  try {
    await clavex.says("Ctrl-C stops everything", 180);
    const [cert, key] = await Promise.all(["tls-certificate.pem", "tls-key.pem"].map((name) => readFile(path.join(data, name))));
    const documents = createServer({ cert, key }, (request, response) => {
      response.writeHead(request.url === "/oauth/client.json" ? 200 : 404, { "content-type": "application/json" });
      response.end(JSON.stringify({
        client_id: address(),
        client_name: "Notes on the command line",
        redirect_uris: ["http://127.0.0.1/callback"],
        token_endpoint_auth_method: "none",
        grant_types: ["authorization_code", "refresh_token"],
      }));
    });
    const host = (): string => `localhost:${(documents.address() as AddressInfo).port}`;
    const address = (): string => `https://${host()}/oauth/client.json`;
    await new Promise<void>((resolve) => documents.listen(0, "localhost", resolve));
    try {
      const authority = { NODE_EXTRA_CA_CERTS: path.join(data, "tls-authority.pem"), CLAVEX_ISSUER: issuer };
      await serving(authority, async () => {
        const output = await connects(page, demo.ada, { ...authority, CLIENT_METADATA_URL: address() }, async () => {
          await expect(page.locator("#client-host")).toHaveText(host());
          await expect(page.locator("#client-warning")).toBeVisible();
          await expectAccessible(page, "the consent page of a client that a document describes");
          await page.setViewportSize({ width: 320, height: 700 });
          await page.emulateMedia({ colorScheme: "dark" });
          await expectNoSidewaysScroll(page, "the same on a phone");
          await expectReadable(page, "the same in the dark");
        });
        expect(output).toContain(`Client: ${address()}`);
        expect(output).toContain("Remember the milk");
      });
    } finally {
      documents.close();
      documents.closeAllConnections();
    }
  } finally {
    await context.close();
    await clavex.stop("SIGINT", 60);
  }
});
