import { cp, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Framework } from "./frameworks.ts";
import type { PackageManager } from "./options.ts";

/** npm drops these names from a package; they travel with an underscore. */
const RENAMED: Readonly<Record<string, string>> = { _gitignore: ".gitignore", _npmrc: ".npmrc" };

export interface Customization {
  readonly name: string;
  readonly port: number;
  readonly packageManager: PackageManager;
}

/** Copies a framework's template into an empty folder and makes it this application's own. */
export async function copyTemplate(framework: Framework, folder: string, custom: Customization): Promise<void> {
  const templates = fileURLToPath(new URL("../templates/", import.meta.url));
  await cp(path.join(templates, framework.id), folder, { recursive: true, verbatimSymlinks: true });
  for (const entry of await readdir(folder)) {
    const name = RENAMED[entry];
    if (name) await rename(path.join(folder, entry), path.join(folder, name));
  }
  await rewriteJson(path.join(folder, "package.json"), (content) => personalize(content, framework, custom));
  const lockfile = path.join(folder, "package-lock.json");
  if (custom.packageManager === "npm") await rewriteJson(lockfile, (content) => renameLock(content, custom.name));
  else await Promise.all([rm(lockfile, { force: true }), rm(path.join(folder, ".npmrc"), { force: true })]);
}

type Json = Record<string, unknown>;

function personalize(content: Json, framework: Framework, { name, port }: Customization): Json {
  const scripts = Object.entries((content.scripts ?? {}) as Record<string, string>).map(([script, command]) => [
    script,
    command.replace(`--port ${framework.defaultPort}`, `--port ${port}`),
  ]);
  return { ...content, name, scripts: Object.fromEntries(scripts) as Json };
}

function renameLock(lock: Json, name: string): Json {
  const packages = lock.packages as Record<string, Json>;
  return { ...lock, name, packages: { ...packages, "": { ...packages[""], name } } };
}

async function rewriteJson(file: string, change: (content: Json) => Json): Promise<void> {
  const content = JSON.parse(await readFile(file, "utf8")) as Json;
  await writeFile(file, `${JSON.stringify(change(content), null, 2)}\n`);
}
