# `make demo` runs the whole pipeline on this machine; `make test` runs all tests.
# Every target sets up what it needs: Python 3.11 or later and make are enough.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
# A person sees how far it is; a log is spared the bars.
QUIET := $(if $(shell [ -t 2 ] && echo seen),,--quiet)
SYNC := VIRTUAL_ENV=$(VENV) $(UV) pip install $(QUIET) --require-hashes
EDITABLE := VIRTUAL_ENV=$(VENV) $(UV) pip install --quiet --no-deps --editable .

.PHONY: help setup setup-lstm setup-dev demo test lint format bench e2e images chaos requirements clean

help: ## what can be made here
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(UV):
	@echo "setting up $(VENV) ..."
	@$(PYTHON) -c 'import sys; sys.exit("tradebot needs Python 3.11 or later; this is " + sys.version.split()[0] + ": call make with PYTHON=python3.11") if sys.version_info < (3, 11) else None'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt \
	  || { echo "the packages cannot be fetched: see that this machine reaches its package index, then call make again" >&2; exit 1; }

$(VENV)/.setup: requirements/setup.txt pyproject.toml | $(UV)
	@echo "installing what the pipeline and backtests need (once) ..."
	@$(SYNC) -r requirements/setup.txt
	@$(EDITABLE)
	@touch $@

$(VENV)/.setup-lstm: requirements/lstm.txt $(VENV)/.setup
	@echo "installing torch (once; it is large) ..."
	@$(SYNC) -r requirements/lstm.txt
	@touch $@

$(VENV)/.setup-dev: requirements/dev.txt pyproject.toml | $(UV)
	@echo "installing what tests and checks need (once; torch makes it large) ..."
	@$(SYNC) -r requirements/dev.txt
	@$(EDITABLE)
	@touch $(VENV)/.setup $(VENV)/.setup-lstm $@

setup: $(VENV)/.setup ## the environment of the pipeline; leaves .venv/bin/tradebot

setup-lstm: $(VENV)/.setup-lstm ## the same with torch, which the LSTMs need

setup-dev: $(VENV)/.setup-dev ## the environment of tests, checks and the operator

demo: setup ## the whole pipeline on this machine, with its page at http://127.0.0.1:8080
	@$(BIN)/tradebot demo $(ARGS)

test: setup-dev ## all tests; those that need a server say so when it is not there
	@$(BIN)/python -m pytest $(ARGS)

lint: setup-dev ## style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: setup-dev ## rewrite the code in the project's style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: setup-dev ## speed, each beside its peer in the same run
	@$(BIN)/tradebot bench $(ARGS)

e2e: setup-dev ## the tests on a real Kubernetes, with our images in it (KUBECONFIG, if set)
	@tests/cluster/run $(ARGS)

images: ## the three images, by Docker or without it; ARGS=--load hands them to the cluster
	@images/build $(ARGS)

chaos: setup-dev ## random faults and kills against the trader, with the seed printed
	@$(BIN)/python -m pytest tests/pipeline -m chaos $(ARGS)

COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command "make requirements"
requirements: | $(UV) ## pin every dependency anew, with hashes
	@echo "uv" | $(COMPILE) - -o requirements/bootstrap.txt
	@$(COMPILE) pyproject.toml --extra dev -o requirements/dev.txt
	@$(COMPILE) pyproject.toml -c requirements/dev.txt -o requirements/services.txt
	@$(COMPILE) pyproject.toml --extra forecast -c requirements/dev.txt -o requirements/forecast.txt
	@$(COMPILE) pyproject.toml --extra forecast --extra backtest --extra history -c requirements/dev.txt -o requirements/setup.txt
	@$(COMPILE) pyproject.toml --extra forecast --extra lstm -c requirements/dev.txt -o requirements/lstm.txt
	@$(COMPILE) requirements/operator.in -c requirements/dev.txt -o requirements/operator.txt
	@$(COMPILE) requirements/peers.in -o requirements/peers.txt

clean: ## remove the environment and all that was built
	@rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache
