import { execFile } from "node:child_process";
import { readFile, readdir, stat } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, inject, test } from "vitest";
import manifest from "../package.json" with { type: "json" };
import { FRAMEWORKS } from "../src/frameworks.ts";

const execute = promisify(execFile);
const repository = fileURLToPath(new URL("../..", import.meta.url));

const packedName = (name: string) => name.replace(/(^|\/)\.(gitignore|npmrc)$/, "$1_$2");

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)));
}

test.each(FRAMEWORKS.map(({ id }) => id))("the packed %s template is what git knows of it", async (id) => {
  const { stdout } = await execute("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
    cwd: path.join(repository, "templates", id),
  });
  const known = stdout.trim().split("\n").sort();
  const packed = path.join(inject("unpacked"), "templates", id);
  expect((await filesBelow(packed)).sort()).toEqual(known.map(packedName).sort());
  for (const name of known) {
    const [ours, theirs] = await Promise.all([
      readFile(path.join(repository, "templates", id, name)),
      readFile(path.join(packed, packedName(name))),
    ]);
    expect(theirs.equals(ours), name).toBe(true);
  }
});

test("nothing but the command, the templates and the papers is packed", async () => {
  const files = await filesBelow(inject("unpacked"));
  const papers = /^(package\.json|README\.md|LICENSE|dist\/create-clavex-app\.js|dist\/THIRD-PARTY-LICENSES\.txt)$/;
  expect(files.filter((name) => !papers.test(name) && !name.startsWith("templates/"))).toEqual([]);
  expect(files.filter((name) => /node_modules|\.next\/|\.sessions|\.env\.local|next-env|tsbuildinfo/.test(name))).toEqual([]);
});

test("the package needs no other at run time and its command can be started", async () => {
  expect(manifest).not.toHaveProperty("dependencies");
  const command = path.join(inject("unpacked"), manifest.bin["create-clavex-app"]);
  expect(await readFile(command, "utf8")).toMatch(/^#!\/usr\/bin\/env node\n/);
  expect((await stat(command)).size).toBeLessThan(200_000);
});

test("lock files tell no registry's address", async () => {
  for (const file of ["create-clavex-app/package-lock.json", ...FRAMEWORKS.map(({ id }) => `templates/${id}/package-lock.json`)]) {
    expect(await readFile(path.join(repository, file), "utf8"), file).not.toContain('"resolved"');
  }
});

test("the starter's rules are tested with the libraries it ships", async () => {
  const starter = JSON.parse(await readFile(path.join(repository, "templates/nextjs/package.json"), "utf8")) as typeof manifest & {
    dependencies: Record<string, string>;
  };
  expect(manifest.devDependencies.jose).toBe(starter.dependencies.jose);
  expect(manifest.devDependencies["openid-client"]).toBe(starter.dependencies["openid-client"]);
  expect(manifest.devDependencies["@next/env"]).toBe(starter.dependencies.next);
});

test("the starter speaks the visual language of the hosted pages", async () => {
  const [pages, starter] = await Promise.all([
    readFile(path.join(repository, "backend/internal/web/asset/tokens.css"), "utf8"),
    readFile(path.join(repository, "templates/nextjs/app/tokens.css"), "utf8"),
  ]);
  expect(starter, "copy backend/internal/web/asset/tokens.css to templates/nextjs/app/").toBe(pages);
});
