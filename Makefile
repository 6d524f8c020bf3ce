# make audit   install what is needed and audit the sample model; the report is audit-digits_cnn/report.html
# make test    install the tools of development as well and run the tests
# make test-cluster    run the tests on two nodes of Ray, in an environment of their own

PYTHON ?= python3
MODEL ?= sample_models/digits_cnn.onnx
DATA ?= digits

BIN := .venv/bin
UV := $(BIN)/uv
# Byte code is written once here, as pip does, because many an environment forbids it later and pays at every start.
SYNC := $(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
	--no-annotate --no-header --no-emit-index-url --no-emit-find-links

.PHONY: audit test test-cluster lint format schema lock sample-models clean
.DELETE_ON_ERROR:

audit: .venv/installed
	$(BIN)/deepdig-audit $(MODEL) --data $(DATA) $(ARGS)

test: .venv/installed-dev
	$(BIN)/python -m pytest -q -n 2 --dist loadfile $(ARGS)

test-cluster: .venv/ray/installed
	.venv/ray/bin/python -m pytest -q tests/engines $(ARGS)

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The JSON Schemas and the key facts of measures that ship, and docs/results.md, written from auditor/documents.
schema: .venv/installed-dev
	$(BIN)/python -m benchmarks.reference

# The newest versions that pyproject.toml admits, with the hashes of their files for every platform.
lock: $(UV)
	$(COMPILE) pyproject.toml -o requirements.txt
	$(COMPILE) pyproject.toml --group dev -c requirements.txt -o requirements-dev.txt
	$(COMPILE) --group gate -c requirements.txt -o requirements-gate.txt
	$(COMPILE) --group cpu -c requirements.txt -o requirements-cpu.txt
	echo uv | $(COMPILE) - -o requirements-uv.txt
	echo 'ray==2.60.*' | $(COMPILE) - -c requirements-dev.txt -o requirements-ray.txt
	echo cyclonedx-bom | $(COMPILE) - -o .ci/requirements-sbom.txt

# One process and one hash seed for each: TorchScript files list names in the order of their hashes.
sample-models: .venv/installed-dev
	PYTHONHASHSEED=0 $(BIN)/python -m sample_models.train digits_cnn
	PYTHONHASHSEED=0 $(BIN)/python -m sample_models.train digits_fcn

clean:
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(UV): requirements-uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "expected Python 3.11 or newer; found $$($(PYTHON) -V 2>&1); say make PYTHON=/path/to/python3.11" >&2; exit 3; }
	@$(PYTHON) -m venv .venv || \
		{ echo "expected Python's venv module; install it (Debian, Ubuntu: apt-get install python3-venv)" >&2; exit 3; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.txt
	@touch $@

.venv/installed: $(UV) requirements.txt pyproject.toml
	$(SYNC) -r requirements.txt
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

.venv/installed-dev: .venv/installed requirements-dev.txt
	$(SYNC) -r requirements-dev.txt
	@touch $@

# An environment that borrows the other's packages, so that all tests but those run without Ray.
.venv/ray/installed: .venv/installed-dev requirements-ray.txt
	$(BIN)/python -m venv --without-pip .venv/ray
	$(BIN)/python -c 'import site; print("import site; site.addsitedir(%r)" % site.getsitepackages()[0])' > \
		"$$(.venv/ray/bin/python -c 'import site; print(site.getsitepackages()[0])')/borrowed.pth"
	$(UV) pip install --quiet --python .venv/ray/bin/python --require-hashes -r requirements-ray.txt
	@touch $@
