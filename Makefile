# `make bench` and `make test` do everything on a fresh machine that has Python 3.11 or later and make.
PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin/python
RESULTS ?= results/quick

.PHONY: bench test test-slow lint speed clean

bench: $(VENV)/base  ## environment, quick suite, leaderboard and HTML report
	$(VENV)/bin/mecbench run quick --out $(RESULTS)
	$(VENV)/bin/mecbench report $(RESULTS) --out $(RESULTS)/report

test: $(VENV)/dev  ## all fast tests
	$(RUN) -m pytest -n 2 --dist worksteal

test-slow: $(VENV)/dev  ## faults, wheel and agreement of solvers
	$(RUN) -m pytest -m slow

lint: $(VENV)/dev .typing  ## style and types
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	MYPYPATH=.typing $(VENV)/bin/mypy

speed: $(VENV)/dev  ## speed as ratios, nothing asserted
	$(RUN) -m pytest benchmarks/speed --benchmark-only

clean:
	rm -rf $(VENV) .typing build dist results *.egg-info

$(VENV)/base: pyproject.toml constraints.txt
	test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	touch $@

$(VENV)/dev: pyproject.toml constraints.txt
	test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $(VENV)/base $@

# Type checkers do not follow the import hook of an editable install; these links they do.
.typing: pyproject.toml
	mkdir -p .typing/mecbench
	for folder in benchmarks instances problems reports rl solvers; do ln -sfn ../../$$folder .typing/mecbench/$$folder; done
	touch .typing
