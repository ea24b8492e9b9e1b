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
BENCH ?= all
OPERATION ?= create
INSTALL_DEBIAN := PYTHON=$(IN_VENV) scripts/install_debian_packages.sh
FAST := tests/scim tests/store tests/administration tests/observation tests/openid tests/process $(wildcard tests/test_*.py)
# Each command of the executable takes a second, and most of what tests ask is the same from source.
SMOKE := -m executable tests/program tests/faults tests/doctor tests/single_sign_on/test_provider_sign_in.py
# Bytecode is kept: without it each start of the program and of a worker compiles every module again.
PYTEST := PYTHONDONTWRITEBYTECODE= $(IN_VENV) -m pytest -n $(WORKERS) --dist loadfile

SOURCES := recnice_scim.py build.spec scripts/man_page.py requirements.txt $(shell find app static templates docs/admin docs/operate docs/reference docs/pictures -type f ! -name '*.pyc')

.PHONY: help
help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*##  *\(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

.PHONY: run
run: $(VENV)/runtime-installed  ## start the appliance on 127.0.0.1:7644 with ./recnice-data (LISTEN=… DATA=…)
	@exec $(IN_VENV) recnice_scim.py serve --data "$(DATA)" --listen "$(LISTEN)"

.PHONY: test
test: test-packages  ## install what the tests need, then run all of them
	$(PYTEST)

.PHONY: test-fast
test-fast: $(VENV)/tools-installed  ## run the tests below the web layer, after each change
	$(PYTEST) $(FAST)

.PHONY: fuzz
fuzz: $(VENV)/tools-installed  ## compare the quick check of documents with marshmallow, and hot routes with Flask, by other random input
	RECNICE_FUZZ_S=5 $(PYTEST) --dist load -q tests/scim/test_quick_check.py
	RECNICE_SEED=$$RANDOM RECNICE_EXAMPLES=10 $(PYTEST) -q tests/web/test_hot_routes.py

.PHONY: faults
faults: dist/recnice-scim test-packages  ## run the tests of faults in full: each system call fails at each number from 1 to 60, four reverse proxies, a systemd
	@$(INSTALL_DEBIAN) apache2-bin caddy || true
	RECNICE_FAULTS=60 $(PYTEST) tests/faults tests/program/test_durability.py tests/connection_test
	RECNICE_FAULTS=60 RECNICE_PROGRAM="$(CURDIR)/dist/recnice-scim" $(IN_VENV) -m pytest -rs tests/faults/test_service.py

.PHONY: coverage
coverage: test-packages  ## run the tests (TESTS=…) with coverage of app/, also in processes that they start; a step of its own
	mkdir -p build && rm -rf build/coverage*
	PYTHONDONTWRITEBYTECODE= $(IN_VENV) -m coverage run -m pytest -n $(WORKERS) --dist loadfile $(TESTS)
	$(IN_VENV) -m coverage combine --quiet
	$(IN_VENV) -m coverage report
	$(IN_VENV) -m coverage html --quiet && echo "lines: build/coverage-html/index.html"

.PHONY: setup
setup: $(VENV)/runtime-installed  ## only make the virtual environment .venv

.PHONY: check
check: lint types test  ## lint, strict types, all tests (the layers are one of them)

.PHONY: lint
lint: $(VENV)/tools-installed  ## ruff, its format, spelling
	$(IN_VENV) -m ruff check .
	$(IN_VENV) -m ruff format --check --quiet .
	$(IN_VENV) -m codespell_lib
	$(IN_VENV) -m pytest -q tests/test_wording.py

.PHONY: types
types: $(VENV)/tools-installed  ## mypy, strict
	$(IN_VENV) -m mypy

.PHONY: build
build: dist/recnice-scim  ## make the executable dist/recnice-scim and its man page

.PHONY: release
release: $(VENV)/tools-installed  ## write the executable, its checksum, the changes and what is bundled into dist/release
	$(IN_VENV) scripts/release.py check
	$(MAKE) dist/recnice-scim
	$(IN_VENV) scripts/release.py write

.PHONY: site
site: $(VENV)/tools-installed  ## build docs/ as a web site into dist/site; a link that leads nowhere is an error
	NO_MKDOCS_2_WARNING=1 $(IN_VENV) -m mkdocs build --quiet

