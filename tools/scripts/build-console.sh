#!/usr/bin/env bash
# Builds the console's export and puts it where the binary embeds it, unless nothing it is made of has changed.
set -euo pipefail
cd "$(dirname "$0")/../.."
stamp=.cache/console.stamp
hash=$({
  git ls-files -co --exclude-standard console docs backend/api/openapi.yaml backend/internal/web/asset backend/internal/console/build |
    LC_ALL=C sort | while read -r file; do [[ -f $file ]] && sha256sum "$file"; done
  node --version
} | sha256sum | cut -c1-64)
if [[ -f $stamp && $(<"$stamp") == "$hash" && -f backend/internal/console/dist/csp-hashes.json ]]; then exit 0; fi
tools/scripts/npm-ci.sh console
echo "building the console" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
(cd console && NEXT_TELEMETRY_DISABLED=1 npm run --silent build) >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
go run ./backend/internal/console/build console/out backend/internal/console/dist
mkdir -p .cache
echo "$hash" >"$stamp"
