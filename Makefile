# `make demo` and `make test` need Python 3.11 or later, make and a shell; everything else they install themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready

.PHONY: demo test lint bench bench-peers simulate gamedays crash faults pictures clean lock lock-peers

demo: $(READY)
	$(BIN)/python -m providers.sandbox.demo

test: $(READY) lint
	@.ci/packages prometheus=prometheus promtool=prometheus amtool=prometheus-alertmanager ffprobe=ffmpeg
	# Two at a time: most of it waits. A file's tests stay together, for they share what is costly.
	$(BIN)/pytest --numprocesses 2 --dist loadfile

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# BENCH says how: BENCH='--only requests,content --rounds 8', or BENCH=--help.
BENCH ?=
bench: $(READY)
	$(BIN)/python -m tests.bench $(BENCH)

# What `make bench` measures the router beside: LiteLLM's proxy, in an environment of its own, most of a gigabyte.
PEERS := .venv-peers
bench-peers: $(PEERS)/ready

# The real core, engine and store on a virtual clock; FIRST_SEED says where the seeds begin.
SEEDS ?= 200
FIRST_SEED ?= 0
simulate: $(READY)
	$(BIN)/python -m tests.simulator --seeds $(SEEDS) --first-seed $(FIRST_SEED)

# Days on which something goes wrong at the upstreams, this router beside others.
gamedays: $(READY)
	$(BIN)/python -m tests.gamedays

# Processes killed, stopped and starved: CRASH_ROUNDS (200) and CRASH_SEED say how often and how.
crash: $(READY)
	$(BIN)/python -m tests.crash

# Every fault of a create, JOBS times on every dialect, and how many jobs succeed in bad weather.
JOBS ?= 1000
faults: $(READY)
	$(BIN)/python -m tests.faults --jobs $(JOBS)

# Faults under load for a few minutes, and what every dashboard shows of it.
pictures: $(READY)
	@.ci/packages prometheus=prometheus
	$(BIN)/python -m tests.e2e.storm --out pictures-output

# Choose the newest versions that pyproject.toml allows, with the hashes of every file, for every platform.
lock: $(READY)
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--upgrade --quiet --extra uvloop --extra otlp -o requirements.txt pyproject.toml
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--upgrade --quiet --extra uvloop --extra otlp --group dev -o requirements-dev.txt pyproject.toml
	printf 'hatchling\n' | $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header --quiet --constraints requirements-dev.txt -o requirements-build.txt -

# The same for what the router is measured beside; its own version is pinned in requirements.in.
lock-peers: $(READY)
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--upgrade --quiet -o tests/bench/peers/requirements.txt tests/bench/peers/requirements.in

clean:
	rm -rf $(VENV) $(PEERS) demo-output bench-output crash-output faults-output pictures-output .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed; say which: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || .ci/packages ensurepip=python3-venv
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index --editable .
	@touch $@

$(PEERS)/ready: tests/bench/peers/requirements.txt
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || .ci/packages ensurepip=python3-venv
	$(PYTHON) -m venv --clear $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r $<
	@touch $@
