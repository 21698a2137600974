# Everything a person or CI runs. `make` alone lists the targets. Needs Python 3.11, make and git, nothing else.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3.11
UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
PARTS := contract jobs serving ui demo
RUN := .venv/bin
# The checkout's own environment only: nothing that happens to be on the caller's Python path.
export PYTHONNOUSERSITE := 1

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.tools/bin/uv:
	@echo "installing uv into .tools"
	@$(PYTHON) -m venv .tools
	@.tools/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.9

# The stamp is newer than the lock and every part's settings, or the environment is brought up to date.
.venv/.synced: requirements.lock pyproject.toml $(PARTS:%=%/pyproject.toml) | $(filter .tools/bin/uv,$(UV))
	@test -x $(RUN)/python || $(UV) venv --quiet --python $(PYTHON) .venv
	@echo "installing what the lock names into .venv"
	@$(UV) pip sync --quiet --require-hashes requirements.lock
	@$(UV) pip install --quiet --no-deps --no-build-isolation $(PARTS:%=-e %)
	@touch $@

install: .venv/.synced ## install everything into the checkout

demo: install ## the whole loop on this machine: make demo ARGS="--help" says what it can do
	@$(RUN)/relevo-demo $(ARGS)

check: install ## format, lint, types, who-imports-whom
	$(RUN)/ruff format --check .
	$(RUN)/ruff check .
	$(RUN)/mypy $(PARTS:%=%/src) tests benchmarks
	$(RUN)/lint-imports

test: check ## check, then every test
	$(RUN)/pytest $(ARGS)

format: install ## let ruff write
	$(RUN)/ruff format .
	$(RUN)/ruff check --fix .

lock: | $(filter .tools/bin/uv,$(UV)) ## write requirements.lock anew (ARGS=--upgrade takes newer versions)
	$(UV) pip compile $(PARTS:%=%/pyproject.toml) --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-package relevo-contract --no-annotate --no-header --no-emit-index-url --quiet -o requirements.lock $(ARGS)

.PHONY: help install demo check test format lock
