#!/usr/bin/env bash
# Builds the generators and linters that tools/go.mod pins and prints the folder they stand in. The folder is named
# after everything that decides their content, so an unchanged pin costs one hash and a changed one can never leave
# an old binary behind. Without arguments it builds all of them; with names, only those.
set -euo pipefail
cd "$(dirname "$0")/../.."

all=(sqlc templ oapi-codegen golangci-lint)
wanted=("${@:-${all[@]}}")

hash=$({ cat tools/go.mod tools/go.sum; go env GOVERSION GOOS GOARCH; } | sha256sum | cut -c1-16)
bin="$PWD/.cache/tools/$hash"
mkdir -p "$bin"

for tool in "${wanted[@]}"; do
  [[ -x $bin/$tool ]] && continue
  package=$(sed -nE "s#^[[:space:]]+([^ ]+/cmd/$tool)\$#\1#p" tools/go.mod)
  [[ -n $package ]] || { echo "install-tools: tools/go.mod pins no tool named $tool" >&2; exit 2; }
  echo "building $tool (once; kept in .cache/tools)" >&2
  # Outside the workspace: the tools' dependencies must never meet the product's. Without cgo: a C compiler is not
  # among the things a contributor's machine must have, and sqlc carries its parser as WebAssembly for that case.
  GOWORK=off GOFLAGS=-mod=readonly CGO_ENABLED=0 go build -C tools -trimpath -o "$bin/$tool.new" "$package" >&2
  mv "$bin/$tool.new" "$bin/$tool"
done
echo "$bin"
