# Everything a contributor runs; `make` alone prints the targets.
#
# The recipes set themselves up: .venv has all the tools, .venv-core-2.16 the oldest ansible-core that is supported, and
# .venv-core-newest the newest one where .venv's Python is too old for it. PYTHON= names the interpreter of .venv.

.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory
SHELL := /bin/bash

TOOLS := tests/tools
STEP := $(TOOLS)/step
IN := $(TOOLS)/in-venv
MAIN := $(IN) .venv
COLLECTION := .collections/ansible_collections/baremetal/bcm
OTHER_CORES := .venv-core-2.16 .venv-core-newest
ARTIFACTS := .cache/artifacts
LEFT_OUT := .cache/left-out
SHELL_SCRIPTS := .ci/run $(shell grep -lE '^\#!.*\b(bash|sh)$$' $(TOOLS)/*)

# $(call each_core,NAME,COMMAND[,DIRECTORIES]): run a step in every environment there is, $$venv being its directory.
define each_core
@for venv in $(or $(3),.venv $(OTHER_CORES)); do \
    [ -e "$$venv/.key" ] || continue; \
    core=$$("$$venv/bin/python" -c 'from ansible.release import __version__; print(__version__)'); \
    $(STEP) "$(1), ansible-core $$core" $(2) || exit; \
done
endef

##@ Use
.PHONY: help
help: ## print this help
	@awk 'BEGIN { FS = ":.*## " } \
	    /^##@/ { printf "\n%s\n", substr($$0, 5) } \
	    /^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: .venv ## provision five machines of the virtual rack, twice
	@$(MAIN) $(TOOLS)/with-rack virtual_rack/racks/demo.yml $(TOOLS)/demo

.PHONY: demo-intake
demo-intake: .venv .venv-rulebook ## from a BMC's first lease to NetBox, for real; needs root, fetches what it lacks
	@$(MAIN) $(TOOLS)/demo-intake

.PHONY: rack
rack: .venv ## keep a virtual rack running; prints the variables to export (RACK=, SPEED=)
	@$(MAIN) virtual-rack serve $(or $(RACK),virtual_rack/racks/demo.yml) --port 0 --speed $(or $(SPEED),60)

##@ Test
.PHONY: test
test: begin lint docs unit units sanity integration molecule smoke ## everything below; what a change must pass
	@$(TOOLS)/leave-out 'system tests, which need BMCs: make test-system'
	@echo; \
	printf 'All passed in %d s.\n' $$(($$(date +%s) - $$(cat .cache/begun))); \
	if [ -s $(LEFT_OUT) ]; then echo 'Left out:'; sed 's/^/  /' $(LEFT_OUT); else echo 'Nothing was left out.'; fi

.PHONY: test-system
test-system: .venv .venv-rulebook ## real BMCs, DHCP, rule engine and NetBox; needs root and what .ci/run installs
	@VIRTUAL_RACK_REQUIRE_IPMI=1 INTAKE_REQUIRE_ALL=1 $(STEP) 'system tests' $(MAIN) pytest -n auto -rfEP tests/system
	@$(STEP) 'tests against a real NetBox' $(MAIN) $(TOOLS)/with-netbox pytest -n auto -rfE tests/netbox

.PHONY: lint
lint: .venv ## ruff, mypy, ansible-lint, shellcheck, changelog fragments
	@$(STEP) 'ruff check' $(MAIN) ruff check --quiet
	@$(STEP) 'ruff format' $(MAIN) ruff format --check --quiet
	@$(STEP) 'mypy' $(MAIN) $(TOOLS)/types
	@$(STEP) 'shellcheck' $(MAIN) shellcheck $(SHELL_SCRIPTS)
	@$(STEP) 'antsibull-changelog lint' $(MAIN) antsibull-changelog lint
	@$(STEP) 'ansible-lint' $(MAIN) ansible-lint --offline -q

.PHONY: docs
docs: .venv ## antsibull-docs lint of every plugin's and role's documentation
	@$(STEP) 'antsibull-docs lint' $(MAIN) antsibull-docs lint-collection-docs --plugin-docs --skip-rstcheck $(COLLECTION)

.PHONY: unit
unit: .venv ## unit and conformance tests by pytest, on .venv's ansible-core
	@$(STEP) 'unit tests' $(MAIN) pytest -n auto $(wildcard tests/unit tests/conformance tests/netbox)

.PHONY: units
units: environments ## the collection's unit tests by ansible-test, on the other ansible-cores
	$(call each_core,ansible-test units,$(TOOLS)/ansible-test "$$venv" units,$(OTHER_CORES))

.PHONY: sanity
sanity: environments ## ansible-test sanity, on every ansible-core, and on .venv's with every Python there is
	$(call each_core,ansible-test sanity,$(TOOLS)/ansible-test "$$venv" sanity)

.PHONY: integration
integration: environments ## real playbooks against a virtual rack, on .venv's ansible-core and most on the oldest
	$(call each_core,integration tests,$(IN) "$$venv" pytest -n auto tests/integration,.venv)
	$(call each_core,integration tests but for those marked one_core,$(IN) "$$venv" pytest -n auto -m "not one_core" tests/integration,.venv-core-2.16)

.PHONY: molecule
molecule: .venv ## the molecule scenario: provision, idempotence, verify
	@$(STEP) 'molecule' $(MAIN) molecule test

.PHONY: smoke
smoke: build ## install the built artifact into an empty place and use it
	@$(STEP) 'smoke test of the artifact' $(MAIN) $(TOOLS)/smoke $(ARTIFACTS)/*.tar.gz

.PHONY: check
check: .venv ## one test: make check ARGS='tests/unit/... -k name'
	@$(MAIN) pytest $(ARGS)

.PHONY: doc-fragments
doc-fragments: .venv ## write the doc fragments that repeat a module's options
	@$(TOOLS)/doc-fragments

.PHONY: fuzz
fuzz: .venv ## a million damaged DHCP packets through the tap (ARGS='--packets N --seed N')
	@$(MAIN) env PYTHONPATH=.collections python $(TOOLS)/fuzz_dhcp.py $(ARGS)

##@ Release
.PHONY: build
build: .venv ## build the collection artifact
	@rm -rf $(ARTIFACTS)
	@$(STEP) 'build' $(MAIN) ansible-galaxy collection build --output-path $(ARTIFACTS) .

.PHONY: clean
clean: ## remove all that make and the tools have made, environments too
	rm -rf .cache .collections .venv .venv-rulebook $(OTHER_CORES) .ansible tests/output
	find . -name .git -prune -o -name __pycache__ -prune -exec rm -rf {} +

# What the targets above need.
.PHONY: begin
begin:
	@mkdir -p .cache && rm -f $(LEFT_OUT) && date +%s >.cache/begun

.PHONY: environments
environments: .venv $(OTHER_CORES)

.PHONY: .venv
.venv:
	@python=$$($(TOOLS)/find-python main) && $(TOOLS)/venv $@ "$$python" -r requirements-dev.txt

.PHONY: .venv-rulebook
.venv-rulebook:
	@python=$$($(TOOLS)/find-python main) && $(TOOLS)/venv $@ "$$python" -r requirements-rulebook.txt

.PHONY: .venv-core-2.16
.venv-core-2.16:
	@if python=$$($(TOOLS)/find-python floor); then \
	    $(TOOLS)/venv $@ "$$python" -r requirements-test.txt 'ansible-core==2.16.*'; \
	else \
	    rm -rf $@; \
	    $(TOOLS)/leave-out 'ansible-core 2.16: it needs Python 3.11 or 3.12, and none was found'; \
	fi

.PHONY: .venv-core-newest
.venv-core-newest: .venv
	@if .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 12))'; then \
	    rm -rf $@; \
	elif python=$$($(TOOLS)/find-python newest); then \
	    $(TOOLS)/venv $@ "$$python" -r requirements-test.txt 'ansible-core>=2.20'; \
	else \
	    rm -rf $@; \
	    $(TOOLS)/leave-out 'ansible-core 2.20 and newer: they need Python 3.12 or newer, and none was found'; \
	fi
