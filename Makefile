# Everything here needs make and Python 3.11 or newer. uv is used where it is installed, else fetched into .uv/ (infra/setup).

PYTHONS := $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.locked
# One process: the tests share emulators, and some watch real time. On a larger machine: make test TESTS="-n 4".
TESTS ?=
LEVEL ?= system
SEEDS ?= 500
SEED ?= 1
FAULTS ?= all
JOBS ?= 1
# One JSON document; JSON= gives words.
JSON ?= 1

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup compiled demo test simulate mutants bench check emulators lint format clean

help: ## List what can be made.
	@sed -n 's/^\([a-z]*\):.*## /  make \1 \t/p' $(MAKEFILE_LIST)

setup: compiled ## Make .venv with everything that uv.lock names.

demo: compiled ## Run the main job on real processes and a model of the network.
	@$(BIN)/pointsman demo

test: compiled ## Run all tests.
	@$(BIN)/python -m pytest $(TESTS)

simulate: compiled ## Play seeded schedules of faults: SEEDS=n [SEED=s] [FAULTS=all] [LEVEL=system] [JOBS=1]; JSON= for words.
	@$(BIN)/python -m pointsman.testing.simulate --level $(LEVEL) --seeds $(SEEDS) --first $(SEED) --faults $(FAULTS) --jobs $(JOBS) $(if $(JSON),--json)

mutants: compiled ## Hunt known defects: each must be noticed by a simulation that knows nothing of it.
	@$(BIN)/python -m pointsman.testing.mutants

bench: compiled ## Measure reactions and print them as JSON.
	@$(BIN)/pointsman bench

check: lint test ## Format, lint, types, import contracts, then all tests.

emulators: compiled ## Say which emulators, and disks that fill up, cannot be had here, and fail: the tests would skip what needs them.
	@$(BIN)/python -m pointsman.testing.emulators --missing

lint: compiled ## Format, lint, types and import contracts alone.
	@failed=0; \
	for step in 'ruff format --check' 'ruff check' mypy 'lint-imports --no-logo'; do echo "$$step"; $(BIN)/$$step || failed=1; done; \
	exit $$failed

format: compiled ## Format the code and sort its imports.
	$(BIN)/ruff check --select I --fix --quiet
	$(BIN)/ruff format

clean: ## Remove the environment and everything that was made.
	rm -rf $(VENV) .uv build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find shared functions tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Functions start in fresh processes: without compiled modules each start would compile them anew.
compiled: $(STAMP)
	@$(BIN)/python -m compileall -q shared functions

# A certificate authority that pip is told of in PIP_CERT is one that uv needs too.
$(STAMP): pyproject.toml uv.lock
	@set -eu; \
	for one in $(PYTHONS); do \
	  if "$$one" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$one; break; fi; \
	done; \
	[ -n "$${python:-}" ] || { echo 'pointsman needs Python 3.11 or newer: install it, or run make PYTHON=/path/to/python3' >&2; exit 1; }; \
	export SSL_CERT_FILE="$${SSL_CERT_FILE:-$${PIP_CERT:-}}"; \
	[ -n "$$SSL_CERT_FILE" ] || unset SSL_CERT_FILE; \
	uv=$$(command -v uv) && "$$uv" --version >/dev/null 2>&1 || uv=.uv/bin/uv; \
	[ -x "$$uv" ] || "$$python" infra/setup/fetch_uv.py .uv; \
	unset VIRTUAL_ENV; \
	UV_PROJECT_ENVIRONMENT=$(VENV) UV_PYTHON_DOWNLOADS=never "$$uv" sync --quiet --frozen --all-extras --compile-bytecode --python "$$python"
	@touch $@
