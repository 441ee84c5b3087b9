# Two commands do everything on a fresh Linux machine: `make demo` and `make test`.
SHELL := /bin/bash
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
export MUJOCO_GL ?= osmesa
STARTED := $(shell date +%s)
export PATH := $(abspath $(BIN)):$(PATH)

.PHONY: help setup apt demo test test-slow lint bench clean

help:  ## Lists the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/.installed  ## Makes the venv with everything in it (about two minutes)

$(VENV)/.installed: setup.py apt-packages.txt
	@$(MAKE) --no-print-directory apt
	@$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 10), "Python 3.10 or newer is needed, found %s" % sys.version'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --upgrade pip
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install -q -e '.[train,sim,ros,dev]'
	@touch $@

apt:  ## Installs the system packages of apt-packages.txt that are missing
	@missing=$$(grep -v '^#' apt-packages.txt | while read -r p; do \
	    dpkg -s "$$p" >/dev/null 2>&1 || echo "$$p"; done; \
	    $(PYTHON) -c 'import ensurepip' 2>/dev/null || echo python3-venv); \
	if [ -n "$$missing" ]; then \
	    command -v apt-get >/dev/null || { echo "install by hand:" $$missing; exit 1; }; \
	    sudo=$$([ "$$(id -u)" = 0 ] || echo sudo); \
	    $$sudo apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
	    $$sudo apt-get install -y -qq --no-install-recommends $$missing >/dev/null; fi

demo: setup  ## Runs the whole path; the report is runs/demo/report.html
	$(BIN)/moto-demo --out runs/demo --started $(STARTED)

test: setup lint  ## Runs every test but the slow ones
	$(BIN)/python -m pytest -q -m 'not slow'

test-slow: setup  ## Runs the slow tests too
	$(BIN)/python -m pytest -q

lint: setup  ## Checks style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup  ## Runs the benchmarks; JSON goes to runs/bench
	@mkdir -p runs/bench
	@for b in benchmarks/*.py; do n=$$(basename $$b .py); echo "$$n"; \
	    $(BIN)/python $$b > runs/bench/$$n.json || exit 1; done

clean:  ## Removes the venv and what was built
	rm -rf $(VENV) build *.egg-info
