import { execFile } from "node:child_process";
import { access, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import nextEnvironment from "@next/env";
import { afterEach, beforeEach, expect, inject, test, vi } from "vitest";
import { variable } from "../src/environment.ts";
import { ExitCode } from "../src/failure.ts";
import { fakeNpm, launch, listing, run, scratch, start } from "./command.ts";
import { IssuerDouble, json } from "./issuer-double.ts";

const execute = promisify(execFile);
let server: IssuerDouble;

beforeEach(async () => {
  server = await IssuerDouble.start();
});
afterEach(() => server.stop());

const readJson = async (file: string) => JSON.parse(await readFile(file, "utf8")) as Record<string, unknown>;

test("npx with the packed tarball makes a whole application", async () => {
  const folder = await scratch();
  // "file:" because npx takes a bare absolute path for a program to start.
  const args = ["--yes", `file:${inject("tarball")}`, "my-app", "--framework", "nextjs", "--issuer", server.issuer, "--no-install", "--port", "3210"];
  const { code, stdout, stderr } = await launch("npx", args, folder).ended;
  expect({ code, stderr }).toMatchObject({ code: ExitCode.success });
  expect(stdout).toContain("cd my-app");
  expect(stdout).toContain("npm install");
  expect(stdout).toContain("npm run dev");
  expect(await listing(folder)).toEqual(["my-app"]);

  const app = path.join(folder, "my-app");
  const names = await listing(app);
  expect(names).toEqual(expect.arrayContaining([".env.local", ".git", ".gitignore", "app", "lib", "package.json"]));
  expect(names.filter((name) => name.startsWith("_"))).toEqual([]);
  const manifest = await readJson(path.join(app, "package.json"));
  expect(manifest).toMatchObject({ name: "my-app", scripts: { dev: "node scripts/next.mjs dev --port 3210", start: "node scripts/next.mjs start --port 3210" } });
  const lockfile = await readJson(path.join(app, "package-lock.json"));
  expect(lockfile).toMatchObject({ name: "my-app", packages: { "": { name: "my-app" } } });
});

test(".env.local is readable by its owner only, and Next.js reads from it what the server gave", async () => {
  const folder = await scratch();
  await run(folder, ["app", "--no-install", "--issuer", `${server.issuer}/`]);
  const app = path.join(folder, "app");
  expect((await stat(path.join(app, ".env.local"))).mode & 0o777).toBe(0o600);
  const ignored = await execute("git", ["check-ignore", ".env.local", ".sessions/x", "node_modules"], { cwd: app });
  expect(ignored.stdout.trim().split("\n")).toEqual([".env.local", ".sessions/x", "node_modules"]);

  const combinedEnv = asNextReads(app);
  expect(combinedEnv).toMatchObject({
    CLAVEX_ISSUER: server.issuer,
    CLAVEX_CLIENT_ID: "client-1",
    CLAVEX_CLIENT_SECRET: server.registered().client_secret,
    APP_NAME: "app",
    APP_URL: "http://localhost:3000",
  });
  expect(combinedEnv.SESSION_SECRET).toMatch(/^[\w-]{43}$/);
});

test.each(["plain", "a b#c", "$HOME ${PATH} \\$x", "it's", `say "hi" 'now'`, "back\\slash", "`x`", "=+/=="])(
  "the secret %s survives .env.local",
  async (secret) => {
    const folder = await scratch();
    let line: string;
    try {
      line = variable("SECRET_UNDER_TEST", secret);
    } catch {
      // Both kinds of quotes at once cannot be written; refusing is right, a changed secret is not.
      expect(secret).toMatch(/'.*"|".*'/);
      return;
    }
    await writeFile(path.join(folder, ".env.local"), `${line}\n`);
    expect(asNextReads(folder).SECRET_UNDER_TEST).toBe(secret);
  },
);

test("--no-register contacts nobody and says what to fill in", async () => {
  const folder = await scratch();
  const { code, stdout } = await run(folder, ["app", "--no-register", "--no-install", "--issuer", server.issuer]);
  expect(code).toBe(ExitCode.success);
  expect(server.recorded).toEqual([]);
  expect(stdout).toContain("http://localhost:3000/api/auth/callback");
  expect(await readFile(path.join(folder, "app/.env.local"), "utf8")).toMatch(/^CLAVEX_CLIENT_ID=$/m);
});

test("an empty folder is used as it is, and the current one too", async () => {
  const folder = path.join(await scratch(), "here");
  await mkdir(folder);
  const before = await stat(folder);
  const { code, stdout } = await run(folder, [".", "--no-register", "--no-install"]);
  expect(code).toBe(ExitCode.success);
  expect(stdout).not.toContain("  cd ");
  expect((await stat(folder)).ino).toBe(before.ino);
  expect(await readJson(path.join(folder, "package.json"))).toMatchObject({ name: "here" });
  expect(await listing(path.dirname(folder))).toEqual(["here"]);
});

test("inside a repository no other one is begun", async () => {
  const folder = await scratch();
  await execute("git", ["init", "--quiet"], { cwd: folder });
  await run(folder, ["apps/one", "--no-register", "--no-install"]);
  expect(await listing(path.join(folder, "apps"))).toEqual(["one"]);
  expect(await listing(path.join(folder, "apps/one"))).not.toContain(".git");
});

test("with another package manager npm's files stay away", async () => {
  const folder = await scratch();
  const { stdout } = await run(folder, ["app", "--no-register", "--no-install", "--package-manager", "pnpm"]);
  expect(stdout).toContain("pnpm install");
  const names = await listing(path.join(folder, "app"));
  expect(names).not.toContain("package-lock.json");
  expect(names).not.toContain(".npmrc");
});

test("an installation that fails leaves the application, says why, and has its own exit code", async () => {
  const folder = await scratch();
  const PATH = await fakeNpm('echo "npm error network is down" >&2; exit 1');
  const { code, stdout } = await run(folder, ["app", "--issuer", server.issuer, "--package-manager", "npm"], { PATH });
  expect(code).toBe(ExitCode.installation);
  expect(stdout).toContain("npm error network is down");
  expect(stdout).toContain("npm install");
  expect(await listing(folder)).toEqual(["app"]);
  expect(server.deletions).toEqual([]);
});

test.each(["SIGINT", "SIGTERM"] as const)("%s during the installation leaves nothing, on the disk and at the server", async (signal) => {
  const folder = await scratch();
  const started = path.join(await scratch(), "started");
  // A wrapper around a stubborn program, as version managers have them.
  const PATH = await fakeNpm(`sh -c 'trap "" TERM; touch ${started}; for i in 1 2 3 4 5 6 7 8 9; do echo x > made-by-npm; sleep 1; done'`);
  const { child, ended } = start(folder, ["deep/er/app", "--issuer", server.issuer, "--package-manager", "npm"], { PATH });
  await appears(started);
  child.kill(signal);
  const { code, stderr } = await ended;
  expect(code).toBe(ExitCode.interrupted);
  expect(stderr).toContain("Nothing was left behind");
  expect(await listing(folder)).toEqual([]);
  expect(server.deletions).toMatchObject([{ path: "/demo/register/client-1" }]);
});

test("a registration that cannot be taken back is named", async () => {
  const folder = await scratch();
  server.registration = json(201, server.registered({ registration_client_uri: undefined }));
  const started = path.join(await scratch(), "started");
  const PATH = await fakeNpm(`touch ${started}; sleep 20`);
  const { child, ended } = start(folder, ["app", "--issuer", server.issuer, "--package-manager", "npm"], { PATH });
  await appears(started);
  child.kill("SIGINT");
  const { code, stderr } = await ended;
  expect(code).toBe(ExitCode.interrupted);
  expect(stderr).toContain("still knows the client client-1");
  expect(await listing(folder)).toEqual([]);
});

test("a folder that appears meanwhile is not touched", async () => {
  const folder = await scratch();
  const PATH = await fakeNpm(`mkdir ${folder}/app; echo mine > ${folder}/app/precious.txt`);
  const { code } = await run(folder, ["app", "--issuer", server.issuer, "--package-manager", "npm"], { PATH });
  expect(code).toBe(ExitCode.target);
  expect(await listing(folder)).toEqual(["app"]);
  expect(await listing(path.join(folder, "app"))).toEqual(["precious.txt"]);
  expect(server.deletions).toHaveLength(1);
});

/** The variables as `next dev` sees them. */
function asNextReads(folder: string): Readonly<Record<string, string | undefined>> {
  // Under test Next.js would leave .env.local out.
  vi.stubEnv("NODE_ENV", "development");
  try {
    return nextEnvironment.loadEnvConfig(folder, true, { info: () => undefined, error: console.error }, true).combinedEnv;
  } finally {
    vi.unstubAllEnvs();
  }
}

async function appears(file: string): Promise<void> {
  for (let i = 0; i < 400; i++) {
    const isThere = await access(file).then(
      () => true,
      () => false,
    );
    if (isThere) return;
    await sleep(50);
  }
  throw new Error(`${file} did not appear`);
}
