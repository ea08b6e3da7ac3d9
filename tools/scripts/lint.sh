#!/usr/bin/env bash
# Lints Go (golangci-lint, and the import ranks) and TypeScript.
set -euo pipefail
cd "$(dirname "$0")/../.."
bin=$(tools/scripts/install-tools.sh golangci-lint)
GOWORK=off go -C tools/ranks test -count=1 . >/dev/null || GOWORK=off go -C tools/ranks test -count=1 .
GOWORK=off go -C tools/ranks run . ../../backend
for module in backend sql e2e/load; do
  echo "lint $module (after $SECONDS s)" >&2
  (cd "$module" && "$bin/golangci-lint" run --allow-parallel-runners --config ../"$([[ $module == e2e/load ]] && echo ../)".golangci.yml ./...)
done
for folder in console create-clavex-app e2e; do
  tools/scripts/npm-ci.sh "$folder"
  echo "lint $folder (after $SECONDS s)" >&2
  (cd "$folder" && npm run --silent lint)
done
