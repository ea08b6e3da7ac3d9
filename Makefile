# The commands of the repository. Each works on a fresh Debian or Ubuntu machine that has git, make, Go and
# Node, as root and as an ordinary user, and installs what else it needs.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
SCRIPTS  := tools/scripts
GO_BUILD := CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)"
ROW      ?=

# What make tests and lints is compiled as what is shipped: one program, and one compilation of it and its libraries. With a C compiler,
# `make test CGO_ENABLED=1 GOFLAGS=-race` looks for races.
export CGO_ENABLED := 0
export GOFLAGS     := $(shell GOTOOLCHAIN=local go env GOFLAGS 2>/dev/null) -trimpath

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: build bin/create-clavex-app.tgz ## start everything: PostgreSQL, Clavex, console, demo data
	@bin/clavex dev --create-app bin/create-clavex-app.tgz

.PHONY: build
build: console ## build bin/clavex, one static binary with console, pages, migrations and docs
	@$(GO_BUILD) -o bin/clavex ./backend/cmd/clavex

# The console is built again only when something it is made of has changed.
.PHONY: console
console:
	@$(SCRIPTS)/build-console.sh

bin/create-clavex-app.tgz: $(shell git ls-files create-clavex-app templates 2>/dev/null)
	@$(SCRIPTS)/pack-scaffolder.sh $@

.PHONY: test
test: ## everything that can fail: Go, TypeScript, a real browser; closes with a count
	@$(SCRIPTS)/prepare.sh
	@$(MAKE) build
	@$(SCRIPTS)/test.sh

.PHONY: check
check: ## fast: format, lint, types, unit tests, generated code up to date
	@$(SCRIPTS)/check.sh

.PHONY: bench
bench: build ## measure beside the ceilings, about a quarter of an hour; ROW=name, DURATION=2s, SCALE=large
	@$(SCRIPTS)/prepare.sh --postgresql-only
	@ROW='$(ROW)' DURATION='$(DURATION)' SCALE='$(SCALE)' $(SCRIPTS)/bench.sh

.PHONY: conformance
conformance: ## the OpenID Foundation's plans against the suite at CONFORMANCE_SERVER; ARGS='--plan basic'
	@$(SCRIPTS)/conformance.sh $(ARGS)

.PHONY: generate
generate: ## write generated code anew
	@$(SCRIPTS)/generate.sh

.PHONY: fmt
fmt: ## format Go and templ files
	@gofmt -w backend sql e2e/load tools/ranks
	@"$$($(SCRIPTS)/install-tools.sh templ)/templ" fmt backend/internal/web/page >/dev/null

.PHONY: lint
lint: ## lint Go and TypeScript, import ranks included
	@$(SCRIPTS)/lint.sh

.PHONY: clean
clean: ## remove what was built; the data of `make run` stays
	@rm -rf bin .cache/console.stamp console/out console/.next e2e/test-results
	@find backend/internal/console/dist -mindepth 1 ! -name .gitkeep -delete
