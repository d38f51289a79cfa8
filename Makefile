# Every target makes the virtual environment .venv itself when it is missing or older than pyproject.toml.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python -m
INSTALLED := $(VENV)/.installed
WORKERS ?= auto
# A commit of this repository that bench and bench-quick also measure, in turns with the checkout.
AGAINST ?=
COMPARED := $(if $(AGAINST),--against '$(AGAINST)')

AS_USERS := user isolation-none control-3.10 control-3.13

.PHONY: help demo test test-all test-as-users test-variants test-cluster check fix docs bench bench-quick bench-scale bench-progress bench-report man screenshots clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

demo: $(INSTALLED)  ## generate two apps and run them on real reads
	@$(VENV)/bin/python tests/e2e/demo.py

test: $(INSTALLED)  ## run the test suite
	@$(RUN) pytest -n $(WORKERS) -m 'not slow'

test-all: $(INSTALLED)  ## run the test suite with its slow parts
	@$(RUN) pytest -n $(WORKERS)

test-variants: $(INSTALLED)  ## run it as users do: other Pythons, users and systems, without fast tools, …
	@$(RUN) tests.variants --workers $(WORKERS)

test-cluster: $(INSTALLED)  ## run tests on a Slurm of virtual nodes, which it brings up and stops (root, Debian)
	@DX_LOCAL_TEST_SLURM=1 $(RUN) pytest tests/cluster

# Not the whole suite, which takes six minutes each time; that is for test-variants.
test-as-users: $(INSTALLED)  ## run jobs and commands as an ordinary user, without sandboxes, on Python 3.10 and 3.13
	@$(RUN) tests.variants --quick --workers $(WORKERS) $(AS_USERS:%=--only %) \
		--parts tests/worker --parts tests/engine/executors --parts tests/cli

check: $(INSTALLED)  ## ruff, mypy and codespell; imports, language and pages
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@$(RUN) mypy wizard runtime tests benchmarks docs packaging
	@$(RUN) codespell_lib
	@$(RUN) pytest -q tests/test_imports.py tests/test_voice.py tests/test_docs.py

fix: $(INSTALLED)  ## let ruff fix and format the code
	@$(RUN) ruff check --fix .
	@$(RUN) ruff format .

docs: $(INSTALLED)  ## build the documentation's site into build/site
	@NO_MKDOCS_2_WARNING=1 $(RUN) mkdocs build --quiet
	@$(RUN) tests.docs.shell_blocks
	@echo "to read the site: $(PYTHON) -m http.server --bind 127.0.0.1 --directory build/site"

bench: $(INSTALLED)  ## measure ours and the peers, and write the page (15 minutes)
	@$(RUN) benchmarks --write-page $(COMPARED)

bench-quick: $(INSTALLED)  ## the same with less of everything, on stdout (2 minutes)
	@$(RUN) benchmarks --plan quick $(COMPARED)

bench-scale: $(INSTALLED)  ## measure searches among 100,000 files
	@$(VENV)/bin/python benchmarks/scale.py

bench-progress: $(INSTALLED)  ## measure the progress display in a run of 10,000 jobs
	@$(VENV)/bin/python benchmarks/progress.py

bench-report: $(INSTALLED)  ## measure the report of a run of 10,000 jobs in Chromium
	@$(RUN) benchmarks.run_page

man: $(INSTALLED)  ## write the man pages in docs/man/man1 from the help texts
	@$(VENV)/bin/python docs/man/generate.py docs/man/man1

screenshots: $(INSTALLED)  ## take the pictures in docs/images again
	@$(VENV)/bin/python docs/screenshots.py

clean:  ## remove what these targets made, .venv included
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.10 or newer is needed; set PYTHON=" if sys.version_info < (3, 10) else 0)'
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) ..."
	@$(RUN) pip install --quiet --disable-pip-version-check uv
	@# uv itself knows neither pip's configuration nor, unless told, the system's certificates.
	@$(VENV)/bin/python packaging/configured_uv.py pip install --quiet --compile-bytecode --python $(VENV)/bin/python --editable '.[dev]'
	@# The install is editable, and with PYTHONDONTWRITEBYTECODE each start would compile all modules again.
	@$(RUN) compileall -q wizard runtime
	@touch $@
