#!/usr/bin/env bash
# Runs every test and closes with one line that counts them all. Set ONLY to go, vitest or e2e to run one kind.
# A runner that fails does not keep the others from running: the closing line comes in any case.
set -uo pipefail
cd "$(dirname "$0")/../.."

phase() { echo "== $1 (after $SECONDS s)" >&2; } # a log says what takes how long
results=$PWD/.cache/test
rm -rf "$results" && mkdir -p "$results" || exit 1
reports=()
status=0
only=${ONLY:-}
[[ -z $only || $only =~ ^(go|vitest|e2e)$ ]] || { echo "test: ONLY is go, vitest or e2e, not $only" >&2; exit 2; }

# go_tests REPORT COMMAND…, where COMMAND is a `go test -json`
go_tests() {
  reports+=("$1")
  "${@:2}" | node tools/scripts/go-report.mjs "$1"
  [[ ${PIPESTATUS[*]} == "0 0" ]] || status=1
}

if [[ -z $only || $only == go ]]; then
  phase "Go"
  # Built, not `go run`: a signal must reach it, so that it stops its servers.
  if go build -o .cache/clavex-testenv ./backend/cmd/clavex-testenv; then
    go_tests "$results/go.json" .cache/clavex-testenv -- go test -count=1 -timeout 20m -json ./backend/... ./sql/... ./e2e/load/...
  else
    status=1
  fi
  go_tests "$results/go-ranks.json" env GOWORK=off go -C tools/ranks test -count=1 -json .
fi

if [[ -z $only || $only == vitest ]]; then
  phase "scripts"
  reports+=("$results/scripts.json")
  node --test --test-reporter=spec --test-reporter-destination=stdout \
    --test-reporter="$PWD/tools/scripts/node-report.mjs" --test-reporter-destination="$results/scripts.json" \
    tools/scripts/*.test.mjs || status=1
  for folder in console create-clavex-app; do
    phase "$folder"
    reports+=("$results/vitest-$folder.json")
    tools/scripts/npm-ci.sh "$folder" &&
      (cd "$folder" && npx vitest run --reporter=default --reporter=json --outputFile.json="$results/vitest-$folder.json") || status=1
  done
fi

if [[ -z $only || $only == e2e ]]; then
  phase "end to end"
  reports+=("e2e/test-results/report.json")
  rm -f e2e/test-results/report.json
  tools/scripts/npm-ci.sh e2e && tools/scripts/pack-scaffolder.sh bin/create-clavex-app.tgz &&
    (cd e2e && npm test --silent) || status=1
fi

phase "done"
node tools/scripts/count.mjs "$status" "${reports[@]}"
