#!/usr/bin/env node
// Writes backend/internal/commonpassword/list.bin from passwords, one a line, on standard input:
//
//   node tools/scripts/common-passwords.mjs < passwords.txt
//
// The list holds the first five bytes of SHA-256 of each password in lower case and NFC, sorted, without duplicates.
// Passwords of fewer than eight characters are left out: they are refused for their length.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";

const minimum = 8; // credential.MinimumLength
const width = 5;
const digests = new Set();
for (const line of readFileSync(0, "utf8").split(/\r?\n/)) {
  const password = line.normalize("NFC").toLowerCase();
  if ([...password].length < minimum) continue;
  digests.add(createHash("sha256").update(password).digest().subarray(0, width).toString("hex"));
}
const file = new URL("../../backend/internal/commonpassword/list.bin", import.meta.url);
writeFileSync(file, Buffer.from([...digests].sort().join(""), "hex"));
console.log(`${digests.size} passwords`);
