# `make` lists what can be made. Everything that is needed is installed by the target that needs it.
.DEFAULT_GOAL := help
# What doesn't need each other is installed and checked at the same time.
MAKEFLAGS += --jobs=2
# What Python has compiled is kept, whatever the environment says: the tests start hundreds of servers.
export PYTHONDONTWRITEBYTECODE =
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NODE_TESTS := tests/interop/node_modules/.installed tests/postgis/node_modules/.installed
SDK := js-sdk
SDK_INSTALLED := $(SDK)/node_modules/.installed
PWA := examples/fleet-pwa
NODE_EXAMPLES := examples/node-device examples/plain-yjs
PWA_INSTALLED := $(PWA)/node_modules/.installed
# The last file that a build makes, so that half a build is not taken for one.
SDK_BUILT := $(SDK)/dist/index.d.ts
SDK_SOURCES := $(shell find $(SDK)/src $(SDK)/scripts -type f) $(SDK)/package.json $(SDK)/vite.config.mjs $(SDK)/tsconfig.json $(SDK)/tsconfig.build.json
PEERS := bench/peers/hocuspocus bench/peers/y-websocket-server
# The day of the release: what stands in the archive instead of the moment at which it was made.
EPOCH := 1764115200
NODE_BENCH := $(PEERS:%=%/node_modules/.installed)

.PHONY: tools help demo dev sdk fleet-pwa test fuzz check check-python check-typescript test-typescript fmt bench lock clean install docs wheel audit licences sbom image-check

help: ## List the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/.installed ## Make the virtual environment with what the server needs, locked

tools: $(VENV)/.tools ## Add what tests, linters and the docs need

demo: install ## Replay a real fleet through real clients, and keep the server up until Ctrl-C
	$(BIN)/python -m examples.fleet_demo

dev: install ## Start server and projector on an embedded Postgres, reloading when files change
	$(BIN)/webhost-sync dev --reload

sdk: $(SDK_BUILT) ## Build the TypeScript SDK

fleet-pwa: install $(SDK_BUILT) $(PWA_INSTALLED) ## Serve the example app, beside a server of its own
	@cd $(PWA) && exec node start.mjs

test: tools $(NODE_TESTS) $(SDK_BUILT) $(NODE_EXAMPLES:%=%/node_modules/.installed) ## Run the linters and every test
	$(MAKE) check test-typescript
	@# Many tests wait for processes rather than compute, hence more of them at once than there are cores. What fails
	@# in that crowd is tried once more, alone, and both is told: see CONTRIBUTING.md.
	$(BIN)/python -m pytest -n 4 --dist loadgroup || { test $$? = 1 && \
	  echo "Trying what failed once more, alone." && \
	  $(BIN)/python -m pytest --last-failed --last-failed-no-failures none; }

fuzz: tools $(NODE_TESTS) $(SDK_BUILT) ## Repeat the tests that draw at random or kill, from new beginnings and for longer
	cd $(SDK) && FUZZ=1 CHAOS_RUNS=100 npm run --silent test
	FUZZ=1 $(BIN)/python -m pytest -n 3 -m "hypothesis or faults" --timeout 3600
	FUZZ=1 $(BIN)/python -m pytest tests/interop/test_roaming_devices.py

check: check-python check-typescript ## Format, lint, types and import directions

check-python: tools
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check-typescript: $(SDK_BUILT) $(PWA_INSTALLED)
	cd $(SDK) && npm run --silent check
	cd $(PWA) && npm run --silent check

test-typescript: $(SDK_BUILT)
	cd $(SDK) && npm run --silent test && npm run --silent package && npm run --silent docs

fmt: tools $(SDK_INSTALLED) $(PWA_INSTALLED) ## Format and mend what can be mended by a tool
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	cd $(SDK) && npm run --silent fmt
	cd $(PWA) && npm run --silent fmt

bench: tools $(NODE_BENCH) ## Measure against the peers, and write docs/benchmarks.md
	$(BIN)/python -m bench

docs: tools ## Build the docs as a site that can be read from a folder (site/index.html)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo "site/index.html"

wheel: $(VENV)/.installed ## Build the wheel, the same byte for byte whoever builds it (dist/)
	SOURCE_DATE_EPOCH=$(EPOCH) $(BIN)/python -m hatchling build --target wheel --directory dist

audit: tools ## Look for known weaknesses of what is locked (asks the registries)
	@$(BIN)/python -m tests.supply.audit

licences: tools $(SDK_INSTALLED) ## Write docs/licences.md from the locks
	$(BIN)/python -m tests.supply.licences

sbom: tools $(SDK_INSTALLED) ## Write CycloneDX lists of what the server and the SDK consist of (dist/)
	@mkdir -p dist
	$(BIN)/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --mc-type application \
	  --output-reproducible --of JSON --output-file dist/webhost-sync.cdx.json
	cd $(SDK) && npm sbom --sbom-format cyclonedx --package-lock-only --omit dev > ../dist/webhost-sync-js.cdx.json

image-check: tools ## Run the steps of Dockerfile and install.sh in a folder of their own, and try what they make
	$(BIN)/python -m tests.deploy.image_check

lock: tools ## Resolve the dependencies anew (needs uv)
	uv pip compile pyproject.toml --group dev --all-extras --universal --generate-hashes \
	  --no-emit-index-url --python-version 3.11 --no-header --quiet -o requirements-dev.lock
	uv pip compile pyproject.toml --all-extras --universal --generate-hashes --no-emit-index-url \
	  --python-version 3.11 --no-header --quiet -c requirements-dev.lock -o requirements.lock
	uv pip compile --group build --universal --generate-hashes --no-emit-index-url \
	  --python-version 3.11 --no-header --quiet -c requirements-dev.lock -o requirements-build.lock

clean: ## Delete what was installed and made, and the data of demo and dev
	rm -rf $(VENV) .data dist site .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis
	rm -rf $(NODE_TESTS:%/.installed=%) $(PEERS:%=%/node_modules) $(SDK)/node_modules $(SDK)/dist $(SDK)/docs $(SDK)/test-results
	rm -rf $(PWA)/node_modules $(PWA)/dist $(NODE_EXAMPLES:%=%/node_modules)

$(VENV)/.installed: pyproject.toml requirements.lock requirements-build.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "webhost-sync needs Python 3.11 or newer; '$(PYTHON)' is older. Set PYTHON=python3.11 or the like."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "The venv module is missing. On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock -r requirements-build.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.tools: $(VENV)/.installed requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

%/node_modules/.installed: %/package.json %/package-lock.json
	@$(PYTHON) -m tests.preflight
	cd $* && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(SDK_BUILT): $(SDK_INSTALLED) $(SDK_SOURCES)
	cd $(SDK) && npm run --silent build
