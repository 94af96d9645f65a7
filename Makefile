# Every command people need, one line each: `make` alone lists them.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
# Two workers: the suite starts databases and servers, and a small machine has two cores.
JOBS ?= 2

PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# The index stays whatever pip is configured with; the hashes say what may come from it.
INSTALL_PROJECT := $(PIP_INSTALL) --no-deps --no-build-isolation --editable .
UV_COMPILE := $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-header --no-annotate --quiet

.PHONY: help
help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: install
install: $(VENV)/.development ## Create .venv with everything that running and testing need

.PHONY: demo
demo: $(VENV)/.runtime ## Run a whole round on real data and show the result (ARGS="--help" for options)
	$(BIN)/labelwright demo $(ARGS)

.PHONY: up
up: $(VENV)/.runtime ## Start the whole stack on this machine, until Ctrl-C (ARGS="--port 9000")
	$(BIN)/labelwright up $(ARGS)

.PHONY: test
test: $(VENV)/.development contracts browser ## Check import contracts, then run every test (ARGS="-k name")
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup $(ARGS)

.PHONY: test-fast
test-fast: $(VENV)/.development contracts ## Run the tests that start no servers and no browser
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup -m "not slow" $(ARGS)

.PHONY: docs
docs: $(VENV)/.development ## Write the reference pages from the code
	$(BIN)/python -m docs.reference

.PHONY: messages
messages: $(VENV)/.development ## Bring the catalogues of other languages up to date with what pages say
	$(BIN)/python -m docs.messages

.PHONY: screenshots
screenshots: $(VENV)/.development browser ## Make a picture of every page, light and dark, into docs/images
	$(BIN)/python -m tests.web.screenshots

.PHONY: golden
golden: $(VENV)/.development ## Record the histories that later versions must replay (once a release)
	$(BIN)/python -m tests.replay.record

.PHONY: lint
lint: $(VENV)/.development contracts ## Check style, format, types and import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

.PHONY: format
format: $(VENV)/.development ## Rewrite the code in the house style
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

.PHONY: contracts
contracts: $(VENV)/.development ## Check who imports whom
	$(BIN)/lint-imports

.PHONY: browser
browser: ## Find a chromium for the page tests, or install Debian's
	@if command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null; then \
		exit 0; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing chromium for the page tests"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null && exit 0; \
	fi; \
	echo "*** No chromium on this machine: the page tests cannot run. Install chromium and repeat. ***" >&2

.PHONY: bench
bench: $(VENV)/.development ## Run the benchmarks and print their figures (an hour or more)
	@for program in claims reviews encryption selection whole_selection label_efficiency; do echo "== $$program"; $(BIN)/python "benchmarks/$$program.py"; done

.PHONY: lock
lock: $(VENV)/.development ## Write both lock files anew from pyproject.toml (ARGS="--upgrade" for newer versions)
	$(UV_COMPILE) --group build --output-file requirements.lock $(ARGS)
	$(UV_COMPILE) --group build --group dev --constraints requirements.lock --output-file requirements-dev.lock $(ARGS)

.PHONY: clean
clean: ## Remove .venv and every cache
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@for candidate in $${PYTHON:-} python3 python3.13 python3.12 python3.11; do \
		if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			"$$candidate" -m venv $(VENV) && exit 0; \
			echo "Creating a virtual environment failed; on Debian and Ubuntu: apt-get install python3-venv" >&2; \
			exit 1; \
		fi; \
	done; \
	echo "Labelwright needs Python 3.11 or newer and found none." >&2; \
	echo "Install one, or name it: make install PYTHON=/path/to/python3" >&2; \
	exit 1

$(VENV)/.runtime: requirements.lock | $(BIN)/python
	@echo "Installing the locked packages into $(VENV); this takes a minute or two."
	@$(PIP_INSTALL) --require-hashes --requirement requirements.lock
	@$(INSTALL_PROJECT)
	@touch $@

# Runtime pins are a part of the development lock, so one installation serves both.
$(VENV)/.development: requirements-dev.lock requirements.lock | $(BIN)/python
	@echo "Installing the locked packages into $(VENV); this takes a minute or two."
	@$(PIP_INSTALL) --require-hashes --requirement requirements-dev.lock
	@$(INSTALL_PROJECT)
	@touch $(VENV)/.runtime $@
