# Clearance: `make demo` shows it, `make test` proves it. Both install what is missing first.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
PYTHON := $(VENV)/bin/python
STAMP := $(VENV)/.installed-$(shell cat requirements/dev.txt pyproject.toml 2>/dev/null | sha256sum | cut -c1-16)

.PHONY: help install system demo test lint format lock messages clean

help: ## Show this help
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/'

system:
	@bash tools/system-packages.sh

$(STAMP):
	@bash tools/environment.sh $(VENV)
	@touch $(STAMP)

install: system $(STAMP) ## Install what is missing: Debian programs and a virtual environment in .venv

test: install lint ## Lint, then run the whole test suite
	@$(PYTHON) -m pytest -q -n 2 --dist loadfile tests

lint: install ## Check style, types and layers
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports --no-cache >/dev/null || $(VENV)/bin/lint-imports --no-cache

lock: install ## Lock the dependencies anew, with hashes and without an index address
	@$(VENV)/bin/uv --version >/dev/null 2>&1 || $(PYTHON) -m pip install -q --disable-pip-version-check uv
	@$(VENV)/bin/uv pip compile -q --upgrade --generate-hashes --no-header --no-emit-index-url --python-version 3.11 \
	  requirements/dev.in -o requirements/dev.lock
	@{ echo "# Locked with hashes; made from requirements/dev.in by 'make lock'. Carries no index address."; \
	  cat requirements/dev.lock; } > requirements/dev.txt
	@rm requirements/dev.lock

messages: install ## Bring the catalogue of messages up to date
	@$(PYTHON) -m tools.messages

format: install ## Format the code
	@$(VENV)/bin/ruff format .

clean: ## Remove the environment and what the tools left
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis dist demo

demo: install ## Scan real servers on loopback, certify one agency, refuse the other
	@$(PYTHON) -m examples.demo
