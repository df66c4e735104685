# `make help` says what there is.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

.PHONY: help leaderboard report test quick coverage test-all heavy check check-static format hooks readme cards architecture reference presets docs clean

help:  ## Print this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/make \1#\2/' | awk -F'#' '{ printf "%-18s  %s\n", $$1, $$2 }'

leaderboard: $(VENV)/.base  ## Run the embedded demo grid and print its leaderboard
	$(BIN)/soundstage run demo --out results/demo --workers 2
	@$(BIN)/soundstage leaderboard results/demo

report: $(VENV)/.base  ## Make the report of the demo grid, results/report
	$(PIP) --editable '.[report]'
	$(BIN)/soundstage run demo --out results/demo --workers 2
	$(BIN)/soundstage report results/demo --out results/report

test: $(VENV)/.test  ## Run the suite, but for what needs torch or minutes
	$(BIN)/python -m pytest -n auto -m "not heavy"

coverage: $(VENV)/.test  ## The same, and which lines it ran, worker processes included
	$(BIN)/python -m pytest -n auto -m "not heavy" --cov --cov-report=term:skip-covered

# What starts processes or draws many examples, however short each of its tests is.
LEFT_OUT := cli end_to_end rendering isolation running/executors plugins/metrics plugins/spatializers

quick: $(VENV)/.test  ## Run what takes milliseconds: within a minute, for the working day
	$(BIN)/python -m pytest -n auto -m "not heavy and not slow" --quiet $(foreach part,$(LEFT_OUT),--ignore=tests/$(part))

heavy: $(VENV)/.heavy  ## Run the tests that need torch or minutes
	$(BIN)/python -m pytest -n 2 --dist loadfile -m heavy

test-all: test heavy  ## Run all tests

check: check-static test  ## Run what must pass before a change lands

check-static: $(VENV)/.dev  ## Check format, lint, spelling, types, layers (no circle, no arrow up) and pages
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/codespell
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/architecture.py --check
	$(BIN)/python tools/reference.py --check

format: $(VENV)/.dev  ## Format, and mend what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

hooks: $(VENV)/.dev  ## Have git check format, lint, spelling and types at each commit
	$(BIN)/pre-commit install

readme: $(VENV)/.base  ## Run the demo and write its leaderboard into README.md
	$(BIN)/python tools/readme.py

cards: $(VENV)/.test  ## Measure the built-in metrics and write their cards into docs/audiometry.md
	$(BIN)/python tools/cards.py

architecture: $(VENV)/.base  ## Write the pictures of docs/architecture.md from the code
	$(BIN)/python tools/architecture.py

reference: $(VENV)/.base  ## Write docs/reference/ from docstrings, registry and --help
	$(BIN)/python tools/reference.py

presets: $(VENV)/.base  ## Write the table of training presets into docs/training.md
	$(BIN)/python tools/presets.py

docs: $(VENV)/.docs  ## Build the documentation's site, build/site, with warnings as errors
	$(BIN)/python tools/pages.py

clean:  ## Remove the environment, results and what was built
	rm -rf $(VENV) results build

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

$(VENV)/.docs: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) --editable '.[docs]'
	@touch $@ $(VENV)/.base

# constraints.txt holds a torch; asked for by itself first, a CPU build is taken where an index offers one.
$(VENV)/.heavy: $(VENV)/.dev
	$(PIP) torch
	$(PIP) --editable '.[dev,docs,demucs,mss,openunmix,train,dask,browser]'
	@touch $@
