# Everything a person runs. `make run` shows the service, `make test` proves it; both need Debian (or the like),
# python3.11 or later, make and a network to a package index, and nothing else.

SHELL  := /bin/bash
VENV   := .venv
BIN    := $(VENV)/bin
PORT   ?= 8000
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3.14 python3; do \
            found=$$(command -v $$name) && $$found -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$found && break; done)

.PHONY: help run test check bench golden docs clean

help: ## these lines
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

run: $(VENV)/.run ## the service with demo patients on 127.0.0.1:8000 (PORT=… for another port)
	@exec $(BIN)/cds demo --port $(PORT)

test: $(VENV)/.dev ## installs what the tests need and runs all of them (ARGS=… for pytest)
	@bash tests/support/needs.sh
	@$(BIN)/python -m pytest -n auto --dist loadgroup $(ARGS)

check: $(VENV)/.dev ## lint, layout, types, layers, and the content itself
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@if [ -x $(BIN)/hadolint ]; then $(BIN)/hadolint Dockerfile; else echo "make: no hadolint for this machine; Dockerfile not looked at"; fi
	$(BIN)/cds check

bench: $(VENV)/.dev ## how fast it answers, beside the floor of the same server doing nothing
	@$(BIN)/python -m tests.speed.bench $(ARGS)

golden: $(VENV)/.dev ## writes the demo's requests and replies anew; read the difference before you commit it
	$(BIN)/python -m tests.support.golden
	@git --no-pager diff --stat -- fixtures || true

docs: $(VENV)/.dev ## writes the handbook and the JSON schemas anew
	$(BIN)/cds docs

clean: ## takes away what these commands made
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ------------------------------------------------------------------ the virtual environment

$(VENV)/.made:
	@test -n "$(PYTHON)" || { echo "make: no python3.11 or later found; install the package python3" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "make: installing python3-venv"; \
	    { apt-get install -y -qq python3-venv || { apt-get update -qq && apt-get install -y -qq python3-venv; }; } >/dev/null; \
	  else \
	    echo "make: $(PYTHON) cannot make virtual environments: install the package python3-venv, then again" >&2; exit 1; \
	  fi; }
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.run: $(VENV)/.made pyproject.toml
	@echo "make: installing the service into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.made pyproject.toml
	@echo "make: installing the service and what its tests need into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	@touch $@ $(VENV)/.run
