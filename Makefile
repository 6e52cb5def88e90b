# Everything a person does with this project. Each comment after ## is a line of `make help`.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

PORT ?= 5005
SPEED ?= 300
MINUTES ?= 5
RUNS ?= 40
BIN := .venv/bin
export PYTHON
export PYTHONPATH := plugins:include
# A .venv whose Python went away (upgraded, or the folder was copied) is made again.
$(shell [ ! -d .venv ] || $(BIN)/python -c '' 2>/dev/null || rm -f .venv/.runtime .venv/.dev)

.PHONY: help install run dev emulator test test-unit test-dags test-system test-ui test-peers test-chaos test-compose chaos lint format docs screenshots bench-waits lock clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

install: .venv/.runtime ## make .venv and install what the deployment needs (PYTHON=python3.12 to choose one)
	@echo ".venv is ready"

run: .venv/.runtime ## run one export and one bill estimate from beginning to end on this machine
	@$(BIN)/python -m stack run

dev: .venv/.runtime ## keep Airflow and the emulator up, with the UI's address and login, until Ctrl-C
	@$(BIN)/python -m stack dev

emulator: .venv/.runtime ## the emulator alone, in the foreground (PORT=5005, SPEED=300)
	@$(BIN)/python -m stack emulator --port $(PORT) --speed $(SPEED)

test: .venv/.dev lint ## all tests but compose: lint, unit, dags, system, ui, peers, chaos
	@$(BIN)/python -m tests.levels unit dags system ui peers chaos

test-unit test-dags test-system test-ui test-peers test-chaos: test-%: .venv/.dev
	@$(BIN)/python -m tests.levels $*

test-unit: ## our code alone, against the emulator in process
test-dags: ## the DAGs: parsing, policy, import budget
test-system: ## Airflow's real processes against the emulator
test-ui: ## the UI in a headless Chromium (Debian: apt-get install chromium)
test-peers: ## programs of others against the emulator, each in an environment of its own in var/peers
test-chaos: ## a short `make chaos` (Debian: apt-get install postgresql redis-server)

test-compose: .venv/.dev ## docker-compose.yaml on a real engine (needs docker)
	@$(BIN)/python -m tests.levels compose

chaos: .venv/.dev ## kill processes at random while runs are under way (SEED=1 MINUTES=5 RUNS=40); nothing may be lost or doubled
	@$(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED)) --minutes $(MINUTES) --runs $(RUNS)

lint: .venv/.dev ## style, types, import contracts, generated docs
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/python -m mypy
	@$(BIN)/python -c 'from importlinter.cli import lint_imports_command as c; c()'
	@$(BIN)/python docs/build.py --check

format: .venv/.dev ## format the code and mend what ruff can mend
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

docs: .venv/.dev ## generate docs/DAGS.md from the DAGs
	@$(BIN)/python docs/build.py

screenshots: .venv/.dev ## take the pictures in docs/images anew, from a real run (needs chromium)
	@$(BIN)/python -m docs.screenshots

bench-waits: .venv/.runtime ## what waiting costs beside the amazon provider's own trigger: two hours (CASES=--quick: half of one)
	@$(BIN)/python -m tests.benchmarks.waits $(CASES)

lock: .venv/.runtime ## resolve the requirements anew into constraints.txt
	@UV_SYSTEM_CERTS=1 $(BIN)/python -m uv pip compile --quiet --universal --python-version 3.11 --no-header \
	  --no-annotate --no-emit-index-url --no-emit-find-links requirements-dev.txt -o constraints.txt

clean: ## remove .venv, var and the caches
	@rm -rf .venv var .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.runtime: requirements.txt constraints.txt .ci/install
	@.ci/install runtime

.venv/.dev: requirements-dev.txt .venv/.runtime
	@.ci/install dev
