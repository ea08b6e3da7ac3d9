#!/usr/bin/env bash
# The fast checks: format, generated code, lint, types, lock files, and the unit tests that need no server.
set -euo pipefail
cd "$(dirname "$0")/../.."

phase() { echo "== $1 (after $SECONDS s)" >&2; } # a log says what takes how long

fail() { echo "check: $1" >&2; exit 1; }

phase "format"
unformatted=$(gofmt -l backend sql e2e/load tools/ranks)
[[ -z $unformatted ]] || fail "these files are not formatted (make fmt):"$'\n'"$unformatted"
bin=$(tools/scripts/install-tools.sh templ)
pages=$("$bin/templ" fmt -fail backend/internal/web/page 2>&1) || fail "pages were not formatted; they are now: commit them"$'\n'"$pages"

phase "generated code"
before=$(git status --porcelain -uall; git diff | sha256sum)
tools/scripts/generate.sh
after=$(git status --porcelain -uall; git diff | sha256sum)
[[ $before == "$after" ]] || { git --no-pager diff --stat >&2; fail "generated code was out of date; it has been written anew: commit it"; }

phase "lock files"
if grep -lE '"resolved":|https?://[^"]*(registry|mirror|proxy)' -- */package-lock.json templates/*/package-lock.json 2>/dev/null; then
  fail "the lock files above carry download addresses (npm config omit-lockfile-registry-resolved=true, then npm install)"
fi

phase "documents"
node tools/scripts/check-documents.mjs

phase "lint"
tools/scripts/lint.sh

phase "types"
for folder in console create-clavex-app e2e templates/nextjs templates/mcp-server; do
  tools/scripts/npm-ci.sh "$folder"
  (cd "$folder" && npm run --silent typecheck)
done

phase "unit tests"
# What needs no server and starts none. Packages whose tests want a database say so by importing dbtest or domaintest;
# those that start programs of ours are named; all others run anywhere.
mapfile -t packages < <(cd backend && go list -f '{{.ImportPath}} {{join .TestImports " "}} {{join .XTestImports " "}}' ./... |
  grep -vE 'internal/(dbtest|domaintest|oidctest|localpostgres|subprocess)|cmd/|internal/server|internal/dev' | cut -d' ' -f1)
[[ ${#packages[@]} -gt 0 ]] || fail "no package with unit tests was found"
go test -count=1 "${packages[@]}" ./e2e/load/... | grep -v 'no test files' >&2
node --test --test-reporter=dot tools/scripts/*.test.mjs >&2
(cd console && npx vitest run --reporter=dot) >&2
phase "done"
echo "check: all is well" >&2
