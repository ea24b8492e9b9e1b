# Recnice SCIM: every command a developer or a build machine needs. `make help` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# The first of these that is Python 3.11 or newer; PYTHON=… on the command line wins.
PYTHON ?= $(shell for name in python3 python3.11 python3.12 python3.13 python3.14; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$name"; break; }; done)
VENV := .venv
IN_VENV := $(VENV)/bin/python
# The pins are complete, so nothing is resolved again: a newer release of some package must not be able to stop an install.
INSTALL := $(IN_VENV) -m pip install --quiet --disable-pip-version-check --no-input --require-hashes --no-deps

DATA ?= ./recnice-data
LISTEN ?= 127.0.0.1:7644
WORKERS ?= 2
PEOPLE ?= 10000
PYTEST := PYTHONDONTWRITEBYTECODE= $(IN_VENV) -m pytest -n $(WORKERS) --dist loadfile

SOURCES := recnice_scim.py build.spec requirements.txt $(shell find app static templates docs/admin docs/pictures -type f ! -name '*.pyc')

.PHONY: help
help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*##  *\(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

.PHONY: run
run: $(VENV)/runtime-installed  ## start the appliance on 127.0.0.1:7644 with ./recnice-data (LISTEN=… DATA=…)
	@exec $(IN_VENV) recnice_scim.py serve --data "$(DATA)" --listen "$(LISTEN)"

.PHONY: test
test: $(VENV)/tools-installed debian-packages  ## install what the tests need, then run all of them
	$(PYTEST)

.PHONY: setup
setup: $(VENV)/runtime-installed  ## only make the virtual environment .venv

.PHONY: check
check: lint types test  ## lint, strict types, all tests (the floors are one of them)

.PHONY: lint
lint: $(VENV)/tools-installed  ## ruff
	$(IN_VENV) -m ruff check .

.PHONY: types
types: $(VENV)/tools-installed  ## mypy, strict
	$(IN_VENV) -m mypy

.PHONY: build
build: dist/recnice-scim  ## make the executable dist/recnice-scim

.PHONY: smoke
smoke: dist/recnice-scim debian-packages  ## drive the built executable with tests/program and a sign-in by a provider
	RECNICE_PROGRAM="$(CURDIR)/dist/recnice-scim" $(PYTEST) tests/program tests/single_sign_on/test_entry.py

.PHONY: pins
pins: $(VENV)/tools-installed  ## write requirements*.txt anew from requirements*.in, with hashes of the public index
	for name in requirements requirements-dev; do \
		$(IN_VENV) -m uv pip compile --quiet --no-config --upgrade --universal \
			--python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
			--custom-compile-command 'make pins' $$name.in -o $$name.txt; done

.PHONY: bench
bench: $(VENV)/tools-installed  ## what Entra's work costs, as shares of a bare route in the same run
	$(IN_VENV) -m bench.entra

.PHONY: bench-console
bench-console: $(VENV)/tools-installed  ## how long the console's pages take with PEOPLE people (10,000)
	$(IN_VENV) -m bench.console --people $(PEOPLE)

.PHONY: pictures
pictures: $(VENV)/tools-installed debian-packages  ## take the pictures in docs/pictures anew
	$(IN_VENV) scripts/pictures.py

.PHONY: tables
tables: $(VENV)/runtime-installed  ## write the tables of README.md anew from what the program declares
	$(IN_VENV) scripts/readme_tables.py

.PHONY: clean
clean:  ## remove what was built and cached; the virtual environment and ./recnice-data stay
	rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find app tests -name __pycache__ -type d -prune -exec rm -rf {} +

# --- how the above get what they need; each is done once, and again when its requirements change ---------------------------

$(VENV)/pyvenv.cfg:
	@test -n "$(PYTHON)" || { echo "Recnice SCIM needs Python 3.11 or newer, found none (PYTHON=/path/to/python3.11 make …)"; exit 1; }
	@echo "making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "no virtual environment: on Debian, apt-get install python3-venv"; exit 1; }

$(VENV)/runtime-installed: requirements.txt | $(VENV)/pyvenv.cfg
	@echo "installing requirements.txt"
	@$(INSTALL) -r requirements.txt
	@touch $@

$(VENV)/tools-installed: requirements-dev.txt $(VENV)/runtime-installed
	@echo "installing requirements-dev.txt"
	@$(INSTALL) -r requirements-dev.txt
	@touch $@

# Chromium walks through the console, nginx stands in front of the appliance with a certificate that openssl makes: three Debian
# packages, only where missing.
.PHONY: debian-packages
debian-packages:
	@missing=""; \
	PATH="$$PATH:/usr/sbin"; \
	for package in chromium nginx openssl; do command -v $$package >/dev/null || missing="$$missing $$package"; done; \
	test -n "$$missing" || exit 0; \
	as_root=""; test "$$(id -u)" = 0 || as_root="sudo -n"; \
	if command -v apt-get >/dev/null && $$as_root true 2>/dev/null; then \
		echo "installing Debian packages:$$missing"; \
		export DEBIAN_FRONTEND=noninteractive; \
		$$as_root apt-get update -qq && $$as_root apt-get install -y -qq --no-install-recommends $$missing >/dev/null && exit 0; \
	fi; \
	echo "not installed, and cannot be from here:$$missing (the tests that need them say so); apt-get install$$missing"

dist/recnice-scim: $(SOURCES) | $(VENV)/tools-installed
	PYTHONHASHSEED=1 SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct 2>/dev/null || date +%s) $(IN_VENV) -m PyInstaller --noconfirm --log-level WARN build.spec
	@ls -l $@ | awk '{printf "%s: %.1f MB\n", $$NF, $$5 / 1e6}'
