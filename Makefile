# Every target bootstraps its own .venv on a machine that has only Python 3.11+ and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNS := $(VENV)/.runs
TESTS := $(VENV)/.tests
DATA ?= fenghuo-data

.DEFAULT_GOAL := help
.PHONY: help run test lint bench clean

help:
	@echo "make run    everything on this machine, with a sample unit and simulated devices"
	@echo "make test   lint, types, import law and all tests"
	@echo "make lint   ruff, mypy and import-linter alone"
	@echo "make bench  the benchmarks; figures go to standard output"

# What runs needs less than what tests: the first `make run` is ready sooner.
$(RUNS): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Fenghuo needs Python 3.11 or newer")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

$(TESTS): $(RUNS)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

run: $(RUNS)
	$(BIN)/fenghuo up --demo --data $(DATA)

lint: $(TESTS)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	sh .ci/browser
	sh .ci/node
	$(BIN)/python -m pytest --numprocesses 2 -m "not alone"
	$(BIN)/python -m pytest -m alone tests/e2e

bench: $(TESTS)
	$(BIN)/python -m tests.bench

clean:
	rm -rf $(VENV)
