# Two commands matter: `make run` installs Kuryr on the embedded lab, `make test` tests everything.
# The lab needs root on Debian 12 or a derivative of it.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

# Whatever the machine's default is: the tests start many processes, and each would compile all anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup packages run test test-lab test-pure test-versions test-exhaustive test-archive \
    notebooks lint docs dist pins audit clean

help:
	@echo 'make run     start the lab and install Kuryr on it, phase by phase'
	@echo 'make test    lint, then run all tests, including those on the lab'
	@echo 'make test-lab, make test-pure  run only one half of them'
	@echo 'make test-versions    run the pure half on other Pythons, and with the lowest dependencies'
	@echo 'make test-exhaustive  run every crash point and fault separately, on the lab'
	@echo 'make test-archive     test with an object store, in a separate environment'
	@echo 'make notebooks        execute the notebooks on the bare lab, and store their outputs'
	@echo 'make lint    run ruff, mypy and the import contracts'
	@echo 'make docs    build the documentation as a site, in build/site'
	@echo 'make dist    build sdist and wheel, in build/dist'
	@echo 'make pins    generate the lists of pinned packages from their inputs'
	@echo 'make audit   look up known vulnerabilities of the pinned packages'
	@echo 'make setup   install Debian packages and the virtual environment'
	@echo 'make clean   destroy the lab and remove what was built here'

setup: packages $(STAMP)

# Only missing packages are installed, so that a second run needs neither root nor a network. The lab
# starts Open vSwitch and OVN itself: their Debian services are neither started nor enabled.
packages:
	@missing=$$(for package in $$(cat debian-packages.txt); do \
	    dpkg-query --show --showformat='$${db:Status-Status}\n' $$package 2>/dev/null \
	        | grep -qx installed || echo $$package; \
	done); \
	if [ -n "$$missing" ]; then \
	    echo "installing Debian packages:" $$missing; \
	    apt-get update -q && \
	    SYSTEMD_OFFLINE=1 DEBIAN_FRONTEND=noninteractive \
	        apt-get install -q -y --no-install-recommends $$missing && \
	    for unit in openvswitch-switch ovn-central ovn-host; do case " $$missing " in *" $$unit "*) \
	        if [ -d /run/systemd/system ]; then systemctl disable --quiet $$unit; fi;; esac; done; \
	fi

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable '.[lab,ui,dev,docs]'
	@touch $@

run: setup
	$(BIN)/kuryr-runbook lab up
	$(BIN)/kuryr-runbook run --site parameters/lab.yaml --yes

# Both halves at the same time, since the lab's tests mostly wait for the lab.
test: setup lint
	$(MAKE) --no-print-directory --jobs=2 test-lab test-pure

# These tests bring up the lab, and destroy it at the end, unless it was up before.
test-lab: setup
	$(BIN)/python -m pytest -m 'lab and not exhaustive'

# Printed when it is done, so that its output is not mixed with the other half's.
test-pure: setup
	@mkdir -p build
	@nice $(BIN)/python -m pytest -m 'not lab and not exhaustive' >build/test-pure.txt 2>&1; \
	    status=$$?; cat build/test-pure.txt; exit $$status

# In separate environments, in build/.
test-versions: setup
	.ci/versions

test-exhaustive: setup
	$(BIN)/python -m pytest -m exhaustive

# In a separate environment: boto cannot be installed together with a current Kubernetes client.
test-archive:
	$(PYTHON) -m venv build/archive-venv
	build/archive-venv/bin/pip install --quiet --editable '.[archive,dev]' 'moto[server]>=5'
	build/archive-venv/bin/python -m pytest tests/recording tests/clients/test_artifacts_s3.py

# The image comes first: its build takes minutes, and its output differs each time.
notebooks: setup
	$(BIN)/kuryr-runbook lab up
	$(BIN)/kuryr-runbook run --site parameters/lab.yaml --only image_build --yes
	$(BIN)/kuryr-runbook teardown --site parameters/lab.yaml --yes
	PYTHONPATH=tests $(BIN)/python -m making.keep_outputs parameters/lab.yaml

lint: $(STAMP)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

# Warnings, such as a dead link, are errors; with --quiet mkdocs would not count them.
docs: $(STAMP)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

# The version is that of the newest tag: see "Releases" in CONTRIBUTING.md.
dist: setup
	$(BIN)/uv build --out-dir build/dist

# Versions stay as long as they suit; `make pins UPGRADE=--upgrade` takes the newest that do.
pins: $(STAMP)
	PATH="$(CURDIR)/$(BIN):$$PATH" PYTHONPATH=tests $(BIN)/python -m making.pins $(UPGRADE)

# A package that the index knows nothing of is an error, not a pass.
audit: $(STAMP)
	status=0; \
	for list in kuryr_runbook/share/image/constraints/*.txt \
	    kuryr_runbook/lab/payload/openstack/requirements/*.txt; do \
	    echo "== $$list"; \
	    $(BIN)/uvx pip-audit --strict --disable-pip --require-hashes -r $$list || status=1; \
	done; exit $$status

clean:
	if [ -x $(BIN)/kuryr-runbook ]; then $(BIN)/kuryr-runbook lab destroy; fi
	rm -rf $(VENV) build dist runs .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
