# Everything a contributor runs; `make` alone prints the targets.
#
# The recipes set themselves up: .venv has all the tools, .venv-core-2.16 the oldest ansible-core that is supported, and
# .venv-core-newest the newest one where .venv's Python is too old for it. PYTHON= names the interpreter of .venv.

.DEFAULT_GOAL := help
# Only tests/tools/whole knows which targets may run side by side.
ifndef SIDE_BY_SIDE
.NOTPARALLEL:
endif
MAKEFLAGS += --no-print-directory
SHELL := /bin/bash

TOOLS := tests/tools
STEP := $(TOOLS)/step
IN := $(TOOLS)/in-venv
MAIN := $(IN) .venv
COLLECTION := .collections/ansible_collections/baremetal/bcm
OLDEST := .venv-core-2.16
OTHER_CORES := $(OLDEST) .venv-core-newest
# The newest ansible-core there is: .venv's own where nothing newer could be made.
NEWEST = $$([ -e .venv-core-newest/.key ] && echo .venv-core-newest || echo .venv)
ARTIFACTS := .cache/artifacts
# Half of a playbook's time is waiting, so more of them than there are cores.
PLAYBOOKS := -n $(shell expr $$(nproc) \* 3 / 2)
# What no ansible-core but the oldest would break in other ways than .venv's: the code that meets Ansible.
MEETS_ANSIBLE := $(addprefix tests/unit/plugins/,action filter modules plugin_utils module_utils/_ansible)
SHELL_SCRIPTS := .ci/run $(shell grep -lE '^\#!.*\b(bash|sh)$$' $(TOOLS)/*)

# $(call each_core,NAME,COMMAND,ENVIRONMENTS): run a step in each of these environments that exists, $$venv being its directory.
define each_core
@for venv in $(3); do \
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
	    /^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: .venv ## provision five machines of the virtual rack, twice
	@$(MAIN) $(TOOLS)/with-rack virtual_rack/racks/demo.yml $(TOOLS)/demo

.PHONY: demo-intake
demo-intake: .venv .venv-rulebook ## from a BMC's first lease to NetBox, for real; needs root, fetches what it lacks
	@$(MAIN) $(TOOLS)/demo-intake

.PHONY: demo-harden
demo-harden: .venv ## three servers of three vendors from staged to ready; fetches a NetBox, for which it may need root
	@$(MAIN) $(TOOLS)/with-rack virtual_rack/racks/vendors.yml $(TOOLS)/demo-harden

.PHONY: validation-image
validation-image: ## build the image that servers boot to be validated; needs Debian, mmdebstrap and zstd
	@$(STEP) 'validation image' python3 validation_image/build.py .cache/validation-image

.PHONY: demo-validate
demo-validate: .venv ## four servers in QEMU boot from the network and are validated; needs root, fetches what it lacks
	@$(MAIN) $(TOOLS)/demo-validate

.PHONY: rack
rack: .venv ## keep a virtual rack running; prints the variables to export (RACK=, SPEED=)
	@$(MAIN) virtual-rack serve $(or $(RACK),virtual_rack/racks/demo.yml) --port 0 --speed $(or $(SPEED),60)

##@ Test
.PHONY: test
test: ## what a change must pass, on the oldest and the newest ansible-core
	@$(TOOLS)/whole .venv $(OTHER_CORES): left-to-others integration sanity-ends unit lint docs unit-oldest integration-oldest molecule smoke costs

.PHONY: test-all
test-all: ## what a release must pass: every test on every ansible-core and Python there is
	@$(TOOLS)/whole .venv $(OTHER_CORES): left-to-system integration sanity unit lint docs units integration-most molecule smoke newest-pyghmi costs

.PHONY: test-system
test-system: ## real BMCs, DHCP, rule engine, NetBox, NVIDIA's client and Redfish clients; needs root and what .ci/run installs
	@AROUND=$(TOOLS)/with-netbox $(TOOLS)/whole .netbox .venv .venv-rulebook .venv-cluster-on-demand .venv-redfish .venv-controller: system real-netbox boots

.PHONY: lint
lint: .venv ## ruff, mypy, ansible-lint, shellcheck, changelog fragments
	@$(STEP) 'ruff check' $(MAIN) ruff check --quiet
	@$(STEP) 'ruff format' $(MAIN) ruff format --check --quiet
	@$(STEP) 'mypy' $(MAIN) $(TOOLS)/types
	@$(STEP) 'shellcheck' $(MAIN) shellcheck --external-sources $(SHELL_SCRIPTS)
	@$(STEP) 'antsibull-changelog lint' $(MAIN) antsibull-changelog lint
	@$(STEP) 'ansible-lint' $(MAIN) ansible-lint --offline -q

.PHONY: docs
docs: .venv ## antsibull-docs lint of every plugin's and role's documentation
	@$(STEP) 'antsibull-docs lint' $(MAIN) antsibull-docs lint-collection-docs --plugin-docs --skip-rstcheck $(COLLECTION)

.PHONY: unit
unit: .venv ## unit and conformance tests by pytest, on .venv's ansible-core
	@$(STEP) 'unit tests' $(TOOLS)/pytest .venv -n auto tests/unit tests/conformance tests/netbox

.PHONY: unit-oldest
unit-oldest: $(OLDEST) ## unit tests of the code that meets Ansible by pytest, on the oldest ansible-core
	$(call each_core,unit tests of what meets Ansible,$(TOOLS)/pytest "$$venv" -n auto $(MEETS_ANSIBLE),$(OLDEST))

.PHONY: units
units: environments ## the collection's unit tests by ansible-test, on the other ansible-cores
	$(call each_core,ansible-test units,$(TOOLS)/ansible-test "$$venv" units --python own,$(OTHER_CORES))

.PHONY: sanity-ends
sanity-ends: environments ## ansible-test sanity of what ships, on the oldest and the newest ansible-core; compiled on every Python
	$(call each_core,ansible-test sanity,$(TOOLS)/ansible-test "$$venv" sanity --shipped --python own,$(OLDEST) $(NEWEST))
	$(call each_core,ansible-test sanity --test compile on every Python,$(TOOLS)/ansible-test "$$venv" sanity --shipped --test compile,$(NEWEST))

.PHONY: sanity
sanity: environments ## ansible-test sanity, on every ansible-core, and on .venv's with every Python there is
	$(call each_core,ansible-test sanity,$(TOOLS)/ansible-test "$$venv" sanity --python own,$(OTHER_CORES))
	$(call each_core,ansible-test sanity on every Python,$(TOOLS)/ansible-test "$$venv" sanity,.venv)

.PHONY: integration
integration: .venv ## real playbooks against a virtual rack, on .venv's ansible-core
	$(call each_core,integration tests,$(TOOLS)/pytest "$$venv" $(PLAYBOOKS) tests/integration,.venv)

.PHONY: integration-oldest
integration-oldest: $(OLDEST) ## those integration tests that say how Ansible behaves, on the oldest ansible-core
	$(call each_core,integration tests of how Ansible behaves,$(TOOLS)/pytest "$$venv" $(PLAYBOOKS) -m meets_ansible tests/integration,$(OLDEST))

.PHONY: integration-most
integration-most: $(OLDEST) ## all integration tests but those marked one_core, on the oldest ansible-core
	$(call each_core,integration tests but for those marked one_core,$(TOOLS)/pytest "$$venv" $(PLAYBOOKS) -m "not one_core" tests/integration,$(OLDEST))

.PHONY: newest-pyghmi
newest-pyghmi: .venv-newest-pyghmi ## the tests of IPMI with the newest pyghmi, above the bound in requirements.txt too
	@$(STEP) 'installing the newest pyghmi' $</bin/python -m pip install --quiet --disable-pip-version-check --upgrade pyghmi
	@$(STEP) "tests with pyghmi $$($</bin/python -c 'from importlib.metadata import version; print(version("pyghmi"))')" \
	    $(TOOLS)/pytest $< -n auto tests/unit/plugins/module_utils/_bmc

.PHONY: system
system: .venv .venv-rulebook .venv-cluster-on-demand .venv-redfish .venv-controller
	@VIRTUAL_RACK_REQUIRE_IPMI=1 VIRTUAL_RACK_REQUIRE_CLIENTS=1 INTAKE_REQUIRE_ALL=1 CONTROLLER_REQUIRE_ALL=1 $(STEP) 'system tests' $(TOOLS)/pytest .venv -n auto --timeout 1800 -m "not boots and not soak" tests/system

.PHONY: real-netbox
real-netbox: .venv
	@$(STEP) 'tests against a real NetBox' $(MAIN) $(TOOLS)/with-netbox $(TOOLS)/pytest .venv -n auto --timeout 1800 tests/netbox

.PHONY: boots
boots: .venv ## virtual servers boot the validation image and are judged; needs root and QEMU (ARGS='-k "Uefi and hang"')
	@INTAKE_REQUIRE_ALL=1 $(STEP) 'boots of virtual servers' $(TOOLS)/pytest .venv -n 2 --timeout 1800 -m "boots and not soak" tests/system/validation $(ARGS)

.PHONY: molecule
molecule: .venv ## the molecule scenario: provision, idempotence, verify
	@$(STEP) 'molecule' $(MAIN) molecule test

.PHONY: smoke
smoke: build ## install the built artifact into an empty place and use it
	@$(STEP) 'smoke test of the artifact' $(MAIN) $(TOOLS)/smoke $(ARTIFACTS)/*.tar.gz

.PHONY: costs
costs: .venv ## calls and CPU time of whole runs, held to benchmarks/baseline.json
	@$(STEP) 'costs of whole runs' $(MAIN) python benchmarks/run.py --nodes 10 100 --hold

.PHONY: check
check: .venv ## one test: make check ARGS='tests/unit/... -k name'
	@$(MAIN) pytest $(ARGS)

.PHONY: doc-fragments
doc-fragments: .venv ## write the doc fragments that repeat a module's options
	@$(TOOLS)/doc-fragments

.PHONY: validation-reference
validation-reference: .venv ## write the reference of validation profiles and steps
	@$(MAIN) env PYTHONPATH=.collections python $(TOOLS)/validation_reference.py

.PHONY: validation-pictures
validation-pictures: .venv ## make the pictures of docs/validation.md anew; needs root, chromium and what demo-validate needs
	@$(TOOLS)/validation-pictures

.PHONY: soak
soak: .venv ## 2,000 operations of four writers, 20 rounds of playbooks, all at random (SOAK_SEED=, SOAK_OPERATIONS=, SOAK_ROUNDS=); 20 boots of sound servers (SOAK_BOOTS=)
	@$(MAIN) env SOAK_OPERATIONS=$(or $(SOAK_OPERATIONS),2000) SOAK_ROUNDS=$(or $(SOAK_ROUNDS),20) \
	    pytest -n 0 --log-cli-level INFO --timeout 3600 tests/system/test_soak.py tests/system/test_fleet.py
	@$(MAIN) pytest -n 0 --timeout 7200 -m soak tests/system/validation

.PHONY: fuzz
fuzz: .venv ## a million damaged DHCP packets through the tap (ARGS='--packets N --seed N')
	@$(MAIN) env PYTHONPATH=.collections python $(TOOLS)/fuzz_dhcp.py $(ARGS)

.PHONY: fuzz-answers
fuzz-answers: .venv ## a million damaged answers of a head node and of NetBox (ARGS='--answers N --seed N')
	@$(MAIN) env PYTHONPATH=.collections python $(TOOLS)/fuzz_answers.py $(ARGS)

.PHONY: fuzz-validation
fuzz-validation: .venv ## a million damaged messages and outputs of tools (ARGS='--bodies N --seed N')
	@$(MAIN) env PYTHONPATH=.collections python $(TOOLS)/fuzz_validation.py $(ARGS)

.PHONY: fuzz-receiver
fuzz-receiver: .venv ## a million damaged messages of machines under validation (ARGS='--bodies N --seed N')
	@$(MAIN) env PYTHONPATH=.collections python $(TOOLS)/fuzz_receiver.py $(ARGS)

##@ Measure
.PHONY: bench
bench: .venv ## what whole runs cost, beside an empty ansible-playbook (NODES='10 100 1000', ARGS='--rounds 3')
	@$(MAIN) python benchmarks/run.py $(if $(NODES),--nodes $(NODES)) $(ARGS)

.PHONY: bench-baseline
bench-baseline: .venv ## write benchmarks/baseline.json anew, where a run is meant to cost something else
	@$(MAIN) python benchmarks/run.py --nodes 10 100 --rounds 3 --write

##@ Release
.PHONY: build
build: .venv ## build the collection artifact
	@rm -rf $(ARTIFACTS)
	@$(STEP) 'build' $(MAIN) ansible-galaxy collection build --output-path $(ARTIFACTS) .

.PHONY: clean
clean: ## remove all that make and the tools have made, environments too
	rm -rf .cache .collections .venv .venv-rulebook .venv-cluster-on-demand .venv-redfish .venv-controller .venv-newest-pyghmi $(OTHER_CORES) .ansible tests/output
	find . -name .git -prune -o -name __pycache__ -prune -exec rm -rf {} +

# What the targets above need.
.PHONY: left-to-others
left-to-others:
	@$(TOOLS)/leave-out 'what only a release must pass (units, sanity and integration in full on other ansible-cores and Pythons): make test-all'
	@$(TOOLS)/leave-out 'system tests, which need BMCs, DHCP and NetBox: make test-system'

.PHONY: left-to-system
left-to-system:
	@$(TOOLS)/leave-out 'integration tests marked one_core, on ansible-core 2.16: no Ansible makes them differ'
	@$(TOOLS)/leave-out 'system tests, which need BMCs, DHCP and NetBox: make test-system'

.PHONY: environments
environments: .venv $(OTHER_CORES)

.PHONY: .venv
.venv:
	@python=$$($(TOOLS)/find-python main) && $(TOOLS)/venv $@ "$$python" -r requirements-dev.txt

.PHONY: .netbox
.netbox:
	@$(TOOLS)/netbox prepare

.PHONY: .venv-rulebook
.venv-rulebook:
	@python=$$($(TOOLS)/find-python main) && $(TOOLS)/venv $@ "$$python" -r requirements-rulebook.txt

.PHONY: .venv-cluster-on-demand
.venv-cluster-on-demand:
	@python=$$($(TOOLS)/find-python main) && $(TOOLS)/venv $@ "$$python" -r requirements-cluster-on-demand.txt

.PHONY: .venv-redfish
.venv-redfish:
	@python=$$($(TOOLS)/find-python main) && $(TOOLS)/venv $@ "$$python" -r requirements-redfish.txt

.PHONY: .venv-controller
.venv-controller:
	@python=$$($(TOOLS)/find-python main) && $(TOOLS)/venv $@ "$$python" -r requirements-controller.txt

.PHONY: .venv-newest-pyghmi
.venv-newest-pyghmi:
	@python=$$($(TOOLS)/find-python main) && $(TOOLS)/venv $@ "$$python" -r requirements-test.txt 'ansible-core>=2.19'

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
