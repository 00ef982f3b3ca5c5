# make demo | make test do everything on a fresh machine: Python 3.11+, make and a C compiler are enough.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python

VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' tablestore/version.py)
CONNECTOR := tablestore/flink/connector
FLINK_JAR := tablestore/flink/jars/tablestore-flink-$(VERSION).jar
FLINK_SOURCES := $(CONNECTOR)/pom.xml $(shell find $(CONNECTOR)/src/main -type f)

.PHONY: env build flink flink-clients flink-env flink-if-possible flink-soak demo test lint bench bench-variants bench-flink bench-limits bench-scale soak dist clean

env: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --upgrade pip
	$(PY) -c "import tomllib; p = tomllib.load(open('pyproject.toml', 'rb'))['project']; o = p['optional-dependencies']; print('\n'.join(p['dependencies'] + o['dev'] + o['demo']))" > $(VENV)/requirements.txt
	$(PY) -m pip install --quiet -r $(VENV)/requirements.txt
	touch $@

build: env
	$(PY) setup.py --quiet build_ext --inplace --parallel 2

# The connector for Flink SQL, for which a JDK 17 and Maven are needed. It is part of the wheel and of no commit.
flink: $(FLINK_JAR)

$(FLINK_JAR): $(FLINK_SOURCES)
	mvn -q -B -f $(CONNECTOR)/pom.xml -Drevision=$(VERSION) -Dmaven.test.skip=true clean package
	mkdir -p $(dir $@)
	rm -f $(dir $@)*.jar
	cp $(CONNECTOR)/target/$(notdir $@) $@

# Flink itself, for its tests: a gigabyte in .flink/, once.
flink-env: env
	$(PY) -m tests.flink.distribution
	$(PY) -m tests.flink.jvm

# PyFlink and Flink's shell scripts, for the tests of clients: 850 MB in .flink/clients, once. It takes a Python 3.9 to 3.12.
FLINK_CLIENTS_PYTHON ?= python3.11
flink-clients: flink-env
	$(FLINK_CLIENTS_PYTHON) -m venv .flink/clients
	.flink/clients/bin/python -m pip install --quiet apache-flink==2.3.0

flink-if-possible:
	@if command -v javac > /dev/null && command -v mvn > /dev/null; then $(MAKE) --no-print-directory flink flink-env; \
	else echo "no JDK or no Maven: the Flink connector is not built, and its tests are skipped"; fi

demo: build
	$(PY) examples/flights_demo.py

# Folders of tests, TEST_JOBS of them at a time, those that take longest first; each prints what it has to say when it is
# done, and all run whatever fails. Those of the Flink connector are in two parts: one cluster serves one process.
TEST_JOBS ?= 2
LONGEST := tests/crash tests/retention tests/maintenance tests/damage tests/soak tests/changes tests/concurrency
OTHERS := $(filter-out tests/flink $(LONGEST),$(patsubst %/,%,$(sort $(dir $(wildcard tests/*/test_*.py)))))
test: build flink-if-possible
	@mkdir -p build; printf '%s\n' "tests/flink -m cluster" "tests/flink -m without_cluster" $(LONGEST) "$(wildcard tests/test_*.py)" $(OTHERS) | xargs -P $(TEST_JOBS) -I GROUP sh -c \
	'log=$$(mktemp build/tests-XXXXXX); $(PY) -m pytest -q GROUP > $$log 2>&1; failed=$$?; \
	echo "$$(echo GROUP | cut -c 1-40):"; cat $$log; rm $$log; exit $$failed'

# Long runs, for SOAK_SECONDS each: random histories against a dict, and many processes on one table.
SOAK_SECONDS ?= 900
soak: build
	TABLESTORE_SOAK_SECONDS=$(SOAK_SECONDS) $(PY) -m pytest -q -m soak

# Jobs on a Flink cluster whose processes are killed fifty times: a quarter of an hour.
FLINK_SOAK_ROWS ?= 12000000
flink-soak: build flink flink-env
	TABLESTORE_REQUIRE_FLINK=1 TABLESTORE_FLINK_SOAK_ROWS=$(FLINK_SOAK_ROWS) $(PY) -m pytest -q -s tests/flink/test_chaos.py

lint: env
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	PATH="$(CURDIR)/$(VENV)/bin:$$PATH" $(VENV)/bin/cython-lint tablestore/_native

# Side by side with other systems, five rounds: a quarter of an hour, RESULTS.md and results.svg.
bench: build
	$(PY) benchmarks/compare.py --growth

# Other keys, columns and updates: two minutes, VARIANTS.md.
bench-variants: build
	$(PY) benchmarks/variants.py

# The connector for Flink beside Paimon's, which Maven fetches: a quarter of an hour, FLINK.md and a part of RESULTS.md.
bench-flink: build flink flink-env
	$(PY) benchmarks/flink.py --fresh

# What the machine would allow: a minute, LIMITS.md.
bench-limits: build
	$(PY) benchmarks/limits.py

# 100 M rows and 1 M files: half an hour and 15 GB of disk, can be broken off and resumed, SCALE.md.
bench-scale: build
	$(PY) benchmarks/scale.py

dist: env flink
	$(PY) -m pip install --quiet build
	$(PY) -m build

clean:
	rm -rf build dist $(VENV) *.egg-info tablestore/_native/*.so tablestore/_native/*.c tablestore/flink/jars $(CONNECTOR)/target
