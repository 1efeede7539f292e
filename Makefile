# Thin: what to do is in scripts/ and pyproject.toml. "make" alone lists the targets.

PYTHON ?= python3
BIN := .venv/bin
DIST ?= dist
PACKAGES := ./core $(addprefix ./,$(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml)))
TYPED := conftest.py core lab plugins scripts tests $(wildcard bench/*.py) $(patsubst %/pyproject.toml,%,$(wildcard examples/*/pyproject.toml))

help: ## list the targets (this)
	@sed -n 's/^\([a-z-]*\):[^#]*## /  \1\t/p' $(MAKEFILE_LIST) | expand -t 16

setup: ## install everything needed: system packages (as root on Debian), .venv, the packages of this repository
	@PYTHON=$(PYTHON) scripts/setup.sh

demo: setup ## trace traffic of its own between two network namespaces (needs root)
	@$(BIN)/python scripts/demo.py

test: setup check pytest ## everything that must pass: check, then all tests

check: setup ## linter, formatter, type checker
	@$(MAKE) --no-print-directory --keep-going lint format types

lint: setup
	$(BIN)/ruff check

format: setup
	$(BIN)/ruff format --check

types: setup
	$(BIN)/mypy $(TYPED)

pytest: setup
	TRACER_TEST_WARM=1 $(BIN)/pytest $(PYTEST_OPTIONS)

lab: setup ## install what the lab needs, fetch all of its kernels, build Open vSwitch, make root file systems
	@$(BIN)/python -m lab setup
	@$(BIN)/python -m lab fetch
	@$(BIN)/python -m lab ovs
	@$(BIN)/python -m lab roots
	@$(BIN)/python -m lab list

lab-demo: setup ## follow a ping through Open vSwitch and nftables, in a guest that has both (a minute or two)
	@$(BIN)/python -m lab setup || true
	@$(BIN)/python -m lab demo

test-lab: setup ## tests under kernels 6.1 and 6.12, in QEMU (minutes)
	@$(BIN)/python -m lab setup || true
	@$(BIN)/python -m lab test --jobs 2

test-kernels: setup ## the same under all kernels of the lab
	@$(BIN)/python -m lab setup || true
	@$(BIN)/python -m lab test --all

support: setup ## run the tests of probes under all kernels, and write docs/reference/support.md
	@$(BIN)/python -m lab setup || true
	$(BIN)/python -m lab test --all --jobs 2 --artefacts build/lab --tests tests/lab
	$(BIN)/python scripts/render_support.py build/lab

site: setup ## build the documentation as a site, in build/site
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench: setup ## how long things take
	@for file in bench/*.py; do echo "== $$file"; $(BIN)/python "$$file" || exit; done

search: setup ## property tests, with other examples each time (needs root; two minutes)
	$(BIN)/pytest -m hypothesis --hypothesis-profile=search $(PYTEST_OPTIONS)

soak: setup ## millions of packets, and whether each is known as itself (needs root; minutes)
	@$(BIN)/python scripts/soak.py

wheels: setup ## build a wheel of every package in dist/
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation -w $(DIST) $(PACKAGES)

clean: ## remove what make made: .venv, dist, caches
	rm -rf .venv dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name .git -prune -o -name __pycache__ -type d -exec rm -rf {} +

.PHONY: help setup demo test check lint format types pytest site lab lab-demo test-lab test-kernels support bench search soak wheels clean
