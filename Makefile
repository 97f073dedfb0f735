# make profile   set up .venv and run `python cli.py profile`
# make test      set up .venv with pinned versions and run all checks and tests

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# a module is compiled when it is first imported: most of those that others bring never are
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-compile
# measuring needs torch and triton, which only a machine with an NVIDIA GPU is asked to download
GPU := $(shell command -v nvidia-smi >/dev/null 2>&1 && nvidia-smi -L 2>/dev/null | grep -q GPU && echo ,gpu)

# on Linux with the pinned versions; torch for CUDA brings NVIDIA's libraries with it
SIZE := $(if $(GPU),torch for CUDA and triton among them: about 5 GB,without torch as there is no NVIDIA GPU here: about 460 MB)

# where the environment says to keep nothing that is compiled, each of hundreds of processes would compile all of it again
unexport PYTHONDONTWRITEBYTECODE

# what is installed depends on whether there is a GPU, so a machine that gets one later is set up again
READY := $(if $(GPU),ready-gpu,ready)

# an interpreter whose venv failed half-way is not taken for a whole one
.DELETE_ON_ERROR:
.PHONY: profile test lint docs clean

profile: $(VENV)/profile-$(READY)
	$(BIN)/python cli.py profile $(ARGS)

# types are checked beside the tests, by one process more; what that says stands below what they say
test: $(VENV)/test-$(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@$(BIN)/mypy >$(VENV)/types.txt 2>&1 & types=$$!; \
	  $(BIN)/python -m pytest -n auto --dist worksteal $(ARGS); tests=$$?; \
	  wait $$types; types=$$?; echo mypy; cat $(VENV)/types.txt; exit $$((tests || types))

# the same checks as `make test`, without the tests
lint: $(VENV)/test-$(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# the pages that commands write
docs: $(VENV)/test-$(READY)
	$(BIN)/python tests/test_docs.py

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "launchlens needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/profile-$(READY): $(BIN)/python pyproject.toml constraints.txt
	@echo "Installing launchlens and what it needs into $(VENV), $(SIZE)"
	$(PIP) --constraint constraints.txt --editable '.$(if $(GPU),[gpu])'
	@touch $@

$(VENV)/test-$(READY): $(BIN)/python pyproject.toml constraints.txt
	$(PIP) --constraint constraints.txt --editable '.[test$(GPU)]'
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info
