// Holds the documents to what they say: links between files lead to files and headings that exist, commands of make
// have a target, and every test that docs/requirements names is there. Prints what is wrong and fails.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "../..");
const problems = [];
const listed = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "*.md"], { cwd: root, encoding: "utf8" });
const documents = listed.split("\n").filter((name) => name && existsSync(path.join(root, name)) && !name.includes("testdata/"));

/** The text without code, in which brackets are not links. */
const prose = (text) => text.replace(/^(```|~~~)[\s\S]*?^\1/gm, "").replace(/`[^`\n]*`/g, (code) => code.replace(/[[\]()]/g, " "));

/** The anchors of headings, as GitHub and our own pages make them. */
function anchorsOf(text) {
  const seen = new Map();
  return new Set(
    [...text.replace(/^(```|~~~)[\s\S]*?^\1/gm, "").matchAll(/^#{1,6} +(.+)$/gm)].map(([, heading]) => {
      const slug = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-");
      const count = seen.get(slug) ?? 0;
      seen.set(slug, count + 1);
      return count === 0 ? slug : `${slug}-${count}`;
    }),
  );
}

function checkLinks(name, text) {
  for (const [, target] of prose(text).matchAll(/\]\(<?([^)\s>]+)>?(?: "[^"]*")?\)/g)) {
    if (/^[a-z][a-z0-9+.-]*:/i.test(target)) continue;
    const [file, anchor] = target.split("#");
    const there = file === "" ? path.join(root, name) : path.resolve(root, path.dirname(name), decodeURIComponent(file));
    if (!existsSync(there)) problems.push(`${name}: there is no ${target}`);
    else if (anchor && there.endsWith(".md") && !anchorsOf(readFileSync(there, "utf8")).has(anchor)) problems.push(`${name}: ${target} names no heading`);
  }
}

const targets = new Set([...readFileSync(path.join(root, "Makefile"), "utf8").matchAll(/^([a-z][a-z-]*):/gm)].map(([, target]) => target));
function checkCommands(name, text) {
  for (const [, target] of text.matchAll(/(?:^|`)make ([a-z][a-z-]*)/gm)) {
    if (!targets.has(target)) problems.push(`${name}: make has no target ${target}`);
  }
}

/** The names of the tests of a Go package, by its folder below backend/internal or backend. */
function goTests(name) {
  const folder = [path.join(root, "backend/internal", name), path.join(root, "backend", name)].find((candidate) => existsSync(candidate));
  if (!folder) return undefined;
  const sources = readdirSync(folder).filter((file) => file.endsWith("_test.go")).map((file) => readFileSync(path.join(folder, file), "utf8"));
  return new Set(sources.flatMap((source) => [...source.matchAll(/^func ((?:Test|Fuzz)\w+)\(/gm)].map(([, test]) => test)));
}

function checkTests(name, text) {
  for (const [, code] of text.matchAll(/`([^`\n]+)`/g)) {
    const [, packageName, test] = code.match(/^([a-z0-9/_-]+) ((?:Test|Fuzz)\w+)$/) ?? [];
    if (test && !goTests(packageName)?.has(test)) problems.push(`${name}: ${packageName} has no ${test}`);
    if (code.endsWith(".spec.ts") && !existsSync(path.join(root, "e2e/specs", code))) problems.push(`${name}: there is no e2e/specs/${code}`);
  }
}

for (const name of documents) {
  const text = readFileSync(path.join(root, name), "utf8");
  checkLinks(name, text);
  checkCommands(name, text);
  if (name.startsWith("docs/requirements/")) checkTests(name, text);
}
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);
console.error(`${documents.length} documents say what is there`);
