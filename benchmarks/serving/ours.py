"""Relevo as the benchmarks run it: a version trained on real listings, MLflow and RAW, and the inference API itself."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xgboost
from sklearn.pipeline import Pipeline

from benchmarks.holdout.__main__ import Table, as_is, take
from benchmarks.policy.market import read
from benchmarks.serving.measuring import answers
from relevo_contract.graph_inputs import entries, graph_inputs, values_of
from relevo_demo.servers import MlflowServer, PostgresServer, S3Server
from relevo_demo.servers.process import Server
from relevo_jobs.stores import raw
from relevo_jobs.stores.postgres import bring_up_to_date
from relevo_jobs.train import fitting
from relevo_jobs.train.writing import write
from relevo_jobs.use_case import Context
from tests.houses import LISTINGS, OPTIONS

NAME = "Relevo, inputs stored"
ROUTES = "Relevo, FastAPI's routes alone, inputs stored"


def fitted(training: Table, trees: int) -> Pipeline:
    """A model of so many trees of depth 6 on Relevo's features; 0 is what Relevo trains by itself."""
    x, y = pd.DataFrame(graph_inputs(LISTINGS, training)), np.log(training["price"])
    if not trees:
        return fitting.fit(x, y, Context(LISTINGS, 0), OPTIONS)
    model = xgboost.XGBRegressor(n_estimators=trees, max_depth=6, learning_rate=0.05)
    return Pipeline([("features", fitting.blank(LISTINGS, OPTIONS, 0)), ("trees", model)]).fit(x, y)


def listings(file: Path) -> tuple[Table, Table]:
    """2,000 listings held out, and the others to train on."""
    table = as_is(read(file, LISTINGS))
    order = np.random.default_rng(0).permutation(len(table["price"]))
    return take(table, order[:2000]), take(table, order[2000:])


def rows_of(held: Table) -> list[dict[str, Any]]:
    """The rows as a client would send them."""
    found = []
    for row in range(len(held["price"])):
        values = values_of(LISTINGS, entries(held, LISTINGS.inputs, row))
        found.append({name: str(v) if isinstance(v, date) else v for name, v in values.items() if v is not None})
    return found


def write_version(folder: Path, training: Table, held: Table, trees: int) -> Pipeline:
    """Train a version into a folder that is made."""
    folder.mkdir()
    model = fitted(training, trees)
    write(folder, model, LISTINGS, training, held_out=held, batches=(1,), seed=0)
    return model


@contextmanager
def stores(folder: Path) -> Iterator[tuple[MlflowServer, str, Mapping[str, str]]]:
    """MLflow, RAW's address, and the environment to reach both by."""
    with ExitStack() as stack:
        postgres = stack.enter_context(PostgresServer(folder / "postgres"))
        s3 = stack.enter_context(S3Server(folder / "s3"))
        s3.create_bucket("relevo")
        env = {**postgres.env, **s3.env}
        os.environ.update(env)
        mlflow = stack.enter_context(
            MlflowServer(folder / "mlflow", backend=postgres.url("metadata"), s3_url=s3.url, bucket="relevo", env=env)
        )
        bring_up_to_date(postgres.url("raw"), raw.schema(LISTINGS))
        yield mlflow, postgres.url("raw"), env


def relevo(folder: Path, port: int, told: Mapping[str, str], name: str = NAME) -> Server:
    """The inference API, with its log and spool in the folder; by FastAPI's routes alone if it is named so."""
    told = {**told, "RELEVO_FAST_PATH": str(name != ROUTES).lower()}
    return Server(
        name, [sys.executable, "-m", "relevo_serving"], log=folder / "relevo.log",
        ready=answers(f"http://127.0.0.1:{port}/readyz"),
        env={**told, "RELEVO_PORT": str(port), "RELEVO_SPOOL": str(folder / "spool")},
    )  # fmt: skip
