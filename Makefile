# `make run` and `make test` do all the set-up they need; nothing but Python 3.11 to 3.13 has to be there before.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8501
CUSTOMERS ?= 20000
# Tests wait for browsers and servers now and then, so two processes more than two cores fill them.
PROCESSES ?= 4
# Compiled modules are saved even where the environment says otherwise: each job and each test process starts sooner.
export PYTHONDONTWRITEBYTECODE :=
BENCHMARKS ?= start warehouse inference batch http_api access_control scoring rules editor screens sessions training_load events
UV := $(shell command -v uv 2>/dev/null)

.PHONY: run demo test test-extended test-slow test-engines check bench api-reference pictures install install-dev install-engines lock clean

run: install
	$(BIN)/python -m loyalty_core.demo.prepare
	$(BIN)/streamlit run serve.py --server.port $(PORT)

# A fresh demo warehouse in place of the present one; asks for --overwrite when that holds your own data.
demo: install
	$(BIN)/python -m loyalty_core.demo --customers $(CUSTOMERS) --out data/warehouse.duckdb

test: install-dev
	@$(BIN)/python -m compileall -q loyalty_core  # once, rather than by every process of the tests
	$(BIN)/pytest -n $(PROCESSES) --dist worksteal -m "not extended and not slow and not engines"

# The longer proofs: trainings, crashes, processes of their own, random sequences, and every screen in a browser.
test-extended: install-dev
	$(BIN)/pytest -n $(PROCESSES) --dist worksteal -m "extended and not slow and not engines"

# The same properties with many more random cases, and crashes at every moment.
test-slow: install-dev
	$(BIN)/pytest -m "slow and not engines"

# Databases with drivers of their own, and what compares databases with one another; Spark needs Java.
test-engines: install-engines
	$(BIN)/pytest -m "engines and not slow" tests/engines

check: install-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright
	$(BIN)/lint-imports

bench: install-dev
	@for name in $(BENCHMARKS); do $(BIN)/python -m benchmarks.$$name || exit 1; done

# docs/api-reference.md from the OpenAPI description; a test compares them.
api-reference: install-dev
	$(BIN)/python -m loyalty_core.api.reference docs/api-reference.md

# The pictures of the documentation, from a demo that is made for them, as at a first start; needs chromium.
pictures: install-dev
	$(BIN)/python -m docs.pictures.make

install: $(VENV)/.installed
install-dev: $(VENV)/.installed-dev
install-engines: $(VENV)/.installed-engines

# Each stamp is newer than the list it was installed from, so a second start installs nothing.
$(VENV)/.installed: requirements.txt
	@$(MAKE) --no-print-directory $(BIN)/python
	@echo "Installing packages into $(VENV) (a few minutes, once) …"
	@$(call pip_install,-r requirements.txt)
	@$(call pip_install,--no-deps --no-build-isolation -e .)
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt
	@$(MAKE) --no-print-directory $(BIN)/python
	@echo "Installing packages and test tools into $(VENV) (a few minutes, once) …"
	@$(call pip_install,-r requirements-dev.txt)
	@$(call pip_install,--no-deps --no-build-isolation -e .)
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-engines: requirements-engines.txt $(VENV)/.installed-dev
	@echo "Installing the databases for tests into $(VENV) (a minute, once) …"
	@$(call pip_install,-r requirements-engines.txt)
	@touch $@

$(BIN)/python:
	@$(if $(UV),$(UV) venv --quiet --python $(PYTHON) $(VENV),$(PYTHON) -m venv $(VENV))

pip_install = $(if $(UV),$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python $(1),$(BIN)/python -m pip install --quiet --disable-pip-version-check $(1))

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .import_linter_cache

# The locked requirements, with hashes, after a change of the dependencies in pyproject.toml; needs uv.
lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes pyproject.toml -o requirements.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --extra dev -c requirements.txt pyproject.toml -o requirements-dev.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --extra engines -c requirements-dev.txt pyproject.toml -o requirements-engines.txt
