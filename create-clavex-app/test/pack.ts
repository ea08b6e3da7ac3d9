import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** The package as `npm pack` makes it. */
    tarball: string;
    /** The same, unpacked. */
    unpacked: string;
  }
}

const execute = promisify(execFile);
const root = fileURLToPath(new URL("..", import.meta.url));

/** Packs the package once, so that every test runs what people run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(path.join(tmpdir(), "create-clavex-app-pack-"));
  await execute("npm", ["pack", "--pack-destination", folder], { cwd: root });
  const tarball = (await readdir(folder)).find((name) => name.endsWith(".tgz"));
  if (!tarball) throw new Error("npm pack made no tarball");
  await execute("tar", ["-xzf", tarball], { cwd: folder });
  project.provide("tarball", path.join(folder, tarball));
  project.provide("unpacked", path.join(folder, "package"));
  return () => rm(folder, { recursive: true, force: true });
}
