# make report: the whole pipeline and the book. make test: everything that is checked.
# Another Python: make PYTHON=/path/to/python3.12 report

PYTHON ?= $(shell for p in python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null && echo $$p && break; done)
PROFILE ?= demo
BIN := .venv/bin
READY := .venv/.ready

.PHONY: report pdf install test lint lock base tutorial study-load faults audit axe clean
.DEFAULT_GOAL := report

report: $(READY)
	@$(BIN)/logolib run --profile $(PROFILE)

# The report, and the whole of it as one PDF beside the pages (Chromium prints it).
pdf: report
	@$(BIN)/logolib book runs/$(PROFILE)/log/plan.json --pdf

install: $(READY)

# Tests of one file stay in one process; torch would give each process all cores.
test: lint
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile
	rm -rf runs/notebooks
	$(BIN)/pytest --nbval --nbval-current-env --nbval-sanitize-with tests/sanitize.cfg notebooks

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

lock: $(READY)
	$(BIN)/uv pip compile --universal --python-version 3.11 --no-header --no-annotate requirements.in -o requirements.lock

# The base that ships, from nothing: hours. Interrupted, it goes on from the last checkpoint.
base: $(READY)
	$(BIN)/python benchmarks/icons.py
	$(BIN)/logolib collect build/icons --out runs/base/collected --profile base
	$(BIN)/logolib dataset runs/base/collected --out runs/base/data --profile base
	for part in clip prior decoder upsampler; do \
		$(BIN)/logolib train $$part --data runs/base/data --out runs/base/model --profile base --resume || exit 1; done
	$(BIN)/python benchmarks/ship_base.py runs/base/model
	$(BIN)/python benchmarks/measure_base.py

# The tutorial's own commands on a folder of logos, timed: ten minutes.
tutorial: $(READY)
	@test -n "$(FOLDER)" || { echo "Say which folder of logos: make tutorial FOLDER=my-logos" >&2; exit 1; }
	$(BIN)/python benchmarks/tutorial.py "$(FOLDER)"

# 200 raters at once, then a server that is killed: minutes. pytest runs a short form of both.
study-load: $(READY)
	$(BIN)/python benchmarks/study_load.py

# Damaged files, mad settings, kills, full disks, no network: half an hour. One kind: make faults KIND=json.
faults: $(READY)
	$(BIN)/python benchmarks/faults.py $(KIND)

# Versions against the lock file, licences, known weaknesses (asks the Python Package Index).
audit: $(READY)
	$(BIN)/python benchmarks/audit.py

# Every page of build/html in headless Chromium: axe-core's rules, size, headings, alternative texts.
axe: $(READY)
	$(BIN)/python benchmarks/axe.py

clean:
	rm -rf build runs .snakemake .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# A .venv that is already there is completed, not made anew.
$(READY): requirements.lock pyproject.toml
	@test -x $(BIN)/pip || test -n "$(PYTHON)" || { echo "Python 3.11 or 3.12 is needed; say which: make PYTHON=..." >&2; exit 1; }
	test -x $(BIN)/pip || $(PYTHON) -m venv .venv
	test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@
