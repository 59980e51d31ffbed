# Every target installs what it needs first and says so (scripts/). Debug builds unless a target is about speed.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.PHONY: help run demo test test-claude check check-macos bench soak fuzz build ui install-deps fmt

# The generated wire types are left out: they vanish in the build, and every `cargo test` writes them again.
PAGE := docs/terms.md $(shell find ui/src ui/public ui/*.html ui/*.ts ui/*.js ui/*.json -type f -not -path '*/generated/*' 2>/dev/null)

help: ## say what there is
	@echo 'Signalbox. One of:'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 22

run: build ## the app on your real login (a debug build: quicker to make, slower to run)
	@echo 'Signalbox opens on your real Claude Code login. Quit it from its menu, or with Ctrl-C.'
	@target/debug/signalbox-app

# With a display the demo opens there; without one (or with DEMO_HEADLESS=1) it brings a desktop of its own.
demo: build ## watch a switch on private, simulated logins; without a display: narrated, with pictures in target/demo/
	@if [ -n "$${DEMO_HEADLESS:-}" ] || [ -z "$${DISPLAY:-}$${WAYLAND_DISPLAY:-}" ]; then \
	  scripts/install-debian-packages demo; fi
	@target/debug/demo

test: install-deps ui ## everything: formatting, lints, page, tests, the real app, the macOS type check
	@scripts/install-debian-packages test browser macos-check
	scripts/test

test-claude: build ## the real Claude Code (npm, one release) against the simulated provider, shut in; ONLY=interactive for one scenario
	@scripts/test-claude $(if $(ONLY),--only $(ONLY))

check: install-deps ui ## formatting, lints and the page's checks only
	scripts/test quick

check-macos: install-deps ui ## type-check the workspace for macOS from Debian
	@scripts/install-debian-packages macos-check
	scripts/check-macos --locked --workspace --lib --bins

bench: install-deps ui ## measure what docs/performance.md promises; BENCH=--quick idles for half a minute, BENCH="--only warden" measures a part
	@scripts/install-debian-packages test
	cargo build --locked --release --workspace --bins --features signalbox-app/custom-protocol
	@target/release/bench $(BENCH)

soak: install-deps ui ## stories, simulated weeks and a real watch for ten minutes; SOAK=1h for longer, SOAK_SEED=7 for the same stories again
	@scripts/install-debian-packages test
	cargo build --locked --workspace --bins
	@target/debug/soak --for "$(or $(SOAK),10m)" $(if $(SOAK_SEED),--seed $(SOAK_SEED))

fuzz: install-deps ## look for inputs that break a parser; TARGET=credential_blob for one, FUZZ=10m for longer than a minute
	@scripts/fuzz "$(TARGET)" "$(FUZZ)"

# Always the whole workspace: with fewer packages Cargo would choose other features, and build Tauri once more.
build: install-deps ui ## build every program (debug)
	cargo build --locked --workspace --bins

ui: ui/dist/index.html ## build the board's page

install-deps: ## install what is needed to build (Debian: apt; elsewhere nothing is installed)
	@scripts/need-tools
	@scripts/install-debian-packages build

fmt: ui/node_modules/.package-lock.json ## format all code
	cargo fmt --all
	cd ui && npm run --silent format

ui/node_modules/.package-lock.json: ui/package.json ui/package-lock.json
	@echo "Installing the page's build tools into ui/node_modules (npm ci)"
	cd ui && npm ci --no-fund --no-audit
	@touch $@

ui/dist/index.html: ui/node_modules/.package-lock.json $(PAGE)
	cd ui && npm run --silent build
	@touch $@
