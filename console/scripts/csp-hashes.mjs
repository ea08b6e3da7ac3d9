// Writes out/csp-hashes.json: for every exported HTML file the SHA-256 hashes of its inline scripts,
// from which the server makes the Content-Security-Policy. Fails on anything the policy would forbid.
import { createHash } from 'node:crypto';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

const out = path.resolve(import.meta.dirname, '..', 'out');

/** @returns {Promise<string[]>} the files below a folder, relative to it, with forward slashes */
async function filesBelow(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).split(path.sep).join('/'))
    .sort();
}

/** What a page would do that the policy forbids. */
function faultsOf(html) {
  const faults = [];
  const markup = html.replace(/<script\b[^>]*>[\s\S]*?<\/script>/g, '<script></script>');
  if (/<style\b/i.test(markup)) faults.push('a <style> element');
  if (/<[a-z][^>]*\sstyle\s*=/i.test(markup)) faults.push('a style attribute');
  if (/<[a-z][^>]*\son[a-z]+\s*=/i.test(markup)) faults.push('an event handler attribute');
  // A link that somebody follows loads nothing here.
  if (/<(?!a\s)[a-z][^>]*\s(?:src|href)\s*=\s*["']?(?:https?:)?\/\//i.test(markup)) faults.push('an address of another origin');
  return faults;
}

function hashesOf(html) {
  const hashes = new Set();
  for (const [, attributes, text] of html.matchAll(/<script\b([^>]*)>([\s\S]*?)<\/script>/g)) {
    if (/\ssrc\s*=/.test(attributes)) continue;
    hashes.add(`sha256-${createHash('sha256').update(text, 'utf8').digest('base64')}`);
  }
  return [...hashes].sort();
}

const all = await filesBelow(out);
// Next.js exports its own error pages beside ours; nothing links to them. It also exports the data by which its router
// moves between pages; documents link to each other as plain pages and never ask for it.
const unwanted = all.filter((file) => /^_(not-found|global-error)/.test(file) || /^docs(\/.*)?\.txt$/.test(file));
await Promise.all(unwanted.map((file) => rm(path.join(out, file))));

const files = {};
let failed = false;
for (const file of all.filter((name) => name.endsWith('.html') && !unwanted.includes(name))) {
  const html = await readFile(path.join(out, file), 'utf8');
  for (const fault of faultsOf(html)) {
    console.error(`${file}: the Content-Security-Policy forbids ${fault}`);
    failed = true;
  }
  files[file] = { script: hashesOf(html) };
}
if (failed) process.exit(1);
await writeFile(path.join(out, 'csp-hashes.json'), `${JSON.stringify({ version: 1, files }, null, 1)}\n`);
console.log(`csp-hashes.json: ${Object.keys(files).length} pages`);
