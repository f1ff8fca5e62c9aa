# Everything here works on a machine with Python 3.10 or later and make; tests also want a Docker engine,
# which they install and start themselves on Debian or Ubuntu as root.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
INVENTORY = inventories/local.py
ENGINE = PATH="$(CURDIR)/$(BIN):$$PATH" tests/docker/engine
# Stealing: there are thousands of quick tests, and whoever ran out of them would leave the long ones to the other.
PYTEST = $(ENGINE) $(BIN)/python -m pytest -n 2 --dist worksteal

.PHONY: help demo demo-clean images test soak capture lint bench record check docs

help:
	@echo "make demo        a legacy database with data on an embedded PostgreSQL, and its migration"
	@echo "make demo-clean  stop that server and remove its data"
	@echo "make images      hosts for the tests, with the newest minor versions (asked for once a day); make test does it"
	@echo "make test        all tests, dockerized PostgreSQL included (PYTEST_ARGS=... for pytest)"
	@echo "make soak        what takes long by nature: random kills, load, large tables, every version (PYTEST_ARGS=... for pytest)"
	@echo "make capture     capture again what servers answer, for the unit tests (STATES=... for some; git diff says what changed)"
	@echo "make lint        ruff and mypy"
	@echo "make bench       what all of it costs beside psql, pyinfra and their like, in ratios; the same in bench.json (an hour)"
	@echo "make record      record the effects of sql/ again"
	@echo "make docs        write the reference pages again that are made from the code (docs/reference)"
	@echo "make check       say whether effects are current and the rules are kept"

$(VENV)/.installed: pyproject.toml
	PYTHON="$(PYTHON)" .ci/environment "$(VENV)"
	@touch $@

demo: $(VENV)/.installed
	@$(BIN)/python sql/legacy_data.py --embedded .pgdata --database stage --projects 2000
	@$(BIN)/pyinfra -y $(INVENTORY) deploy/migrate.py
	@echo
	@$(BIN)/pyinfra -y $(INVENTORY) deploy/status.py 2>&1 | sed -n 's/^ *\[@local\] //p' | grep -v '^Ready\|^Connected'
	@echo
	@echo "Try next:"
	@echo "    $(BIN)/pyinfra --dry $(INVENTORY) deploy/migrate.py     # what a run would do: nothing more"
	@echo "    $(BIN)/pyinfra -y $(INVENTORY) deploy/status.py         # which migrations hold, by whom, drift"
	@echo "    $(BIN)/pgmigrate new add_something                      # a migration of your own"
	@echo
	@echo "What that migration did, to look at in a browser: $$(ls -d reports/*-migrate-* | tail -n 1)/report.html"

demo-clean:
	@if [ -d .pgdata ]; then $(BIN)/python -c "from pathlib import Path; \
	from pyinfra_pgmigrate.embedded import stop_server; stop_server(Path('.pgdata'))"; fi
	rm -rf .pgdata .pgbackups reports

images: $(VENV)/.installed
	$(ENGINE) $(BIN)/python -m tests.docker.hosts

# The unit tests in processes of their own: what they have read would make every program that the others start
# dearer, as it is copied with the process that starts it.
test: images
ifeq ($(PYTEST_ARGS),)
	$(PYTEST) tests/unit
	$(PYTEST) --ignore=tests/unit
else
	$(PYTEST) $(PYTEST_ARGS)
endif

soak: images
	$(PYTEST) -m soak --timeout=3600 tests $(PYTEST_ARGS)

capture: $(VENV)/.installed
	PYTHONPATH=sql PATH="$(CURDIR)/$(BIN):$$PATH" tests/docker/engine $(BIN)/python -m tests.capture $(STATES)

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Their server has its data on a disk, as those of others do: in memory it is the quick tools that gain most. Recording
# has a server of its own, where that is by itself.
bench: $(VENV)/.installed
	@rm -f bench.json
	@$(BIN)/python -m pip install --quiet --group bench
	for part in backups rollbacks status migrations start fleet stalls growth; do \
		TMPDIR="$${TMPDIR:-/tmp}" BENCH_JSON=bench.json PYTHONPATH=sql $(BIN)/python -m tests.bench.$$part || exit 1; \
	done
	BENCH_JSON=bench.json PYTHONPATH=sql $(BIN)/python -m tests.bench.recording
	BENCH_JSON=bench.json PYTHONPATH=sql $(ENGINE) $(BIN)/python -m tests.bench.far
	$(BIN)/python -m tests.bench.plots bench.json docs/growth.svg

record: $(VENV)/.installed
	$(BIN)/pgmigrate record sql --all

check: $(VENV)/.installed
	$(BIN)/pgmigrate check sql

docs: $(VENV)/.installed
	$(BIN)/python docs/generate.py
