# Everything a person or a CI run types. Only Python 3.11+ and make are needed; the rest is fetched or embedded.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
STAMPS := .stamps

.PHONY: demo test test-servers lint messages bench faults lock sbom audit clean browser
.DEFAULT_GOAL := demo

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@$(PYTHON) -m venv $(VENV) || { echo "python3 -m venv failed; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }

# The locks name every package, so pip looks up nothing beside them: older ones would take a newer release for an extra.
$(STAMPS)/run: requirements.lock | $(VENV)/bin/python
	@echo "  Packages (first start: a few minutes)"
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/dev: requirements-dev.lock $(STAMPS)/run
	@echo "  Packages for tests"
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.lock
	@touch $@

demo: $(STAMPS)/run
	@exec $(PY) manage.py demo $(if $(RESET),--reset)

browser:
	@.ci/browser

test: $(STAMPS)/dev browser
	@$(PY) manage.py messages --compile
	@.ci/tests $(TESTS)

test-servers: $(STAMPS)/dev
	@$(PY) -m pytest -m "servers and not release" tests/servers

lint: $(STAMPS)/dev
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports
	@WORK_COMMAND_DATA=$$(mktemp -d) $(PY) -W error::RuntimeWarning manage.py makemigrations --check --dry-run
	@$(PY) manage.py messages --check

messages: $(STAMPS)/run
	@$(PY) manage.py messages

bench: $(STAMPS)/run
	@$(PY) manage.py bench

faults: $(STAMPS)/dev browser
	@$(PY) manage.py messages --compile
	@$(PY) -m pytest --release -m "guarantee or release" $(or $(TESTS),tests)

# Lock files name packages and hashes, never where they were fetched from.
lock:
	@$(PY) -m pip install --quiet uv
	@$(VENV)/bin/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links --quiet -o requirements.lock
	@$(VENV)/bin/uv pip compile pyproject.toml --universal --python-version 3.11 --extra dev -c requirements.lock --generate-hashes --no-header --no-emit-index-url --no-emit-find-links --quiet -o requirements-dev.lock
	@! grep -nE 'https?://|--index-url|--find-links' requirements.lock requirements-dev.lock

# What the product is made of, as CycloneDX JSON: packages, versions and hashes of the lock.
sbom: $(STAMPS)/dev
	@$(VENV)/bin/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --output-reproducible --output-format JSON --output-file sbom.json
	@echo "  sbom.json"

# Known faults of these packages; says so when nobody can be asked.
audit: $(STAMPS)/dev
	@.ci/audit

clean:
	rm -rf $(VENV) $(STAMPS) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage htmlcov
