// Copies the starters into the package as npm can carry them. Runs before every pack.
import { existsSync } from "node:fs";
import { cp, mkdir, readdir, rm } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const source = path.join(root, "../templates");
const destination = path.join(root, "templates");

/** npm leaves these out of a package, or obeys them; the command gives the names back. */
const RENAMED = { ".gitignore": "_gitignore", ".npmrc": "_npmrc" };
/** What a starter holds after it was run: dependencies, output, secrets, sessions. */
const LEFT_OUT = /^(node_modules|\.next|out|dist|coverage|\.sessions|\.DS_Store|next-env\.d\.ts|.*\.tsbuildinfo|.*\.log|\.env(?!\.example$).*)$/;

await rm(destination, { recursive: true, force: true });
for (const entry of await readdir(source, { withFileTypes: true })) {
  if (entry.isDirectory() && existsSync(path.join(source, entry.name, "package.json"))) {
    await copy(path.join(source, entry.name), path.join(destination, entry.name));
  }
}
if (existsSync(path.join(root, "../LICENSE"))) await cp(path.join(root, "../LICENSE"), path.join(root, "LICENSE"));

async function copy(from, to) {
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    if (LEFT_OUT.test(entry.name)) continue;
    const target = path.join(to, RENAMED[entry.name] ?? entry.name);
    if (entry.isDirectory()) await copy(path.join(from, entry.name), target);
    else if (entry.isFile()) await cp(path.join(from, entry.name), target);
  }
}
