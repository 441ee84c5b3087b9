# Two commands do everything on a fresh Linux machine: `make demo` and `make test`.
SHELL := /bin/bash
VENV ?= .venv
PYTHON ?= python3
CONSTRAINTS ?= constraints.txt
BIN := $(VENV)/bin
export MUJOCO_GL ?= osmesa
STARTED := $(shell date +%s)
# what measures time over DDS has the machine to itself, one test after another; a worker has one thread
PARALLEL := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto --dist loadfile
export PATH := $(abspath $(BIN)):$(PATH)

.PHONY: help setup apt demo test test-slow test-robot test-ros2 mutate lint bench bench-peers clean

help:  ## Lists the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/.installed  ## Makes the venv with everything in it (about two minutes)

$(VENV)/.installed: setup.py apt-packages.txt $(CONSTRAINTS)
	@$(PYTHON) -c 'import sys; assert (3, 10) <= sys.version_info < (3, 14), "Python 3.10 to 3.13 is needed, found %s" % sys.version'
	@$(MAKE) --no-print-directory apt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --upgrade pip
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install -q $(addprefix -c ,$(CONSTRAINTS)) -e '.[cpu,train,sim,ros,exchange,console,dev]'
	@touch $@

apt:  ## Installs the system packages of apt-packages.txt that are missing, after naming them
	@missing=$$(grep -v '^#' apt-packages.txt | while read -r p; do \
	    dpkg -s "$$p" >/dev/null 2>&1 || echo "$$p"; done; \
	    $(PYTHON) -c 'import ensurepip' 2>/dev/null || echo python3-venv); \
	if [ -n "$$missing" ]; then \
	    command -v apt-get >/dev/null || { echo "install by hand:" $$missing; exit 1; }; \
	    sudo=$$([ "$$(id -u)" = 0 ] || echo "sudo "); \
	    update="$${sudo}apt-get update -qq"; \
	    install="$${sudo}env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends"; \
	    echo "Installing the system packages that are missing (apt-packages.txt) with:"; \
	    echo "  $$update"; echo "  $$install" $$missing; \
	    $$update && $$install $$missing >/dev/null; fi

demo: setup  ## Runs the whole path; the report is runs/demo/report.html
	$(BIN)/moto-demo --out runs/demo --started $(STARTED)

test: setup lint  ## Runs every test but the slow ones
	$(PARALLEL) -m 'not slow and not alone'
	$(BIN)/python -m pytest -q tests/ros -m 'alone and not slow'

test-slow: setup  ## Runs the slow tests too
	$(PARALLEL) -m 'not alone'
	$(BIN)/python -m pytest -q tests/ros -m alone

test-robot:  ## Runs the core's tests with the numpy and OpenCV of a robot's computer, in .venv-robot
	$(PYTHON) -m venv .venv-robot
	.venv-robot/bin/python -m pip install -q -c constraints-robot.txt '.[robot]' numpy==1.26.4 \
	    opencv-python==4.6.0.66 pytest hypothesis onnx
	.venv-robot/bin/python -m pytest -q tests/core

mutate: setup  ## Breaks each rule of the guard and duty of the nodes; a test must fail each time
	$(BIN)/python scripts/mutate.py

test-ros2:  ## Runs ros2 launch as a user does, with the Python of a sourced ROS 2 (PYTHON=)
	@$(PYTHON) -c 'import launch_ros, ros2cli' 2>/dev/null || { \
	    echo "source a ROS 2 first: launch_ros and ros2cli are not on PyPI"; exit 1; }
	PYTHONPATH=$(CURDIR):$(CURDIR)/sim:$$PYTHONPATH $(PYTHON) -m pytest -q tests/ros/launch

lint: setup  ## Checks style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup  ## Runs the benchmarks; benchmarks/results/<machine>.json keeps what they measured
	$(BIN)/python scripts/bench.py

bench-peers: setup  ## Our update beside TorchRL's and SheepRL's, in a venv of theirs; JSON to runs/bench
	@test -x .venv-peers/bin/python || $(PYTHON) -m venv .venv-peers
	.venv-peers/bin/pip install -q $$(grep '^torch==' constraints.txt) -r benchmarks/peers/requirements.txt
	@mkdir -p runs/bench
	$(BIN)/python benchmarks/peers/compare.py --peers .venv-peers/bin/python > runs/bench/peers.json

clean:  ## Removes the venv and what was built
	rm -rf $(VENV) .venv-robot .venv-peers build *.egg-info
