#!/usr/bin/env bash
# Packs create-clavex-app exactly as npm would publish it. Usage: pack-scaffolder.sh OUTPUT.tgz
set -euo pipefail
cd "$(dirname "$0")/../.."
tools/scripts/npm-ci.sh create-clavex-app
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
(cd create-clavex-app && npm pack --silent --pack-destination "$folder" >/dev/null)
mkdir -p "$(dirname "$1")"
mv "$folder"/*.tgz "$1"
