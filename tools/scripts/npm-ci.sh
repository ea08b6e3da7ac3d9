#!/usr/bin/env bash
# Installs the packages that a folder's lock file names, unless they are installed already. Usage: npm-ci.sh FOLDER
set -euo pipefail
cd "$(dirname "$0")/../../$1"
stamp=node_modules/.clavex-lock
hash=$(sha256sum package-lock.json | cut -c1-64)
[[ -f $stamp && $(<"$stamp") == "$hash" ]] && exit 0
echo "installing the packages of $1" >&2
npm ci --no-audit --no-fund --loglevel=error >&2
echo "$hash" >"$stamp"
