import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FileSessionStore } from "../../../templates/nextjs/lib/auth/file-session-store.ts";
import { currentState, isRenewalDue, renewSession, type Renew } from "../../../templates/nextjs/lib/auth/renewal.ts";
import type { Session } from "../../../templates/nextjs/lib/auth/session-store.ts";

const SECRET = "a secret of at least thirty-two characters";
let folder: string;
let store: FileSessionStore;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "starter-sessions-"));
  store = new FileSessionStore(folder, SECRET);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function session(expiresIn: number, changes: Partial<Session> = {}): Session {
  const now = Date.now();
  return {
    kind: "active",
    claims: { sub: "ada" },
    tokens: { accessToken: "access-0", refreshToken: "refresh-0", idToken: "id", issuedAt: now - 300_000 + expiresIn, expiresAt: now + expiresIn },
    startedAt: now,
    endsAt: now + 3_600_000,
    renewals: 0,
    ...changes,
  };
}

/** A server that rotates, slowly, and takes a refresh token presented twice for stolen. */
function rotatingServer() {
  const used = new Set<string>();
  const renew = vi.fn<Renew>(async ({ claims, tokens }) => {
    const presented = tokens.refreshToken ?? "";
    if (used.has(presented)) return { kind: "rejected" };
    used.add(presented);
    await sleep(20);
    const now = Date.now();
    const next = `refresh-${used.size}`;
    return {
      kind: "renewed",
      renewed: { claims, tokens: { accessToken: `access-${used.size}`, refreshToken: next, idToken: "id", issuedAt: now, expiresAt: now + 300_000 } },
    };
  });
  return renew;
}

test.each([
  ["five minutes, half gone", 300_000, 150_000, false],
  ["five minutes, the last minute", 300_000, 59_000, true],
  ["twenty seconds, half gone", 20_000, 10_000, false],
  ["twenty seconds, the last quarter", 20_000, 4_000, true],
  ["gone", 300_000, -1, true],
])("a token that lives %s", (_, lifetime, remaining, due) => {
  const tokens = { accessToken: "a", idToken: "i", issuedAt: remaining - lifetime, expiresAt: remaining };
  expect(isRenewalDue(tokens, 0)).toBe(due);
});

test("twenty requests at once present the refresh token once", async () => {
  await store.write("id", session(1000));
  const renew = rotatingServer();
  const states = await Promise.all(Array.from({ length: 20 }, () => currentState(store, "id", renew)));
  expect(renew).toHaveBeenCalledTimes(1);
  for (const state of states) expect(state).toMatchObject({ kind: "active", session: { tokens: { accessToken: "access-1" }, renewals: 1 } });
});

test("two that both demand a refresh share one; a later demand gets its own", async () => {
  const seen = session(200_000);
  await store.write("id", seen);
  const renew = rotatingServer();
  await Promise.all([renewSession(store, "id", seen, renew), renewSession(store, "id", seen, renew)]);
  expect(renew).toHaveBeenCalledTimes(1);
  const latest = (await store.read("id")) as Session;
  expect(await renewSession(store, "id", latest, renew)).toMatchObject({ kind: "active", session: { renewals: 2 } });
});

test("a sign-out during a refresh is final", async () => {
  await store.write("id", session(1000));
  const renewing = currentState(store, "id", rotatingServer());
  await sleep(5);
  const signingOut = store.exclusively("id", () => store.remove("id"));
  const late = currentState(store, "id", rotatingServer());
  await Promise.all([renewing, signingOut, late]);
  expect(await store.read("id")).toBeUndefined();
});

test("a refusal ends the session, and the person is told by every later page", async () => {
  await store.write("id", session(1000));
  const renew: Renew = () => Promise.resolve({ kind: "rejected" });
  expect(await currentState(store, "id", renew)).toEqual({ kind: "ended" });
  expect(await currentState(store, "id", renew)).toEqual({ kind: "ended" });
  expect(JSON.stringify(await store.read("id"))).not.toContain("access-0");
});

test("a silent server ends nothing: tokens serve while they last, and it is tried again", async () => {
  const renew = vi.fn<Renew>(() => Promise.resolve({ kind: "unreachable" }));
  await store.write("id", session(10_000));
  expect(await currentState(store, "id", renew)).toMatchObject({ kind: "active", unreachable: false });
  await store.write("id", session(-1));
  expect(await currentState(store, "id", renew)).toMatchObject({ kind: "active", unreachable: true });
  expect(renew).toHaveBeenCalledTimes(2);
});

test("without a refresh token a session lasts as long as its access token", async () => {
  const { accessToken, idToken, issuedAt, expiresAt } = session(10_000).tokens;
  const tokens = { accessToken, idToken, issuedAt, expiresAt };
  await store.write("id", session(10_000, { tokens }));
  const renew = rotatingServer();
  expect(await currentState(store, "id", renew)).toMatchObject({ kind: "active", unreachable: false });
  await store.write("id", session(-1, { tokens: { ...tokens, expiresAt: Date.now() - 1 } }));
  expect(await currentState(store, "id", renew)).toEqual({ kind: "ended" });
  expect(renew).not.toHaveBeenCalled();
});

test("a session past its end is over, whatever its tokens say", async () => {
  await store.write("id", session(200_000));
  const later = () => Date.now() + 3_600_001;
  expect(await currentState(store, "id", rotatingServer(), later)).toEqual({ kind: "ended" });
});

test("on the disk a session is unreadable, private and not named by its identifier", async () => {
  await store.write("the-identifier", session(1000));
  const [file] = await readdir(folder);
  expect(file).toMatch(/^[0-9a-f]{64}\.session$/);
  const full = path.join(folder, file ?? "");
  expect((await stat(full)).mode & 0o777).toBe(0o600);
  expect(await readFile(full, "utf8")).not.toMatch(/access-0|ada/);
  expect(await new FileSessionStore(folder, `${SECRET} changed`).read("the-identifier")).toBeUndefined();
  expect(await new FileSessionStore(folder, SECRET).read("the-identifier")).toMatchObject({ kind: "active" });
});

test("work that fails does not block what waits behind it", async () => {
  const failing = store.exclusively("id", () => Promise.reject(new Error("no")));
  const waiting = store.exclusively("id", () => Promise.resolve("done"));
  await expect(failing).rejects.toThrow("no");
  await expect(waiting).resolves.toBe("done");
});
