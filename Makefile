# Everything sets itself up: Python 3.11+ and make are all that is needed beforehand.
PYTHON ?= python3
ARGS ?=
SEEDS ?= 2000
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
# Most tests with processes wait more than they compute.
XDIST ?= -n 3 --dist worksteal

.PHONY: help demo test check bench soak crash-matrix fmt lint types imports locked unit store processes docs screenshots lock clean
.DEFAULT_GOAL := help

help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: .venv/run.stamp ## Two thousand messages through the whole pipeline (ARGS='--json')
	@$(BIN)/mtalab demo $(ARGS)

test: .venv/dev.stamp ## All tests, on SQLite and PostgreSQL (ARGS='-k name')
	$(BIN)/pytest $(XDIST) $(ARGS)

check: fmt lint types imports locked ## Format, lint, types, layers, lock

fmt: .venv/dev.stamp
	$(BIN)/ruff format --check .

lint: .venv/dev.stamp
	$(BIN)/ruff check .

types: .venv/dev.stamp
	$(BIN)/mypy

imports: .venv/dev.stamp
	$(BIN)/lint-imports --no-cache

locked: .venv/dev.stamp
	$(BIN)/python -m tests.house.locked

unit: .venv/dev.stamp ## Unit tests and properties only
	$(BIN)/pytest $(XDIST) tests/unit tests/properties $(ARGS)

store: .venv/dev.stamp ## The store's tests on both databases
	$(BIN)/pytest $(XDIST) tests/store $(ARGS)

processes: .venv/dev.stamp ## Real processes and sockets
	$(BIN)/pytest $(XDIST) tests/processes $(ARGS)

bench: .venv/dev.stamp ## The table of what is to be reached, measured (ARGS=--write; about 9 minutes)
	$(BIN)/python -m tests.measure.targets $(ARGS)

soak: .venv/dev.stamp ## Storms in the simulation, each from a seed, on all cores (SEEDS=2000)
	$(BIN)/python -m tests.simulation.soak --seeds $(SEEDS) $(ARGS)

crash-matrix: .venv/dev.stamp ## Kill every process at every named point, on both databases (ARGS=--write)
	$(BIN)/python -m tests.crash.matrix $(ARGS)

docs: .venv/dev.stamp ## Generate the documents that come from code
	$(BIN)/python -m tests.house.generated --write

screenshots: .venv/dev.stamp ## Pictures of the pages for the documents (needs Chromium)
	$(BIN)/python -m tests.house.screenshots

lock: .venv/dev.stamp ## Resolve the dependencies anew
	$(BIN)/uv pip compile -q --upgrade pyproject.toml --extra build --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-header -o requirements.lock
	$(BIN)/uv pip compile -q --upgrade pyproject.toml --extra build --extra dev --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-header -o requirements-dev.lock

clean: ## Remove the virtual environment and caches
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist

.venv/python.stamp:
	@$(PYTHON) -c 'import sys; sys.exit("mtalab needs Python 3.11 or newer, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/run.stamp: .venv/python.stamp requirements.lock pyproject.toml
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev.stamp: .venv/python.stamp requirements-dev.lock pyproject.toml
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@
