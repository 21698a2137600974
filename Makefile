# Everything a person or CI runs. `make` alone lists the targets. Needs Python 3.11, make and git, nothing else.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3.11
UV := .tools/bin/uv
PARTS := contract jobs operator serving ui demo
RUN := .venv/bin
# The checkout's own environment only: nothing that happens to be on the caller's Python path.
export PYTHONNOUSERSITE := 1

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# A pinned uv of the checkout's own. Some distributions ship Python without venv, or pip: the first that works is taken.
$(UV):
	@command -v $(PYTHON) >/dev/null || { echo "expected Python 3.11 as $(PYTHON), found none: install it, or name it with PYTHON=..."; exit 1; }
	@echo "installing uv into .tools"
	@{ $(PYTHON) -m venv .tools && .tools/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.9; } \
	  || { rm -rf .tools; PYTHONNOUSERSITE= $(PYTHON) -m pip install --quiet --disable-pip-version-check --target .tools uv==0.13.9; } \
	  || { rm -rf .tools; echo "expected $(PYTHON) with venv or pip, found neither working: install python3.11-venv (Debian's name) and run again"; exit 1; }

# The stamp is newer than the lock and every part's settings, or the environment is brought up to date.
.venv/.synced: requirements.lock pyproject.toml $(PARTS:%=%/pyproject.toml) | $(UV)
	@test -x $(RUN)/python || $(UV) venv --quiet --python $(PYTHON) .venv
	@echo "installing what the lock names into .venv"
	@$(UV) pip sync --quiet --compile-bytecode --require-hashes requirements.lock
	@$(UV) pip install --quiet --compile-bytecode --no-deps --no-build-isolation $(PARTS:%=-e %)
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

lock: | $(UV) ## write requirements.lock anew (ARGS=--upgrade takes newer versions)
	$(UV) pip compile $(PARTS:%=%/pyproject.toml) --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-package relevo-contract --no-annotate --no-header --no-emit-index-url --quiet -o requirements.lock $(ARGS)

bench-holdout: install ## error on held-out listings, beside peers and limit: make bench-holdout ARGS="--data FILE"
	@$(RUN)/python -m benchmarks.holdout $(ARGS)

bench-ingestion: install ## RAW ingestion beside a bare COPY and pandas.to_sql: ARGS="--data FILE.csv"
	@$(RUN)/python -m benchmarks.ingestion $(ARGS)

bench-steps: install ## what collect, clean and decide of each of 100 batches cost: ARGS="--data FILE.csv"
	@$(RUN)/python -m benchmarks.steps $(ARGS)

bench-policy: install ## when to train, beside always, never, a common rule and hindsight: ARGS="--data FILE.csv"
	@$(RUN)/python -m benchmarks.policy $(ARGS)

bench-demo: install ## how long the demo takes, step by step and server by server: ARGS="--data FILE.csv"
	@$(RUN)/python -m benchmarks.demo $(ARGS)

.PHONY: help install demo check test format lock bench-holdout bench-ingestion bench-steps bench-policy bench-demo
