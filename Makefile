# Everything that is done with this repository, one target each. `make` alone lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
CARGO ?= cargo

.PHONY: help setup demo test test-clients test-contract test-crash bench check fmt lint sqlx openapi clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## see to it that Postgres' programs are there; nothing else needs setting up
	@scripts/setup-postgres.sh

demo: setup ## run the sandbox and play the demo story (ARGS="--exit" stops after it)
	$(CARGO) run --locked -- sandbox --demo $(ARGS)

# What `cargo clippy -- -D warnings` does to our own crate, done while it is built to be run: of its own it would compile all
# that we depend on a second time, only to look at it, which takes as long as building it.
LINTING := RUSTC_WORKSPACE_WRAPPER=clippy-driver CLIPPY_ARGS=-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__

test: setup ## everything that must hold: formatting, lints, all tests
	@command -v clippy-driver >/dev/null || { echo "clippy is missing: rustup component add clippy rustfmt"; exit 1; }
	$(CARGO) fmt --check
	$(LINTING) $(CARGO) build --locked --all-targets
	$(LINTING) $(CARGO) test --locked

# They know the program from outside only, so it has to be built first.
test-clients: setup ## with programs nobody here wrote: boto3, the AWS CLI, an identity provider, schemathesis, an audit verifier (ARGS="-k tags" picks some)
	@scripts/setup-clients.sh
	$(CARGO) build --locked
	ENTRYWAY_BIN="$${CARGO_TARGET_DIR:-target}/debug/entryway" PYTHONDONTWRITEBYTECODE=1 \
		target/clients/bin/python -m pytest -q tests/clients $(ARGS)

# A minute of it is part of `make test-clients`, always with the same calls.
test-contract: setup ## the API against its own document, by schemathesis, with other calls each time (CONTRACT_SECONDS=300 CONTRACT_SEED=7)
	@scripts/setup-clients.sh
	$(CARGO) build --locked
	ENTRYWAY_BIN="$${CARGO_TARGET_DIR:-target}/debug/entryway" PYTHONDONTWRITEBYTECODE=1 \
		CONTRACT_SECONDS="$${CONTRACT_SECONDS:-300}" CONTRACT_SEED="$${CONTRACT_SEED:-random}" \
		target/clients/bin/python -m pytest -q tests/clients/test_contract.py $(ARGS)

# The short versions of these are part of `make test`.
test-crash: setup ## kill -9 under load, and all that takes minutes (ARGS="--seconds 300 --seed 7 --sequences 500 --deaths 50")
	CRASH_ARGS="$(ARGS)" $(CARGO) test --locked --test it for_longer -- --ignored --nocapture --test-threads 1

bench: setup ## load and ratios, measured in one run on a release build (ARGS="submit --rounds 9" for some of them; --help)
	$(CARGO) bench --locked --bench ratios -- $(ARGS)

check: ## does it compile, the tests too
	$(CARGO) check --locked --all-targets

fmt: ## format the code
	$(CARGO) fmt

lint: ## formatting and lints, without the tests
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings

# The macros of sqlx write what they learn about each query when they see a database; touching the crate's root makes
# them look again. The old descriptions go only when the new ones are complete.
sqlx: setup ## describe the SQL queries anew in .sqlx, after changing one or a migration
	rm -rf .sqlx.new && mkdir .sqlx.new && touch src/lib.rs
	SQLX_OFFLINE=false SQLX_OFFLINE_DIR="$(CURDIR)/.sqlx.new" scripts/with-postgres.sh $(CARGO) check --locked --all-targets
	rm -rf .sqlx && mv .sqlx.new .sqlx
	@echo "$$(ls .sqlx | wc -l) queries described"

openapi: ## write the API's description anew, after changing a route or a view
	@mkdir -p openapi
	$(CARGO) run --quiet --locked -- openapi >openapi/entryway.json.new
	mv openapi/entryway.json.new openapi/entryway.json

clean: ## remove what was built
	$(CARGO) clean
