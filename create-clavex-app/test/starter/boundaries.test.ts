import { expect, test } from "vitest";
import { cookieOptions, loginCookieName, sessionCookieName } from "../../../templates/nextjs/lib/auth/cookies.ts";
import { isSameOrigin } from "../../../templates/nextjs/lib/auth/origin.ts";
import { explain, openProblem, problemAddress } from "../../../templates/nextjs/lib/auth/problem.ts";
import { DEFAULT_RETURN, safeReturnTo } from "../../../templates/nextjs/lib/auth/return-to.ts";
import { seal, unseal } from "../../../templates/nextjs/lib/auth/sealed.ts";
import { displayName, initials } from "../../../templates/nextjs/lib/person.ts";
import { readSettings, type Settings } from "../../../templates/nextjs/lib/settings.ts";

const APP = "http://localhost:3000";
const SECRET = "a secret of at least thirty-two characters";
const complete = {
  CLAVEX_ISSUER: "http://localhost:8080/demo",
  CLAVEX_CLIENT_ID: "client",
  CLAVEX_CLIENT_SECRET: "secret",
  APP_URL: APP,
  SESSION_SECRET: SECRET,
};

function settings(changes: Record<string, string> = {}): Settings {
  const read = readSettings({ ...complete, ...changes });
  if (!read.ok) throw new Error("incomplete");
  return read.settings;
}

test.each(["/protected", "/invoices?page=2", "/ä"])("sign-in may return to %s", (wanted) => {
  expect(safeReturnTo(wanted, APP)).toBe(new URL(wanted, APP).pathname + new URL(wanted, APP).search);
});

test.each([
  null,
  "",
  "https://evil.example/",
  "//evil.example",
  "/\\evil.example",
  "/\t/evil.example",
  "/.//evil.example",
  "/..//evil.example",
  "javascript:alert(1)",
  "/api/auth/logout",
  `/${"a".repeat(600)}`,
])("sign-in never returns to %s", (wanted) => {
  expect(safeReturnTo(wanted, APP)).toBe(DEFAULT_RETURN);
});

test.each([
  [{ origin: APP }, true],
  [{ "sec-fetch-site": "same-origin" }, true],
  [{ origin: "http://localhost:3001" }, false],
  [{ origin: "null" }, false],
  [{ origin: "https://evil.example", "sec-fetch-site": "same-origin" }, false],
  [{ "sec-fetch-site": "same-site" }, false],
  [{ "sec-fetch-site": "none" }, false],
  [{}, false],
])("a post with %j", (headers, accepted) => {
  expect(isSameOrigin(new Headers(headers as Record<string, string>), APP)).toBe(accepted);
});

test("a sealed value opens with its purpose, its secret and in its time only", async () => {
  const sealed = await seal("login", { state: "s" }, SECRET, 60);
  expect(await unseal("login", sealed, SECRET)).toMatchObject({ state: "s" });
  expect(await unseal("session-cookie", sealed, SECRET)).toBeUndefined();
  expect(await unseal("login", sealed, `${SECRET}!`)).toBeUndefined();
  expect(await unseal("login", sealed.slice(0, -2), SECRET)).toBeUndefined();
  expect(await unseal("login", await seal("login", {}, SECRET, -60), SECRET)).toBeUndefined();
  expect(await unseal("login", "eyJhbGciOiJub25lIn0.e30.", SECRET)).toBeUndefined();
});

test("nobody can put words of their own on the error page", async () => {
  const address = new URL(await problemAddress(settings(), { code: "access_denied", description: "no" }));
  const detail = address.searchParams.get("detail") ?? undefined;
  expect(await openProblem(settings(), detail)).toMatchObject({ code: "access_denied", description: "no" });
  expect(await openProblem(settings(), "access_denied")).toBeUndefined();
  expect(explain(undefined).title).not.toBe("");
  expect(explain({ code: "constructor" })).toBe(explain(undefined));
});

test("cookies are locked down, the more so with https", () => {
  const development = settings();
  expect(sessionCookieName(development)).toBe("session-3000");
  expect(cookieOptions(development, 1)).toEqual({ httpOnly: true, secure: false, sameSite: "lax", path: "/", maxAge: 1 });
  const production = settings({ APP_URL: "https://app.example", CLAVEX_ISSUER: "https://id.example/acme" });
  expect(sessionCookieName(production)).toBe("__Host-session");
  expect(loginCookieName(production, "state")).toMatch(/^__Host-login-[0-9a-f]{16}$/);
  expect(cookieOptions(production, 1)).toMatchObject({ secure: true, httpOnly: true, path: "/" });
});

test("every fault of the settings is reported at once", () => {
  const read = readSettings({ CLAVEX_ISSUER: "http://id.example", APP_URL: "http://localhost:3000/app", SESSION_SECRET: "short" });
  expect(read.ok ? [] : read.problems.map(({ variable }) => variable)).toEqual([
    "CLAVEX_ISSUER",
    "CLAVEX_CLIENT_ID",
    "CLAVEX_CLIENT_SECRET",
    "APP_URL",
    "SESSION_SECRET",
  ]);
});

test("people are called by the best name there is", () => {
  expect(displayName({ sub: "1", name: "Ada Lovelace", email: "ada@demo.test" })).toBe("Ada Lovelace");
  expect(displayName({ sub: "1", name: " ", email: "ada@demo.test" })).toBe("ada@demo.test");
  expect(initials({ name: "Ada King Lovelace" })).toBe("AL");
  expect(initials({ name: "Ⓐda" })).toBe("Ⓐ");
});
