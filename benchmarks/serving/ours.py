"""Relevo as the benchmarks run it: a version trained on real listings, MLflow and RAW, and the inference API itself."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import xgboost

from benchmarks.holdout.__main__ import Table, as_is, take
from benchmarks.policy.market import read
from benchmarks.serving.measuring import answers
from relevo_demo.servers import MlflowServer, PostgresServer, S3Server
from relevo_demo.servers.process import Server
from relevo_jobs.stores import raw
from relevo_jobs.stores.postgres import bring_up_to_date
from relevo_jobs.train import bundle, fitting
from relevo_jobs.train.encoding import Rows, learn, out_of_fold

NAME = "Relevo, inputs stored"


def fitted(training: Table, trees: int) -> fitting.Fitted:
    """A model of so many trees of depth 6 on Relevo's features; 0 is what Relevo trains by itself."""
    if not trees:
        return fitting.fit(training, seed=0, threads=0)
    rows = Rows.of(training)
    encoder = learn(rows)
    matrix = xgboost.DMatrix(out_of_fold(rows, 0), label=rows.log_price, feature_names=list(encoder.feature_names))
    parameters: fitting.Parameters = {"max_depth": 6, "eta": 0.05, "base_score": float(rows.log_price.mean())}
    return fitting.Fitted(encoder, xgboost.train(parameters, matrix, trees), parameters)


def listings(file: Path) -> tuple[Table, Table]:
    """2,000 listings held out, and the others to train on."""
    table = as_is(read(file))
    order = np.random.default_rng(0).permutation(len(table["price"]))
    return take(table, order[:2000]), take(table, order[2000:])


def houses_of(held: Table) -> list[dict[str, Any]]:
    """The rows as a client would send them."""
    rows = range(len(held["price"]))
    return [json.loads(bundle.house_at(held, row).model_dump_json(exclude_none=True)) for row in rows]


def write_version(folder: Path, training: Table, held: Table, trees: int) -> fitting.Fitted:
    """Train a version into a folder that is made."""
    folder.mkdir()
    model = fitted(training, trees)
    bundle.write(folder, model, training, holdout_columns=held, batches=(1,), seed=0)
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
        bring_up_to_date(postgres.url("raw"), raw.SCHEMA)
        yield mlflow, postgres.url("raw"), env


def relevo(folder: Path, port: int, told: Mapping[str, str]) -> Server:
    """The inference API, with its log and spool in the folder."""
    return Server(
        NAME, [sys.executable, "-m", "relevo_serving"], log=folder / "relevo.log",
        ready=answers(f"http://127.0.0.1:{port}/readyz"),
        env={**told, "RELEVO_PORT": str(port), "RELEVO_SPOOL": str(folder / "spool")},
    )  # fmt: skip
