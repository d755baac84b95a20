# Needs Python 3.11 or later and make; everything else is fetched into .venv and .make.
# Uses only what GNU make 3.81 (macOS) and a POSIX shell understand.

# Tried in this order. The first one that *runs* and is new enough is used, because a version manager may
# leave commands on PATH that only say which version to install.
PYTHON ?= python3.14 python3.13 python3.12 python3.11 python3

# Test processes at a time: three use two cores well, because many tests wait for leases, retries and restarts. With
# more, real Redis and Celery processes get too slow on a small machine.
JOBS ?= 3

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq

# All files of requirements.lock, downloaded once and checked against their hashes. The virtualenvs
# below are filled from here without an index. That is fast, and nothing else can get in.
WHEELS := .make/wheels
WHEEL_VENV := .make/wheel-venv
CLIENT_VENV := .make/client-venv

# An environment for each lock file, and one for npm: programs of other people's clients run in them.
CLIENT_LOCKS := tests/acceptance/clients/locks
CLIENT_NPM := tests/acceptance/clients/npm
CLIENTS := .make/clients

# The released version from which upgrades are tested, in an environment of its own.
RELEASED_WHEEL := tests/integration/upgrade/rerankq-0.1.0-py3-none-any.whl
RELEASED := .make/released

# Patches and kustomizations are no resources: tests render these.
KUBERNETES := $(filter-out %/kustomization.yaml %.patch.yaml,$(wildcard ops/kubernetes/*/*.yaml ops/kubernetes/*/*/*.yaml))

CLIENT_VENVS := $(patsubst $(CLIENT_LOCKS)/%.lock,$(CLIENTS)/%/.complete,$(wildcard $(CLIENT_LOCKS)/*.lock))

# Each stamp is inside the folder that it is about, so it is deleted together with the folder.
HAS_PIP := $(VENV)/.has-pip
HAS_PROJECT := $(VENV)/.has-project
HAS_WHEELS := $(WHEELS)/.complete

# Byte code is written at the first import (see below). With this variable set, as in many containers,
# every process would compile everything again, which takes seconds at each start.
unexport PYTHONDONTWRITEBYTECODE

# Tests never spend money and never touch a queue in use, whatever the shell has set.
HERMETIC := env -u DMXAPI_API_KEY -u RERANKQ_API_KEYS -u RERANKQ_REDIS_URL -u RERANKQ_UPSTREAM_URL \
    -u DMXAPI_API_KEY_FILE -u RERANKQ_API_KEYS_FILE -u RERANKQ_REDIS_URL_FILE \
    -u RERANKQ_REDIS_PASSWORD -u RERANKQ_REDIS_PASSWORD_FILE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: help demo test clients released chaos bench throttling screenshots peers check lock build clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

demo: $(HAS_PROJECT) ## Run sample jobs through the whole stack; SERVE=1 leaves it running
	@$(BIN)/rerankq demo $(if $(filter-out 0 no false,$(SERVE)),--serve)

# Acceptance tests use the installed wheel and not the checkout. So a file that is missing in the package,
# or a dependency that only `dev` brings, is found here and not by a user.
test: build $(WHEEL_VENV)/.complete $(CLIENT_VENV)/.complete clients released ## Run all tests, the last ones on the built wheel
	@echo '==> installing the wheel: with everything, and as a client alone'
	@set -e; for wheel in dist/*.whl; do \
	    $(PIP) --python $(WHEEL_VENV)/bin/python uninstall --yes rerankq; \
	    $(PIP) --python $(CLIENT_VENV)/bin/python uninstall --yes rerankq; \
	    $(PIP) --python $(WHEEL_VENV)/bin/python install \
	        --no-index --find-links $(WHEELS) --no-compile "$${wheel}[all]"; \
	    $(PIP) --python $(CLIENT_VENV)/bin/python install \
	        --no-index --find-links $(WHEELS) --no-compile "$${wheel}"; \
	done
	$(HERMETIC) $(BIN)/pytest -n $(JOBS) tests/unit tests/integration tests/chaos
	$(HERMETIC) \
	    RERANKQ_TEST_BIN='$(CURDIR)/$(WHEEL_VENV)/bin' \
	    RERANKQ_TEST_CLIENT_BIN='$(CURDIR)/$(CLIENT_VENV)/bin' \
	    $(BIN)/pytest tests/acceptance

# Two at a time: most of it is downloading, and unpacking what lies in pip's cache.
clients: $(HAS_PIP) ## Make the environments of other people's clients, which tests run
	@$(MAKE) --silent --no-print-directory -j 2 $(CLIENT_VENVS) $(CLIENTS)/npm/.complete

$(CLIENTS)/%/.complete: $(CLIENT_LOCKS)/%.lock $(HAS_PIP)
	@echo '==> installing the client $*'
	@$(BIN)/python -m venv --without-pip --clear $(@D)
	@$(PIP) --python $(@D)/bin/python install --no-compile --no-deps --require-hashes --requirement $<
	@touch $@

# The machine may reach PyPI and no registry of npm. Then the tests of these clients skip, and say why.
$(CLIENTS)/npm/.complete: $(CLIENT_NPM)/package.json $(CLIENT_NPM)/package-lock.json $(CLIENTS)/node/.complete
	@echo '==> installing the npm clients'
	@rm -rf $(@D) && mkdir -p $(@D)
	@cp $(CLIENT_NPM)/package.json $(CLIENT_NPM)/package-lock.json $(CLIENT_NPM)/.npmrc $(@D)
	@if PATH='$(CURDIR)/$(CLIENTS)/node/bin':"$$PATH" npm --prefix $(@D) ci --silent; then touch $@; \
	    else echo '==> left out: npm ci failed'; fi

released: $(RELEASED)/.complete ## Make the environment of the released 0.1, from which upgrades are tested

$(RELEASED)/.complete: $(RELEASED_WHEEL) $(HAS_WHEELS)
	@echo '==> installing the released 0.1'
	@$(BIN)/python -m venv --without-pip --clear $(RELEASED)
	@$(PIP) --python $(RELEASED)/bin/python install --no-index --find-links $(WHEELS) --no-compile '$<[worker]'
	@touch $@

# `make test` runs its short form.
chaos: $(HAS_PROJECT) ## Break one part after the other, for an hour, and print the results
	$(HERMETIC) PYTHONPATH=tests $(BIN)/python -m chaos $(ARGS)

# Also measures the other queues, if PEERS names the folder that `make peers` has filled.
bench: $(HAS_PROJECT) ## Measure beside calls without a queue, and beside the queues in PEERS=folder
	$(HERMETIC) PYTHONPATH=ops PEERS='$(PEERS)' $(BIN)/python -m bench $(ARGS)

throttling: $(HAS_PROJECT) ## Measure whether limits are used in full and kept, beside Celery alone
	$(HERMETIC) PYTHONPATH=ops:tests $(BIN)/python -m throttling $(ARGS)

screenshots: $(HAS_PROJECT) ## Make the pictures of the documentation, in a Chromium of this machine
	$(HERMETIC) PYTHONPATH=ops:tests $(BIN)/python -m screenshots

# A warning is an error. Nothing is taken over from the last build: pages are made of code that it does not watch.
# The second language goes into a folder of the first.
docs: $(HAS_PROJECT) ## Build the documentation, in English and Chinese, into .make/docs/site
	@rm -rf $(SITE)
	$(SPHINX) -d .make/docs/english docs $(SITE)
	$(SPHINX) -d .make/docs/chinese -D language=zh_CN docs $(SITE)/zh-cn
	@echo '==> open $(SITE)/index.html'

.PHONY: docs translations diagrams

SITE := .make/docs/site
SPHINX = $(HERMETIC) PYTHONPATH=ops $(BIN)/python -m sphinx -b html -E -q -W --keep-going -c ops/handbook

translations: $(HAS_PROJECT) ## Bring the Chinese catalogues up to date; PAGES=names begins new ones
	PYTHONPATH=ops $(BIN)/python -m handbook.catalogues $(PAGES)

# The library that draws is not locked: only who changes a diagram needs it.
diagrams: $(HAS_PIP) ## Draw the diagrams of the documentation that are new or have changed
	@$(BIN)/python -m venv --without-pip .make/diagrams-venv
	@$(PIP) --python .make/diagrams-venv/bin/python install mermaidx
	@PYTHONPATH=ops .make/diagrams-venv/bin/python -m handbook.diagrams

peers: $(HAS_PIP) ## Make a virtualenv for each other queue of the benchmark, in PEERS=folder
	@test -n '$(PEERS)' || { echo 'error: say where: make peers PEERS=folder' >&2; exit 1; }
	@set -e; for file in ops/bench/peers/*.txt; do \
	    peer='$(PEERS)'/$$(basename "$$file" .txt); \
	    echo "==> $$peer"; \
	    $(BIN)/python -m venv --without-pip "$$peer"; \
	    $(PIP) --python "$$peer/bin/python" install --requirement "$$file"; \
	done

check: $(HAS_PROJECT) ## Run the linters, the type checker and the import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/hadolint ops/Dockerfile
	$(BIN)/kubernetes-validate --strict --quiet --no-warn $(KUBERNETES)

# The two short locks are subsets of the first, so that the image runs the same versions as the tests.
lock: $(HAS_PIP) $(CLIENTS)/node/.complete ## Write new lock files; UPGRADE=1 takes newer versions
	@echo '==> locking'
	@$(BIN)/python -m venv --without-pip .make/lock-venv
	@$(PIP) --python .make/lock-venv/bin/python install uv
	$(COMPILE) $(if $(UPGRADE),--upgrade) --extra all --extra dev \
	    pyproject.toml --output-file requirements.lock
	$(COMPILE) --constraint requirements.lock --extra worker --extra gateway --extra monitor --extra metrics --extra traces \
	    pyproject.toml --output-file ops/requirements-image.lock
	@set -e; for file in $(CLIENT_LOCKS)/*.in; do \
	    UV_CUSTOM_COMPILE_COMMAND='make lock' $(LOCK) $(if $(UPGRADE),--upgrade) \
	        "$$file" --output-file "$${file%.in}.lock"; \
	done
	@PATH='$(CURDIR)/$(CLIENTS)/node/bin':"$$PATH" npm --prefix $(CLIENT_NPM) install \
	    --package-lock-only --silent
	@$(BIN)/python $(CLIENT_NPM)/without_hosts.py
	@echo hatchling > .make/build-requirements.in
	$(COMPILE) --constraint requirements.lock --no-annotate \
	    .make/build-requirements.in --output-file ops/requirements-build.lock

COMPILE = @UV_CUSTOM_COMPILE_COMMAND='make lock' $(LOCK)
LOCK = .make/lock-venv/bin/uv pip compile --quiet \
    --python $(BIN)/python --python-version 3.11 --universal --generate-hashes \
    --no-emit-index-url --no-emit-find-links

build: $(HAS_PROJECT) ## Build the wheel into dist/
	@rm -rf dist
	@$(BIN)/hatchling build --target wheel

clean: ## Delete everything that make has created
	rm -rf $(VENV) .make dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find docs/locales -name '*.mo' -delete
	find producer worker gateway sandbox tests ops -type d -name __pycache__ -exec rm -rf {} +

# An old pip works too, but the newest takes half the time for a lock file with many hashes.
$(HAS_PIP):
	@set -e; for python in $(PYTHON); do \
	    if "$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	    then \
	        echo "==> making $(VENV) with $$("$$python" --version)"; \
	        "$$python" -m venv $(VENV); \
	        $(PIP) install --upgrade pip; \
	        touch $@; \
	        exit 0; \
	    fi; \
	done; \
	echo 'error: no Python 3.11 or later with venv among: $(PYTHON)' >&2; \
	echo '       install one (on Debian and Ubuntu its -venv package too), or: make PYTHON=/path/to/python3' >&2; \
	exit 1

$(HAS_WHEELS): requirements.lock $(HAS_PIP)
	@echo '==> downloading what requirements.lock names, each file checked against its hash'
	@rm -rf $(WHEELS)
	@$(PIP) wheel --no-deps --require-hashes --requirement requirements.lock --wheel-dir $(WHEELS)
	@touch $@

# Not compiled in advance: that takes longer than everything else here, mostly for modules that nobody imports.
$(HAS_PROJECT): $(HAS_WHEELS) pyproject.toml
	@echo '==> installing into $(VENV)'
	@$(PIP) install --no-index --no-deps --no-compile $(WHEELS)/*.whl
	@$(PIP) install --no-index --no-deps --no-build-isolation --editable .
	@touch $@

# These are empty; `make test` installs the wheel into them. They are created again when dependencies change:
# a dependency that was dropped by mistake must not stay here and hide the mistake.
$(WHEEL_VENV)/.complete $(CLIENT_VENV)/.complete: $(HAS_WHEELS) pyproject.toml
	@$(BIN)/python -m venv --without-pip --clear $(@D)
	@touch $@
