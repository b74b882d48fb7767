# Clearance: `make demo` shows it, `make test` proves it. Both install what is missing first.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
PYTHON := $(VENV)/bin/python
STAMP := $(VENV)/.installed-$(shell cat requirements/dev.txt pyproject.toml 2>/dev/null | sha256sum | cut -c1-16)

.PHONY: help install system demo test lint format clean

help: ## Show this help
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/'

system:
	@bash tools/system-packages.sh

$(STAMP):
	@bash tools/environment.sh $(VENV)
	@touch $(STAMP)

install: system $(STAMP) ## Install what is missing: Debian programs and a virtual environment in .venv

test: install lint ## Lint, then run the whole test suite
	@$(PYTHON) -m pytest -q -n 2 tests

lint: install ## Check style, types and layers
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/mypy

format: install ## Format the code
	@$(VENV)/bin/ruff format .

clean: ## Remove the environment and what the tools left
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis dist demo

demo: install ## Scan real servers on loopback, certify one agency, refuse the other
	@$(PYTHON) -m examples.demo
