// Bundles the command into one file, so that the package has no runtime dependencies.
import { readFile, readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const { version } = JSON.parse(await readFile(path.join(root, "package.json"), "utf8"));

await rm(path.join(root, "dist"), { recursive: true, force: true });
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: ["src/main.ts"],
  outfile: "dist/create-clavex-app.js",
  bundle: true,
  platform: "node",
  target: "node20.12",
  format: "esm",
  metafile: true,
  legalComments: "none",
  define: { PACKAGE_VERSION: JSON.stringify(version) },
  // Bundled CommonJS modules ask for Node's own ones with require(), which ES modules do not have.
  banner: {
    js: '#!/usr/bin/env node\nimport { createRequire as __createRequire } from "node:module";\nconst require = __createRequire(import.meta.url);',
  },
});
await writeFile(path.join(root, "dist/THIRD-PARTY-LICENSES.txt"), await thirdPartyLicenses(Object.keys(metafile.inputs)));

/** What is bundled is distributed: its licences go along. */
async function thirdPartyLicenses(inputs) {
  const folders = new Set();
  for (const input of inputs) {
    const found = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (found) folders.add(found[1]);
  }
  const texts = [];
  for (const folder of [...folders].sort()) {
    const about = JSON.parse(await readFile(path.join(root, folder, "package.json"), "utf8"));
    const file = (await readdir(path.join(root, folder))).find((name) => /^licen[cs]e/i.test(name));
    if (!file) throw new Error(`${about.name} has no licence file`);
    texts.push(`${about.name} ${about.version} (${about.license})\n\n${(await readFile(path.join(root, folder, file), "utf8")).trim()}\n`);
  }
  return texts.join(`\n${"-".repeat(72)}\n\n`);
}
