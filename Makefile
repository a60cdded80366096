# Two commands on a fresh machine: `make demo` and `make test`. Everything lands in .venv and .demo.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
k ?=
# The tests wait for two fifths of their time, so one process more than there are cores; each holds up to 1 GB.
workers ?= $(shell $(PYTHON) -c 'import os; print(min(8, (os.cpu_count() or 1) + 1))')
# Hundreds of tests start a program: what is compiled once is kept, whatever the caller's environment says.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: setup demo demo-providers demo-objects test check fix bench docs clean

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml constraints.txt
	@echo "Setting up $(VENV) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.ready-test: $(VENV)/.ready
	@echo "Installing what the tests need ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[test]"
	@touch $@

demo: $(VENV)/.ready
	@$(BIN)/python -m examples.demo

demo-providers: $(VENV)/.ready
	@$(BIN)/python -m examples.providers

demo-objects: $(VENV)/.ready
	@$(BIN)/python -m examples.objects

test: $(VENV)/.ready-test
	@$(BIN)/python -m pytest $(if $(k),-k "$(k)",-n $(workers) --dist loadfile --no-loadscope-reorder -rs)

check: $(VENV)/.ready-test
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest tests/rules

fix: $(VENV)/.ready-test
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(VENV)/.ready
	@$(BIN)/python -m bench

docs: $(VENV)/.ready
	@$(BIN)/python -m tools.reference

clean:
	rm -rf $(VENV) .demo .bench
