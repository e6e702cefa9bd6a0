# `make demo` runs the whole pipeline on this machine; `make test` runs all tests.
# Every target sets up what it needs: Python 3.11 or later and make are enough.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
SYNC := VIRTUAL_ENV=$(VENV) $(UV) pip install --quiet --require-hashes
EDITABLE := VIRTUAL_ENV=$(VENV) $(UV) pip install --quiet --no-deps --editable .

.PHONY: help setup setup-dev demo test lint format bench e2e images chaos requirements clean

help: ## what can be made here
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(UV):
	@echo "setting up $(VENV) ..."
	@$(PYTHON) -c 'import sys; sys.exit("tradebot needs Python 3.11 or later; this is " + sys.version.split()[0] + ": call make with PYTHON=python3.11") if sys.version_info < (3, 11) else None'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt

$(VENV)/.setup: requirements/forecast.txt pyproject.toml | $(UV)
	@echo "installing what the pipeline needs (once) ..."
	@$(SYNC) -r requirements/forecast.txt
	@$(EDITABLE)
	@touch $@

$(VENV)/.setup-dev: requirements/dev.txt pyproject.toml | $(UV)
	@echo "installing what tests and checks need (once; torch makes it large) ..."
	@$(SYNC) -r requirements/dev.txt
	@$(EDITABLE)
	@touch $@ $(VENV)/.setup

setup: $(VENV)/.setup ## the environment of the pipeline; leaves .venv/bin/tradebot

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
	@$(COMPILE) pyproject.toml --extra forecast --extra lstm -c requirements/dev.txt -o requirements/lstm.txt
	@$(COMPILE) requirements/operator.in -c requirements/dev.txt -o requirements/operator.txt
	@$(COMPILE) requirements/peers.in -o requirements/peers.txt

clean: ## remove the environment and all that was built
	@rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache
