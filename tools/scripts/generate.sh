#!/usr/bin/env bash
# Writes all generated code anew: queries, pages, the Admin API's server and client, compressed assets.
set -euo pipefail
cd "$(dirname "$0")/../.."
bin=$(tools/scripts/install-tools.sh sqlc templ oapi-codegen)
(cd sql && "$bin/sqlc" generate)
"$bin/templ" generate -path backend/internal/web/page -log-level error
(cd backend && "$bin/oapi-codegen" -config api/oapi-codegen.yaml api/openapi.yaml)
(cd backend && go generate ./internal/web/asset)
tools/scripts/npm-ci.sh console
(cd console && npm run --silent generate >/dev/null)
