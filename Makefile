# Fairhouse: `make` prints what there is. The work itself is in sandbox/setup and in the tools.
SHELL := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# The first Python that we run on; `make PYTHON=/path/to/python` names another.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
  $$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' \
    >/dev/null 2>&1 && echo $$python && break; done)
BIN := .venv/bin
PRODUCT := casino games payments messaging bot webapp admin_bot migrations sandbox benchmarks
WORKERS ?= 3
# A test that hangs shows where, and ends the run.
PYTEST = $(BIN)/pytest -q -n $(WORKERS) --dist loadgroup \
  -o faulthandler_timeout=900 -o faulthandler_exit_on_timeout=true
ARGS ?=

.PHONY: help setup setup-browser demo demo-reset test test-fast test-faults test-chains conserve lint format check smoke sim bench bench-chains bench-growth migrate lock clean

help: ## print this list
	@echo "Fairhouse. Targets:"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "Variables: DEMO_PORT=9000 for the demo and its five ports, WORKERS=3 and ARGS=... for pytest and bench, PYTHON=python3.12"

setup: ## install everything below this folder (done by itself before demo, test and smoke)
	@$(call with_python,-m sandbox.setup)

setup-browser:
	@$(call with_python,-m sandbox.setup --browser)

demo: setup ## start the whole house on this machine and print one link
	@exec $(BIN)/python -m sandbox demo

demo-reset: ## forget everything that the demo keeps in .demo/
	@$(call with_venv,python -m sandbox reset)

test: setup-browser ## run every test: the front end's in Node, then all others
	@npm --prefix webapp/frontend test --silent -- --reporter=dot
	@$(PYTEST) $(ARGS)

test-fast: setup ## run the tests that need no browser, no chain and no crash
	@$(PYTEST) -m "not browser and not chain and not faults" $(ARGS)

test-faults: setup ## kill servers and processes under load, ten times each (FAULT_ROUNDS=n)
	@FAULT_ROUNDS=$${FAULT_ROUNDS:-10} PROPERTY_EXAMPLES=$${PROPERTY_EXAMPLES:-200} $(BIN)/pytest -q \
	  tests/faults/test_kills.py tests/faults/test_bets.py tests/faults/test_pressure.py \
	  tests/casino/ledger tests/properties $(ARGS)

lint: setup ## style, types, import contracts; nothing is changed
	@failed=""; \
	run() { echo "-- $$*"; "$$@" || failed="$$failed [$$*]"; }; \
	run $(BIN)/ruff check .; \
	run $(BIN)/ruff format --check .; \
	run $(BIN)/mypy; \
	run $(BIN)/lint-imports; \
	run npm --prefix webapp/frontend run typecheck --silent; \
	if [ -n "$$failed" ]; then echo "lint failed:$$failed"; exit 1; fi; echo "lint passed"

format: ## bring the code into its form
	@$(call with_venv,ruff check --fix-only --quiet .)
	@$(call with_venv,ruff format .)

check: format lint test-fast ## what to run before a commit

smoke: setup ## run the demo's story without a screen: one JSON line per step
	@exec $(BIN)/python -m sandbox smoke

test-chains: setup-browser ## run the chain suites on real nodes; a missing node is a failure
	@$(PYTEST) tests/payments tests/sandbox/ton tests/sandbox/evm tests/sandbox/btc $(ARGS)

conserve: setup-browser ## let coins circulate for MINUTES=2 while everything fails, and count them; SEED=1
	@$(call with_venv,python -m tests.conservation --minutes $(or $(MINUTES),2) --seed $(or $(SEED),1) $(ARGS))

sim: setup ## play a simulated month from SEED=1 over DAYS=30 and check every step of it
	@$(call with_venv,python -m tests.simulation --seed $(or $(SEED),1) --days $(or $(DAYS),30) $(ARGS))

bench: setup ## measure the money core beside pgbench, under 15 minutes; CASE=bets_64 for one
	@$(call with_venv,python -m benchmarks $(CASE) $(ARGS))

bench-chains: setup ## measure the chain code beside its nodes asked raw, in about six minutes; PART=evm for one
	@$(call with_venv,python -m benchmarks chains $(PART) $(ARGS))

bench-growth: setup ## the same house at a hundred thousand and at ten million stored bets
	@$(call with_venv,python -m benchmarks growth --stored 10000000 $(ARGS))

migrate: ## bring the database of DATABASE_URL (or .env) to the newest schema
	@$(call with_venv,alembic upgrade head)

lock: ## write requirements.lock anew from pyproject.toml
	@$(call with_venv,uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --all-extras pyproject.toml -o requirements.lock)

clean: ## remove what the set-up and the tools made; .demo/ and .env stay
	@rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache \
	  htmlcov test-results webapp/static webapp/frontend/node_modules sandbox/ton/node_modules \
	  sandbox/evm/node_modules sandbox/evm/build

define with_python
	if [ -z "$(PYTHON)" ]; then \
	  echo "Python 3.11, 3.12 or 3.13 is needed and none was found."; \
	  echo "Install it (often: sudo apt-get install python3 python3-venv) or name it: make PYTHON=/path/to/python3.12"; \
	  exit 1; \
	fi; \
	exec $(PYTHON) $(1)
endef

define with_venv
	if [ ! -x $(BIN)/python ]; then echo "Run \`make setup\` first."; exit 1; fi; \
	exec $(BIN)/$(1)
endef
