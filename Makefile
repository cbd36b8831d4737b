# Two commands for a fresh machine: `make audit` and `make test`. Each installs its requirements.

VENV := .venv
PYTHON := $(VENV)/bin/python
STAMP := $(VENV)/.ready
EVIDENCE := pytest_lxdsec/evidence/example.json
REPORT := report

# Debian packages: those that a lab's LXD needs,
PACKAGES := lxd lxd-client dnsmasq-base nftables busybox-static iproute2 procps python3-venv
# those that the tests also need,
TEST_PACKAGES := openssh-server acl passwd chromium gnupg iptables ebtables \
	dnf zypper rpm createrepo-c
# and those to build and run a complete host, for `make test-host` only.
HOST_PACKAGES := qemu-system-x86 qemu-utils debootstrap e2fsprogs openssh-client openssl

.PHONY: help audit test test-fast kernel-agreement test-host example bench bench-reports docs lint \
	setup lab-packages test-packages host-packages clean

help:
	@echo "make audit   audit a throw-away real LXD with the whole suite; reports in $(REPORT)/"
	@echo "make test    run every test, those on a real LXD too"
	@echo "make test-host  the tests on a whole Debian in a virtual machine: minutes, built once"
	@echo "make example  record the evidence that make audit replays where no LXD can be had"
	@echo "make kernel-agreement   ask the kernel about 55,000 frames and 1,000 rule sets"
	@echo "make docs    make docs/controls.md, the schema of report.json and README's picture anew"
	@echo "make lint    ruff and mypy, as CI runs them"
	@echo "make clean   remove what the others made"

$(STAMP): pyproject.toml
	@test -x $(PYTHON) || python3 -m venv $(VENV) || \
		{ rm -rf $(VENV); echo "python3-venv is missing: apt-get install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m pip install --quiet --upgrade 'pip>=25.1' 'setuptools>=77' wheel
	@$(PYTHON) -m pip install --quiet --no-build-isolation --editable . --group dev
	@touch $@

# Root on Debian installs the missing packages; elsewhere the run reports them.
define with-packages
	@if [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null && [ $(words $(1)) != "$$( \
		dpkg-query --show --showformat '$${db:Status-Status}\n' $(1) 2> /dev/null | \
		grep --count --line-regexp installed)" ]; then \
		sh .ci/install $(1) || echo "not all packages could be installed" >&2; \
	fi
endef

lab-packages:
	$(call with-packages,$(PACKAGES))

test-packages:
	$(call with-packages,$(TEST_PACKAGES))

# LXDSEC_HOST=required turns a missing requirement into a failure instead of a skip.
host-packages:
	$(call with-packages,$(HOST_PACKAGES))

setup: lab-packages $(STAMP)

# The lab's default scenario holds real findings, so this ends with pytest's exit status 1.
audit: setup
	@target=lab; $(VENV)/bin/lxdsec lab check || { target=evidence:$(EVIDENCE); \
		echo "replaying the evidence that comes with the project instead"; }; \
	$(PYTHON) -m pytest --lxd-host=$$target --lxd-report=$(REPORT); status=$$?; \
	if [ $$status -le 1 ]; then \
		echo "for you:       $(abspath $(REPORT))/report.html"; \
		echo "for machines:  junit.xml, report.json, report.sarif, summary.md beside it"; \
	fi; exit $$status

# Labs are independent, so two of them may run in parallel, each for one test file.
test: test-fast lint
	$(PYTHON) -m pytest -rs --numprocesses=2 --dist=loadfile tests/lab

test-fast: setup test-packages
	$(PYTHON) -m pytest -rs --numprocesses=auto tests/unit tests/property tests/plugin

test-host: setup host-packages
	LXDSEC_HOST=$${LXDSEC_HOST:-wanted} $(PYTHON) -m pytest tests/host

# `make audit` replays this evidence if no LXD can run: recorded on the host of `make test-host`.
example: setup host-packages
	$(PYTHON) -m tests.host.example $(EVIDENCE)

# This suite, a naive suite and the lower bound, for 50, 200 and 1,000 containers, or SIZES="50".
bench: setup
	$(PYTHON) -m tests.bench.bench $(SIZES)

# Generated files; tests fail if one is out of date. The picture shows the last audit.
docs: $(STAMP)
	$(VENV)/bin/lxdsec controls --format markdown > docs/controls.md
	$(PYTHON) -m pytest_lxdsec.reports.json_schema
	if [ -f $(REPORT)/report.html ]; then \
		$(PYTHON) -m tests.support.picture $(REPORT)/report.html docs/report.png; fi

# Time and memory of all report writers for 60,000 results.
bench-reports: $(STAMP)
	$(PYTHON) -m tests.bench.reports

# The full comparison of the packet filter evaluator with the kernel; `make test` does a part.
kernel-agreement: setup test-packages
	LXDSEC_AGREEMENT=full $(PYTHON) -m pytest tests/lab/test_kernel_agreement.py

lint: $(STAMP)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

clean:
	rm -rf $(VENV) $(REPORT) build dist *.egg-info
