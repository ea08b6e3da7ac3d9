import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { ExitCode } from "../src/failure.ts";
import { callingPackageManager } from "../src/options.ts";
import manifest from "../package.json" with { type: "json" };
import { listing, run, scratch } from "./command.ts";

test("--help documents every option and exit code", async () => {
  const { code, stdout } = await run(await scratch(), ["--help"]);
  expect(code).toBe(ExitCode.success);
  for (const option of ["framework", "issuer", "port", "package-manager", "no-register", "no-install", "yes", "version"]) {
    expect(stdout).toContain(`--${option}`);
  }
  for (const exitCode of Object.values(ExitCode)) expect(stdout).toMatch(new RegExp(`^ {2}${exitCode} `, "m"));
});

test("--version is the package's", async () => {
  const { code, stdout } = await run(await scratch(), ["--version"]);
  expect({ code, stdout }).toEqual({ code: ExitCode.success, stdout: `${manifest.version}\n` });
});

test.each([
  ["no folder and nobody to ask", [], /Say where the application goes/],
  ["two folders", ["one", "two"], /One folder is enough/],
  ["an unknown option", ["app", "--colour"], /--colour/],
  ["an unknown framework", ["app", "--framework", "rails"], /no framework “rails”.*nextjs/s],
  ["an unknown package manager", ["app", "--package-manager", "bower"], /no package manager “bower”/],
  ["a port that is none", ["app", "--port", "70000"], /“70000” is no port/],
  ["an issuer that is no address", ["app", "--issuer", "demo"], /cannot be an issuer/],
  ["an issuer over plain http", ["app", "--issuer", "http://id.example/demo"], /must begin with https/],
  ["an issuer with a password", ["app", "--issuer", "https://a:b@id.example"], /user name or password/],
])("%s is a usage error and writes nothing", async (_, args, message) => {
  const folder = await scratch();
  const { code, stderr } = await run(folder, args);
  expect(code).toBe(ExitCode.usage);
  expect(stderr).toMatch(message);
  expect(await listing(folder)).toEqual([]);
});

test.each(["My App", "Über", ".hidden", "node_modules", "-dash", "a".repeat(101)])("the name %s is refused", async (name) => {
  const folder = await scratch();
  const { code } = await run(folder, ["--no-register", "--no-install", "--", name]);
  expect(code).toBe(ExitCode.target);
  expect(await listing(folder)).toEqual([]);
});

test("a folder that is not empty stays as it is", async () => {
  const folder = await scratch();
  await mkdir(path.join(folder, "app"));
  await writeFile(path.join(folder, "app/precious.txt"), "mine");
  const { code, stderr } = await run(folder, ["app", "--no-register", "--no-install"]);
  expect(code).toBe(ExitCode.target);
  expect(stderr).toMatch(/not empty \(precious\.txt\)/);
  expect(await listing(folder)).toEqual(["app"]);
  expect(await listing(path.join(folder, "app"))).toEqual(["precious.txt"]);
});

test.each([["app", /is a file/], ["app/inside", /a file, not a folder/]])("%s below a file is refused", async (target, message) => {
  const folder = await scratch();
  await writeFile(path.join(folder, "app"), "a file");
  const { code, stderr } = await run(folder, [target, "--no-register", "--no-install"]);
  expect(code).toBe(ExitCode.target);
  expect(stderr).toMatch(message);
});

test("the package manager is the one that runs the command", () => {
  expect(callingPackageManager("pnpm/10.1.0 npm/? node/v22")).toBe("pnpm");
  expect(callingPackageManager("yarn/1.22.22 npm/? node/v20")).toBe("yarn");
  expect(callingPackageManager("bun/1.2 npm/?")).toBe("npm");
  expect(callingPackageManager(undefined)).toBe("npm");
});
