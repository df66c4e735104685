# make leaderboard: the environment, the embedded demo grid, its leaderboard.   make test: the suite.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

.PHONY: leaderboard test test-all heavy check check-static format clean

leaderboard: $(VENV)/.base
	$(BIN)/soundstage run demo --out results/demo --workers 2
	@$(BIN)/soundstage leaderboard results/demo

test: $(VENV)/.test
	$(BIN)/python -m pytest -n auto -m "not heavy" --cov --cov-report=term:skip-covered

heavy: $(VENV)/.heavy
	$(BIN)/python -m pytest -m heavy

test-all: test heavy

check: check-static test

check-static: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) results

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Soundstage needs Python 3.11 or newer; name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.base: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) --editable .
	@touch $@

$(VENV)/.test: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) --editable '.[test]'
	@touch $@ $(VENV)/.base

$(VENV)/.dev: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/.test $(VENV)/.base

# constraints.txt holds a torch; asked for by itself first, a CPU build is taken where an index offers one.
$(VENV)/.heavy: $(VENV)/.dev
	$(PIP) torch
	$(PIP) --editable '.[dev,demucs,openunmix,dask]'
	@touch $@
