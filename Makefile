# Two commands do everything: `make quickstart` runs a small sweep, `make test` passes the tests.

SPD_QUICKSTART_DIR ?= $(CURDIR)/quickstart
.DEFAULT_GOAL = install

SOURCES = Package.swift Sources Tests
# More options for the debug build of `make test` and `make test-all`.
BUILD_FLAGS ?=

.PHONY: help install quickstart quickstart-lm test test-all reliability check format docs bench bench-state clean

help: ## List these targets.
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

install: ## Install missing system packages, build the release, put both programs into bin/.
	@scripts/install-packages build
	@scripts/build-release bin

quickstart: install ## Run a small sweep of real decompositions on this machine.
	@SPD_CACHE_DIR="$(SPD_QUICKSTART_DIR)" bin/orchestrator submit \
		--experiments tms_5-2 --sweep sweeps/quickstart.yaml --n-agents 2 --executor local --watch

quickstart-lm: install ## The same with a small language model, trained here first (two minutes).
	@SPD_CACHE_DIR="$(SPD_QUICKSTART_DIR)" bin/orchestrator submit \
		--experiments lm_small --sweep sweeps/quickstart_lm.yaml --n-agents 2 --executor local --watch

test: ## Build and run the tests (a few minutes).
	@scripts/install-packages test
	swift build --build-tests $(BUILD_FLAGS)
	scripts/run-tests

test-all: ## Also run the slow tests: full-length runs, and other programs reading our files.
	@scripts/install-packages test-all
	python3 -m venv .build/python && .build/python/bin/pip install --quiet numpy safetensors huggingface_hub tokenizers wandb wandb-workspaces scikit-optimize
	scripts/build-release .build/programs
	swift build --build-tests $(BUILD_FLAGS)
	SPD_TEST_SLOW=1 SPD_TEST_RELEASE=$(CURDIR)/.build/programs SPD_TEST_PYTHON=$(CURDIR)/.build/python/bin/python \
		scripts/run-tests

reliability: ## Test what docs/concepts/reliability.md promises, and print its figures (a quarter of an hour).
	@scripts/install-packages test-all
	swift build --build-tests
	@bash -o pipefail -c "SPD_TEST_SLOW=1 swift test --skip-build --no-parallel --disable-xctest \
		--filter Reliability 2>&1 | grep -E '^(FIGURE|campaign|. (Test|Suite) .*(passed|failed|recorded)|↳)'"

check: ## Lint; warnings are errors.
	swift format lint --strict --parallel --recursive $(SOURCES)

format: ## Format all Swift files in place.
	swift format --in-place --parallel --recursive $(SOURCES)

docs: ## Build the libraries' API reference with DocC; warnings are errors.
	@scripts/build-docs

bench: install ## Time each experiment's step on one and on all cores, against PyTorch; then tracking, figures, observers.
	@Benchmarks/run; outcome=$$?; ! command -v python3 >/dev/null || { Benchmarks/tracking.py && Benchmarks/looking.py; } || exit; exit $$outcome

bench-state: install ## Time the orchestrator's commands on a job of 10,000 runs.
	@Benchmarks/state.py

clean: ## Remove build products.
	rm -rf .build bin