.PHONY: smoke
smoke: dist/recnice-scim test-packages  ## drive the built executable by the tests that are marked so: one for each of its parts
	RECNICE_PROGRAM="$(CURDIR)/dist/recnice-scim" $(PYTEST) $(SMOKE)

.PHONY: pins
pins: $(VENV)/tools-installed  ## write requirements*.txt anew from requirements*.in, with hashes of the public index
	for name in requirements requirements-dev; do \
		$(IN_VENV) -m uv pip compile --quiet --no-config --upgrade --universal \
			--python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
			--custom-compile-command 'make pins' $$name.in -o $$name.txt; done

.PHONY: bench
bench: $(VENV)/tools-installed  ## measure speed and size against the goals, in ten minutes (BENCH=growth: one part, in full)
	$(IN_VENV) -m bench $(BENCH)

.PHONY: soak
soak: $(VENV)/tools-installed  ## run the server for half an hour (SOAK_MINUTES=30): memory, open files, WAL and p99 must not grow
	$(IN_VENV) -m bench.soak

.PHONY: bench-peers
bench-peers: $(VENV)/tools-installed  ## install the other SCIM servers that bench compares with, into build/peers
	mkdir -p build/peers && cp bench/peers/package.json build/peers
	$(IN_VENV) -m venv build/peers/venv
	build/peers/venv/bin/python -m pip install --quiet --disable-pip-version-check -r bench/peers/requirements.txt
	if command -v npm >/dev/null; then cd build/peers && npm install --silent --no-audit --no-fund; fi

.PHONY: profile
profile: $(VENV)/tools-installed  ## where the processor time of an OPERATION goes (OPERATION=create)
	$(IN_VENV) -m bench.profile "$(OPERATION)"

.PHONY: pictures
pictures: $(VENV)/tools-installed  ## take the pictures in docs/pictures anew
	@$(INSTALL_DEBIAN) chromium-headless-shell libatomic1
	$(IN_VENV) scripts/pictures.py

.PHONY: tables
tables: $(VENV)/runtime-installed  ## write the tables and examples of the documents again
	$(IN_VENV) scripts/document_tables.py

.PHONY: clean
clean:  ## remove what was built and cached; the virtual environment and ./recnice-data stay
	rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find app tests -name __pycache__ -type d -prune -exec rm -rf {} +

# --- how the above get what they need; each is done once, and again when its requirements change ---------------------------

# venv writes bin/pip last, so its absence shows an interrupted run. FORCE repeats the work where the Python of .venv is gone.
$(VENV)/bin/pip: $(shell $(IN_VENV) -c '' 2>/dev/null || echo FORCE)
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "missing: Python 3.11 or newer (Debian 12: apt-get install python3; elsewhere: make PYTHON=/path/to/python …)" >&2; exit 1; }
	@PYTHON="$(PYTHON)" scripts/install_debian_packages.sh python3-venv
	@echo "making $(VENV) with $$("$(PYTHON)" --version)"
	@"$(PYTHON)" -m venv --clear $(VENV)

.PHONY: FORCE
FORCE:

$(VENV)/runtime-installed: requirements.txt $(VENV)/bin/pip
	@echo "installing requirements.txt"
	@$(INSTALL) -r requirements.txt
	@touch $@

$(VENV)/tools-installed: requirements-dev.txt $(VENV)/runtime-installed
	@echo "installing requirements-dev.txt"
	@$(INSTALL) -r requirements-dev.txt
	@touch $@

# The browser tests need chromium-headless-shell, and libatomic1 for the Node.js in playwright. The tests of the reverse proxy
# need nginx, haproxy and openssl, tests of faults strace, those of documents curl, those of backups age,
# those of the service systemd. Without a package, the tests that need it are skipped; with CI=true they fail (tests/needed.py).
.PHONY: test-packages
test-packages: $(VENV)/tools-installed
	@$(INSTALL_DEBIAN) age chromium-headless-shell curl haproxy libatomic1 nginx openssl strace systemd || true

dist/recnice-scim: $(SOURCES) | $(VENV)/tools-installed
	@$(INSTALL_DEBIAN) binutils libpython3
	PYTHONHASHSEED=1 SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct 2>/dev/null || date +%s) $(IN_VENV) -m PyInstaller --noconfirm --log-level WARN build.spec
	$(IN_VENV) scripts/man_page.py $@.1
	@ls -l $@ | awk '{printf "%s: %.1f MB\n", $$NF, $$5 / 1e6}'
