#!/usr/bin/env bash
# Measures the release binary on a PostgreSQL that syncs every commit, and writes docs/performance.md.
#   ROW=name[,name]        only these rows, printed only
#   DURATION=2s            of one run; shorter than 10s is printed only
#   SCALE=small|large      up to 10⁵ or 10⁶ people
set -euo pipefail
cd "$(dirname "$0")/../.."

mkdir -p bin
go build -o bin/clavex-load ./e2e/load
# Whatever database the shell knows of is for tests: it may not sync, and somebody may be using it.
env -u CLAVEX_TEST_DATABASE_URL -u CLAVEX_TEST_REDIS_URL go run ./backend/cmd/clavex-testenv --no-redis --durable -- \
  bin/clavex-load -binary bin/clavex -row "${ROW:-}" -duration "${DURATION:-10s}" -scale "${SCALE:-small}" -output docs/performance.md
