# `make demo` runs the whole pipeline on this machine; `make test` runs all tests.
# Every target installs what it needs. You only need Python 3.11 or later and make.

PYTHON ?= python3
# Processes of `make test`: a number, auto for one per core, or 0 for pytest's own process only.
WORKERS ?= auto
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
# Progress bars on a terminal, none in a log.
QUIET := $(if $(shell [ -t 2 ] && echo seen),,--quiet)
SYNC := VIRTUAL_ENV=$(VENV) $(UV) pip install $(QUIET) --require-hashes
EDITABLE := VIRTUAL_ENV=$(VENV) $(UV) pip install --quiet --no-deps --editable .

.PHONY: help setup setup-lstm setup-dev demo test lint docs sbom audit format bench e2e images chaos requirements clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(UV):
	@echo "setting up $(VENV) ..."
	@$(PYTHON) -c 'import sys; sys.exit("tradebot needs Python 3.11 or later; this is " + sys.version.split()[0] + ": run make with PYTHON=python3.11") if sys.version_info < (3, 11) else None'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt \
	  || { echo "cannot download the packages: check that this machine reaches its package index, then run make again" >&2; exit 1; }

$(VENV)/.setup: requirements/setup.txt pyproject.toml | $(UV)
	@echo "installing packages for the pipeline and backtests (once) ..."
	@$(SYNC) -r requirements/setup.txt
	@$(EDITABLE)
	@touch $@

$(VENV)/.setup-lstm: requirements/lstm.txt $(VENV)/.setup
	@echo "installing torch (once; large) ..."
	@$(SYNC) -r requirements/lstm.txt
	@touch $@

$(VENV)/.setup-dev: requirements/dev.txt pyproject.toml | $(UV)
	@echo "installing packages for tests and checks (once; large because of torch) ..."
	@$(SYNC) -r requirements/dev.txt
	@$(EDITABLE)
	@touch $(VENV)/.setup $(VENV)/.setup-lstm $@

setup: $(VENV)/.setup ## install the pipeline; creates .venv/bin/tradebot

setup-lstm: $(VENV)/.setup-lstm ## install the pipeline with torch, for the LSTMs

setup-dev: $(VENV)/.setup-dev ## install everything for tests, checks and the operator

demo: setup ## run the whole pipeline on this machine, dashboard at http://127.0.0.1:8080
	@$(BIN)/tradebot demo $(ARGS)

test: setup-dev ## all tests, on WORKERS processes; those that need a server say so when it is not there
	@$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

lint: setup-dev ## check style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

docs: setup-dev ## build the documentation site into build/site; fails on a broken link
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo "the site is in build/site; to read it while you write: $(BIN)/mkdocs serve"

$(VENV)-audit/.setup: requirements/audit.txt | $(UV)
	@$(PYTHON) -m venv $(VENV)-audit
	@VIRTUAL_ENV=$(VENV)-audit $(UV) pip install $(QUIET) --require-hashes -r $<
	@touch $@

sbom: setup-dev $(VENV)-audit/.setup ## list all installed packages (CycloneDX) and their licences in build/sbom
	@mkdir -p build/sbom
	@$(VENV)-audit/bin/cyclonedx-py environment $(BIN)/python --pyproject pyproject.toml --output-reproducible -o build/sbom/tradebot.cdx.json
	@$(VENV)-audit/bin/pip-licenses --python $(BIN)/python --format markdown --from mixed --output-file build/sbom/licences.md

audit: $(VENV)-audit/.setup ## look for known vulnerabilities in the pinned packages; needs PyPI's advisories
	@$(VENV)-audit/bin/pip-audit --strict --disable-pip --require-hashes -r requirements/services.txt -r requirements/operator.txt -r requirements/forecast.txt

format: setup-dev ## format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: setup-dev ## run the benchmarks, each compared with a peer
	@$(BIN)/tradebot bench $(ARGS)

e2e: setup-dev ## run the tests on a real Kubernetes with our images (uses KUBECONFIG if set)
	@tests/cluster/run $(ARGS)

images: ## build the three images, with or without Docker; ARGS=--load loads them into the cluster
	@images/build $(ARGS)

chaos: setup-dev ## run random faults and kills against the trader; prints the seed
	@$(BIN)/python -m pytest tests/pipeline -m chaos $(ARGS)

COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command "make requirements"
requirements: | $(UV) ## pin all dependencies again, with hashes
	@echo "uv" | $(COMPILE) - -o requirements/bootstrap.txt
	@$(COMPILE) pyproject.toml --extra dev -o requirements/dev.txt
	@$(COMPILE) pyproject.toml --extra login -c requirements/dev.txt -o requirements/services.txt
	@$(COMPILE) pyproject.toml --extra forecast --extra strategy -c requirements/dev.txt -o requirements/forecast.txt
	@$(COMPILE) pyproject.toml --extra forecast --extra backtest --extra history --extra login -c requirements/dev.txt -o requirements/setup.txt
	@$(COMPILE) pyproject.toml --extra forecast --extra lstm -c requirements/dev.txt -o requirements/lstm.txt
	@$(COMPILE) requirements/operator.in -c requirements/dev.txt -o requirements/operator.txt
	@$(COMPILE) requirements/audit.in -o requirements/audit.txt
	@$(COMPILE) requirements/peers.in -o requirements/peers.txt
	@$(COMPILE) requirements/spark.in -o requirements/spark.txt

clean: ## remove the environment and all build output
	@rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache
