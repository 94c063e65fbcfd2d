# The commands of the README. `make help` lists them.

CARGO ?= cargo
# Where tests look for the development pictures; they say so when they skip.
SHELF_DATA ?= $(abspath ../shared/data)
export SHELF_DATA
LISTEN ?= 127.0.0.1:8000

.PHONY: help setup serve test lint bench cuda cuda-test doctor snapshots

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Install what building and testing need (Debian packages, ONNX Runtime), then build nothing yet
	@scripts/setup.sh

serve: ## Build and start the server on LISTEN (127.0.0.1:8000)
	$(CARGO) run --locked --release --package tools --bin shelf -- serve --listen $(LISTEN)

doctor: ## Say what would run, with which libraries and models, and what is wrong
	$(CARGO) run --locked --release --package tools --bin shelf -- doctor

test: ## Run every test
	$(CARGO) test --locked --workspace --no-fail-fast

snapshots: ## Rewrite the committed snapshots (OpenAPI, --help) after a wanted change
	UPDATE_SNAPSHOTS=1 $(CARGO) test --locked --workspace snapshot

lint: ## Formatting, clippy, and builds without the optional engines
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	$(CARGO) check --locked --package tools --no-default-features

bench: ## Measure; results go to docs/results/*.csv
	@scripts/bench.sh

cuda: ## Cross-build the CUDA binary (no GPU needed here) into dist/
	@scripts/cuda.sh

cuda-test: ## Test operations and training on CUDA, without a GPU on an emulated one
	@scripts/cuda-test.sh
