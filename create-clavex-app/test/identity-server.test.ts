import { afterEach, beforeEach, expect, test } from "vitest";
import { ExitCode } from "../src/failure.ts";
import { parseIssuer } from "../src/issuer.ts";
import { listing, run, scratch, start } from "./command.ts";
import { IssuerDouble, json } from "./issuer-double.ts";

let server: IssuerDouble;
let folder: string;

beforeEach(async () => {
  server = await IssuerDouble.start();
});
afterEach(() => server.stop());

async function attempt() {
  folder = await scratch();
  return run(folder, ["app", "--no-install", "--issuer", server.issuer]);
}

test.each([
  ["http://localhost:8080/demo", "http://localhost:8080/demo"],
  ["http://localhost:8080/demo/", "http://localhost:8080/demo"],
  ["https://id.example/demo/.well-known/openid-configuration", "https://id.example/demo"],
  [" https://ID.example ", "https://id.example"],
])("the issuer may be typed %s", (typed, issuer) => {
  expect(parseIssuer(typed)).toBe(issuer);
});

test("a server that is not running: what to do, and nothing written", async () => {
  await server.stop();
  const { code, stderr } = await attempt();
  expect(code).toBe(ExitCode.issuer);
  expect(stderr).toContain("does not answer");
  expect(stderr).toContain("connection refused");
  expect(stderr).toContain("make run");
  expect(stderr).toContain("--no-register");
  expect(await listing(folder)).toEqual([]);
  server = await IssuerDouble.start();
});

test.each([
  ["is not there", () => json(404, { error: "not_found" }), /answered 404/],
  ["redirects", () => redirect, /answered 302/],
  ["sends no JSON", () => text, /no OpenID Provider/],
  ["sends a list", () => json(200, []), /no OpenID Provider/],
  ["is another one", () => json(200, { issuer: "http://localhost:1/other" }), /calls itself http:\/\/localhost:1\/other/],
  ["does not say who it is", () => json(200, {}), /does not say who it is/],
  ["is too large", () => json(200, { padding: "x".repeat(1024 * 1024) }), /too large/],
  ["offers no registration", () => json(200, { issuer: server.issuer }), /does not let applications register/],
  [
    "wants the registration over plain http elsewhere",
    () => json(200, { issuer: server.issuer, registration_endpoint: "http://id.example/register" }),
    /does not let applications register/,
  ],
])("metadata that %s", async (_, answer, message) => {
  server.discovery = answer();
  const { code, stderr } = await attempt();
  expect(code).toBe(ExitCode.issuer);
  expect(stderr).toMatch(message);
  expect(await listing(folder)).toEqual([]);
  expect(server.recorded.filter(({ method }) => method === "POST")).toEqual([]);
});

const redirect = (_: unknown, response: import("node:http").ServerResponse) => {
  response.writeHead(302, { location: "/elsewhere" }).end();
};
const text = (_: unknown, response: import("node:http").ServerResponse) => {
  response.writeHead(200, { "content-type": "text/html" }).end("<h1>Hello</h1>");
};

test("a refused registration is told in the server's words, made safe for a terminal", async () => {
  server.registration = json(403, { error: "access_denied", error_description: "closed\u001b[31m\nnow\u202e" });
  const { code, stderr } = await attempt();
  expect(code).toBe(ExitCode.registration);
  expect(stderr).toContain("access_denied: closed [31m now");
  expect(stderr).not.toContain("\u001b");
  expect(await listing(folder)).toEqual([]);
});

test.each([
  ["without a secret", { client_secret: undefined }, /no client secret/],
  ["with another way to authenticate", { token_endpoint_auth_method: "private_key_jwt" }, /private_key_jwt/],
  ["with another redirect URI", { redirect_uris: ["http://localhost:1/"] }, /redirect URI was changed/],
  ["with a secret that breaks lines", { client_secret: "a\nNODE_OPTIONS=--inspect" }, /unprintable/],
])("a registration %s is of no use and is taken back", async (_, changes, message) => {
  server.registration = json(201, server.registered(changes));
  const { code, stderr } = await attempt();
  expect(code).toBe(ExitCode.registration);
  expect(stderr).toMatch(message);
  expect(server.deletions).toMatchObject([{ path: "/demo/register/client-1", authorization: "Bearer management-token" }]);
  expect(await listing(folder)).toEqual([]);
});

test("the registration asks for exactly what the application needs", async () => {
  const { code } = await attempt();
  expect(code).toBe(ExitCode.success);
  const request = server.recorded.find(({ method }) => method === "POST");
  expect(JSON.parse(request?.body ?? "")).toEqual({
    client_name: "app",
    application_type: "web",
    redirect_uris: ["http://localhost:3000/api/auth/callback"],
    post_logout_redirect_uris: ["http://localhost:3000/"],
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    token_endpoint_auth_method: "client_secret_basic",
    scope: "openid profile email offline_access",
  });
  expect(server.deletions).toEqual([]);
});

test("Ctrl-C while the server thinks about it", async () => {
  folder = await scratch();
  const asked = new Promise<void>((resolve) => {
    server.registration = () => {
      resolve();
    };
  });
  const { child, ended } = start(folder, ["app", "--no-install", "--issuer", server.issuer]);
  await asked;
  child.kill("SIGINT");
  expect((await ended).code).toBe(ExitCode.interrupted);
  expect(await listing(folder)).toEqual([]);
});
