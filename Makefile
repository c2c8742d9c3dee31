# make demo | free-music | test [SLOW=1] [COVERAGE=1] | lint | env | pull | shipped-model | calibrations
# make schema | lock | clean
# A virtual environment's programs begin with a line that names this folder.
ODD := $(strip $(shell pwd | LC_ALL=C tr -d 'A-Za-z0-9/._+@~,=\n\200-\377-' | wc -c))
ifneq ($(ODD),0)
$(error $(CURDIR): the path of this folder holds a blank or a sign such as ', which programs of an \
  environment cannot have in theirs; move the folder, and call make there)
endif

PYTHON ?= python3
VENV := .venv
READY := $(VENV)/.ready
# Of torch the build for CPUs, a tenth of the size, where there is no NVIDIA driver.
CPU_TORCH := --extra-index-url https://download.pytorch.org/whl/cpu
TORCH_FLAGS := $(shell command -v nvidia-smi > /dev/null || echo $(CPU_TORCH))
# Processes that test, each with one thread for its small matrices.
WORKERS ?= 2
# Anything: tests on a real cluster, of killed jobs and of several runs, too, as .ci/run has them.
SLOW ?=
# Anything: less than 90 % of the library's lines run by tests is an error.
COVERAGE ?=
TORCH := $(shell grep '^torch==' requirements.lock)
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

# Modules stay compiled, also where this is set: jobs then start two to four times as fast.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: env demo free-music test lint pull shipped-model calibrations schema lock clean

env: $(READY)

# torch first: whatever needs it then finds it, instead of pulling another build.
$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --no-compile --no-deps $(TORCH_FLAGS) "$(TORCH)"
	$(VENV)/bin/pip install --quiet --no-compile -r requirements.lock
	$(VENV)/bin/pip install --quiet --no-deps --editable .
	touch $@

# What only make pull and its tests need.
$(VENV)/bin/dvc: requirements-dvc.lock $(READY)
	$(VENV)/bin/pip install --quiet --no-compile -r requirements.lock -r requirements-dvc.lock
	touch $@

demo: env
	snakemake --cores all
	@echo
	@cat results/demo/report/tables/main.txt
	@echo
	@echo "The report: $(CURDIR)/results/demo/report/index.html (open it in a browser)"

# The open benchmark on freely licensed music of Debian's packages, which apt downloads.
free-music: env
	snakemake --cores all --configfile config/free_music.yaml
	@echo
	@cat results/free_music/report/tables/main.txt
	@echo
	@echo "The report: $(CURDIR)/results/free_music/report/index.html (open it in a browser)"
	@echo "What is left out or differs from the recipes: results/free_music/data/deviations.csv"

test: env
	OPENBLAS_NUM_THREADS=1 python -m pytest $(if $(SLOW),,-m "not slow") \
		$(if $(COVERAGE),--cov=neuralsampleid --cov-fail-under=90) \
		--numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder

lint: env
	ruff check .
	ruff format --check .
	mypy
	snakefmt --check Snakefile rules upstream
	snakemake --lint

# Results that somebody has pushed. DVC keeps no modification times, so Snakemake is told that they
# are up to date.
pull: $(VENV)/bin/dvc
	dvc pull
	snakemake --cores 1 --touch

# The model that ships, trained again: hours (config/shipped_model.yaml).
shipped-model: env
	snakemake --cores all --set-threads pretrain=$$(nproc) --configfile config/shipped_model.yaml -- shipped_model
	mkdir -p neuralsampleid/models/shipped
	cp results/shipped_model/release/model.pt neuralsampleid/models/shipped/model.pt
	rm -f neuralsampleid/models/shipped/calibration.json # of the former weights
	cp results/shipped_model/release/model_card.md docs/model-card.md
	@echo "Calibrate it (make calibrations), and measure it on the demo and on the open benchmark for"
	@echo "docs/model-card-notes.md"

# How likely an answer of nsid is: fitted on the open benchmark's fitting split.
calibrations: env
	snakemake --cores all --configfile config/free_music.yaml config/calibrations.yaml -- calibrations
	cp results/calibrations/models/shipped/calibration.json neuralsampleid/models/shipped/calibration.json
	cp results/calibrations/fingerprints/landmarks/calibration.json neuralsampleid/landmarks/calibration.json

# What editors check configuration files with, from the models.
schema: env
	$(VENV)/bin/python -m neuralsampleid.config.schema config/schema.json

# From the environment as it is: change versions there, test, then lock them, for conda too.
lock: $(VENV)/bin/dvc
	$(VENV)/bin/python envs/pin.py

clean:
	rm -rf results .snakemake
