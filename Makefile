# The commands of the README. `make help` lists them.

CARGO ?= cargo
# Where the pinned compiler cannot be had, the one that is there must do: rather an older check than none.
ifeq ($(shell command -v rustup >/dev/null && ! rustc --version >/dev/null 2>&1 && echo missing),missing)
export RUSTUP_TOOLCHAIN := stable
$(info rust-toolchain.toml names a compiler that is not here; going on with $(shell RUSTUP_TOOLCHAIN=stable rustc --version))
endif
# Where tests look for the development images; they say so when they skip.
SHELF_DATA ?= $(abspath ../shared/data)
export SHELF_DATA
LISTEN ?= 127.0.0.1:8000
# How long `make fuzz` goes on.
FUZZ_SECONDS ?= 60

# What serves: recognition, gallery and review, by ONNX Runtime; built quickly (see the profile in Cargo.toml).
SERVE := --locked --profile serve --package tools --bin shelf --no-default-features --features serve
# Does nothing, and says nothing, when nothing is missing.
SETUP := SETUP_QUIET=1 scripts/setup.sh

.PHONY: help setup serve doctor test snapshots lint fuzz bench dist dist-test cuda cuda-test

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Install what building, testing and linting need; the other commands install what they need by themselves
	@scripts/setup.sh

serve: ## Build and start the server on LISTEN (127.0.0.1:8000)
	@SETUP_FOR=serve $(SETUP)
	$(CARGO) run $(SERVE) -- serve --listen $(LISTEN)

doctor: ## Say what would run, with which libraries and models, and what is wrong
	@SETUP_FOR=serve $(SETUP)
	$(CARGO) run $(SERVE) -- doctor

test: ## Run every test
	@SETUP_FOR=test $(SETUP)
	$(CARGO) test --locked --workspace --no-fail-fast

snapshots: ## Rewrite the committed snapshots (OpenAPI, --help) after a wanted change
	UPDATE_SNAPSHOTS=1 $(CARGO) test --locked --workspace snapshot

lint: ## Formatting, clippy, builds without the optional parts, documentation, licences
	@SETUP_FOR=lint $(SETUP)
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	$(CARGO) clippy --locked --package tools --no-default-features --features serve -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --exclude tools --no-deps
	.runtime/cargo/bin/cargo-deny --locked check bans licenses sources

fuzz: ## Feed broken files to every reader for FUZZ_SECONDS (60)
	@SETUP_FOR=test $(SETUP)
	@# Of the whole workspace: alone, it would ask dependencies for other features, and build them anew.
	$(CARGO) build --locked --workspace --bin fuzz
	$${CARGO_TARGET_DIR:-target}/debug/fuzz run --seconds $(FUZZ_SECONDS)

bench: ## Measure (all, or ONLY=name,name); results go to docs/results/*.csv
	@SETUP_FOR=test $(SETUP)
	@scripts/bench.sh

dist: ## Build what is installed without Rust: a .tar.xz and a .deb, into dist/
	@scripts/dist.sh

dist-test: ## Install what `make dist` built on a bare Debian, and have it answer a photo (root)
	@scripts/dist-test.sh

cuda: ## Cross-build the CUDA binary (no GPU needed here) into dist/
	@scripts/cuda.sh

cuda-test: ## Test operations and training on CUDA, without a GPU on an emulated one
	@scripts/cuda-test.sh
