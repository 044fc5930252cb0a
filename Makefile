# The few commands that people type. `make` alone lists them.
PYTHON ?= python3
RUN ?= results/demo
CONFIG ?= config/config.yaml
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# uv asks the same package index as the user's pip.
INDEX = $(shell $(BIN)/pip config get global.index-url 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help setup check benchmarks demo plan twin paper replication archive test breadth gpu cluster lint lock slurm profile clean

help: ## list the commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## */  make \1\t/' | expand -t 20

setup: $(READY) ## install everything into .venv, with pinned versions and checked hashes

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Menagerie needs Python 3.11 or newer; found $$($(PYTHON) --version). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Installing into $(VENV): about 7 GB, one to three minutes."
	$(PYTHON) -m venv $(VENV)
	@awk '/^uv==/{found=1} found{print} found && !/\\$$/{exit}' requirements.lock > $(VENV)/uv.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.txt
	$(if $(INDEX),UV_DEFAULT_INDEX=$(INDEX) )$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY) ## the main job on the built-in example: real networks against real brains
	$(BIN)/snakemake --profile profiles/default --logger menagerie

PROFILE ?= profiles/default
export CONFIG PROFILE RUN # recipes quote them, whatever characters a path has
check: $(READY) ## what would stop a run, in seconds: make check CONFIG=config/mine.yaml PROFILE=profiles/slurm
	@$(BIN)/python -m menagerie.survey.check "$$CONFIG" --profile "$$PROFILE"

TWIN ?= nsd
twin: $(READY) ## a small simulated twin of NSD (or TWIN=laion) in the dataset's own files: resources/nsd_twin
	$(BIN)/snakemake --profile profiles/default write_$(TWIN)_twin

plan: $(READY) ## jobs, core-hours, memory and disk of a config, before it runs (CONFIG=...; snakemake inventories first)
	@PYTHONPATH=workflow $(BIN)/python -m menagerie.survey.plan "$$CONFIG"

paper: $(READY) ## the survey's published tables through experiments, figures and report; every printed number
	$(BIN)/snakemake --profile profiles/default --logger menagerie --configfile config/published.yaml
	@cat results/paper/reproduction.md

replication: $(READY) ## which findings of the survey hold on LAION-fMRI, from published scores alone: results/published_laion
	$(BIN)/snakemake results/published_laion/replication.html --profile profiles/default --logger menagerie --configfile config/published_laion.yaml

archive: $(READY) ## pack a run for a paper's supplement: make archive RUN=results/demo
	$(BIN)/python -m menagerie.archive "$$RUN"

test: $(READY) ## the tests that need no cluster
	$(BIN)/python -m pytest -n 2 --dist loadfile

benchmarks: $(READY) ## linking, geometry and intervals against their peers, into results/benchmarks (an hour or more)
	$(BIN)/python benchmarks/linking.py --out results/benchmarks --threads 1
	PYTHONPATH=workflow $(BIN)/python benchmarks/geometry.py --out results/benchmarks
	PYTHONPATH=workflow $(BIN)/python benchmarks/intervals.py > results/benchmarks/intervals.md

breadth: $(READY) ## further cases that make test leaves out for time (10 minutes)
	$(BIN)/python -m pytest -n 2 -m breadth

gpu: $(READY) ## a CUDA card proven: parity with double precision, memory that runs out, speed (8 minutes; plain python works too)
	$(BIN)/python benchmarks/gpu.py

cluster: $(READY) ## the tests on a SLURM that they boot on this machine (as root; sh tests/cluster/install_slurm.sh first)
	$(BIN)/python -m pytest -m cluster tests/cluster

lint: $(READY) ## style, formatting, import contracts, Snakemake's own lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow/rules
	$(BIN)/lint-imports
	$(BIN)/snakemake --lint

lock: $(READY) ## resolve pyproject.toml again into requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--extra demo --extra survey --extra dev --extra benchmarks pyproject.toml --output-file requirements.lock

slurm: $(READY) ## the executor for SLURM in .venv-slurm, apart from .venv
	sh profiles/slurm/install.sh $(VENV) .venv-slurm

profile: ## link profiles/slurm into Snakemake's profile folder, so that --profile slurm finds it
	@mkdir -p "$${XDG_CONFIG_HOME:-$$HOME/.config}/snakemake"
	ln -sfn "$$PWD/profiles/slurm" "$${XDG_CONFIG_HOME:-$$HOME/.config}/snakemake/slurm"

clean: ## remove results and Snakemake's records, keep downloads and the environment
	rm -rf results/*/ .snakemake
