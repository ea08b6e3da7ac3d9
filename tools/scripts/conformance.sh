#!/usr/bin/env bash
# Runs the OpenID Foundation's plans against the release binary and writes docs/conformance.md; e2e/conformance/README.md
# says what it needs. Arguments go to the driver: --plan basic, --module prompt, --help.
set -euo pipefail
cd "$(dirname "$0")/../.."
if [[ -z ${CONFORMANCE_SERVER:-} && " $* " != *" --help "* ]]; then
  echo "conformance: CONFORMANCE_SERVER is not set. Start a conformance suite and name its address, for example" >&2
  echo "  make conformance CONFORMANCE_SERVER=https://localhost.emobix.co.uk:8443" >&2
  echo "e2e/conformance/README.md says how to start one." >&2
  exit 2
fi
tools/scripts/npm-ci.sh e2e
export CLAVEX_E2E_BINARY=${CLAVEX_E2E_BINARY:-$PWD/bin/clavex}
if [[ -z ${CLAVEX_VERSION:-} && -x $CLAVEX_E2E_BINARY ]]; then
  CLAVEX_VERSION=$("$CLAVEX_E2E_BINARY" version | cut -d' ' -f2 | tr -d ,)
  export CLAVEX_VERSION
fi
cd e2e && npm run --silent conformance -- "$@"
