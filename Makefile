# Two commands do everything on a fresh machine: `make demo` and `make test`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo test test-fast test-long check format docs figures clean

demo: $(VENV)/.demo
	$(BIN)/habitue demo -w demo-shop

test: $(VENV)/.dev
	bash scripts/install_test_tools.sh
	$(BIN)/pytest -n 2 --dist loadfile

# A core a process, and a fifth of the examples that Hypothesis draws.
test-fast: $(VENV)/.dev
	QUICK_TESTS=1 OMP_NUM_THREADS=1 POLARS_MAX_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile -m "not slow"

test-long: $(VENV)/.dev
	HABITUE_LONG_TESTS=1 $(BIN)/pytest -n 2 --dist load tests/reliability

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest tests/test_architecture.py tests/test_public_api.py tests/test_docs.py
	$(BIN)/mkdocs build --quiet --strict --site-dir site

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/.dev
	$(BIN)/mkdocs serve

figures: $(VENV)/.dev
	$(PIP) -e ".[figures]"
	$(BIN)/python scripts/plot_simulator.py
	$(BIN)/python scripts/plot_reliability.py
	$(BIN)/python scripts/make_log_tables.py

clean:
	rm -rf $(VENV) site demo-shop .mypy_cache .pytest_cache .ruff_cache

$(VENV)/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Habitue needs Python 3.11 or newer; pass PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml constraints.txt | $(VENV)/bin/pip
	@echo "Installing Habitue into $(VENV) (a few minutes the first time) ..."
	$(PIP) -e ".[demo]"
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/pip
	@echo "Installing Habitue and its test tools into $(VENV) (a few minutes the first time) ..."
	$(PIP) -e ".[demo,dev]"
	@touch $@ $(VENV)/.demo
