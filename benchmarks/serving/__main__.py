"""`make bench-serving`: requests a second for one row beside peers and limit, and the time of 1,000 rows at once."""

from __future__ import annotations

import argparse
import http.client
import json
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd

from benchmarks.serving.measuring import CONNECTIONS, ROOT, Figures, measure, post
from benchmarks.serving.ours import NAME, ROUTES, listings, relevo, rows_of, stores, write_version
from benchmarks.serving.peers import LIMIT, MLFLOW, PEERS
from relevo_contract import names
from relevo_contract.graph_inputs import graph_inputs
from relevo_demo.servers import free_port
from tests.houses import LISTINGS
from tests.versions import Versions

MANY = 1_000
REQUESTS = 200
EPILOG = """\
Each server runs alone, one process of it, with the load in a process of its own; a round takes them one by one. All
serve one booster of 300 trees of depth 6 and are asked for some hundred held-out houses in turn, one in a request. The
peers are given features, Relevo the raw row: it reads its values by their rules, predicts with an interval, and
keeps it in PostgreSQL.

bounds: at least 0.75 of the limit with 1 connection, 0.85 with 8, 0.5 by FastAPI's routes alone; 15 times mlflow models
serve and 1.6 times the best of the other peers; p99 at most 3.5 times the median; 1,000 rows in at most 1.6 times the
bare ONNX call and JSON parsing.

exit codes: 0 every bound holds, 1 one is missed"""


def many_rows(
    folder: Path, rows: list[dict[str, Any]], feeds: dict[str, np.ndarray[Any, Any]], port: int
) -> tuple[float, float]:
    """Seconds for 1,000 rows: over HTTP from Relevo, and of the bare ONNX call and JSON parsing, in turns."""
    request = post("/predict", {"instances": rows})
    body = request.split(b"\r\n\r\n", 1)[1]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(folder / names.ONNX_FILE, options, providers=["CPUExecutionProvider"])

    def bare() -> None:
        json.loads(body)
        session.run(None, feeds)

    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def over_http() -> None:
            connection.sendall(request)
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            answer.read()
            assert answer.status == 200, answer.status

        asked: list[float] = []
        alone: list[float] = []
        for _ in range(REQUESTS):
            for measured, what in ((asked, over_http), (alone, bare)):
                began = time.perf_counter()
                what()
                measured.append(time.perf_counter() - began)
    return statistics.median(asked), statistics.median(alone)


def main() -> int:
    """Measure, print the table, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="make bench-serving", description=(__doc__ or "").splitlines()[0], epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--data", type=Path, required=True, help="the listings, a CSV file with the twelve columns")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="rounds (default 3)")
    parser.add_argument("--seconds", type=float, default=5, metavar="S", help="of each measurement (default 5)")
    parser.add_argument("--trees", type=int, default=300, metavar="N", help="0: what Relevo trains (default 300)")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="servers whose name holds one of these")
    given = parser.parse_args()
    if not given.data.is_file():
        parser.error(f"--data: expected a CSV file, found none at {given.data}")
    held, training = listings(given.data)
    chosen = [p for p in PEERS if not given.only or any(word.casefold() in p.name.casefold() for word in given.only)]
    with tempfile.TemporaryDirectory(prefix="bench-serving-") as temporary:
        folder = Path(temporary)
        version = folder / "version"
        model = write_version(version, training, held, given.trees)
        feeds = {name: column[:MANY] for name, column in graph_inputs(LISTINGS, held).items()}
        features = model["features"].transform(pd.DataFrame(feeds))
        sent = rows_of(held)[:MANY]
        whole = np.flatnonzero(~np.isnan(features).any(axis=1)).tolist()  # not every peer takes a missing value
        rows = features[whole].astype(float).tolist()
        booster = folder / "model.ubj"
        model["trees"].save_model(booster)
        found: dict[str, Figures] = {}
        with stores(folder) as (mlflow, raw_url, env):
            versions = Versions(mlflow.url, "house-prices")
            versions.promote(versions.register(version))
            port = free_port()
            told = {**env, "MLFLOW_TRACKING_URI": mlflow.url, "RELEVO_RAW_URL": raw_url}
            for number in range(given.rounds):
                for peer in chosen:
                    print(f"round {number + 1} of {given.rounds}: {peer.name}", file=sys.stderr)
                    peer.install(ROOT / ".tools" / "bin" / "uv", booster)
                    taken = free_port()
                    requests = [post(peer.path, peer.body([row])) for row in rows]
                    measure(found.setdefault(peer.name, Figures()), peer.server(taken), requests, taken, given.seconds)
                requests = [post("/predict", {"instances": [sent[row]]}) for row in whole]
                for name in (NAME, ROUTES):
                    print(f"round {number + 1} of {given.rounds}: {name}", file=sys.stderr)
                    ours = relevo(folder, port, told, name)
                    measure(found.setdefault(name, Figures()), ours, requests, port, given.seconds)
            with relevo(folder, port, told):
                asked, alone = many_rows(version, sent, feeds, port)
        return report(found, asked, alone)


def report(found: Mapping[str, Figures], asked: float, alone: float) -> int:
    """Print the table; 1 if a bound is missed."""
    print("\n| server | 1 connection, requests a second | p99 by median | 8 connections | p99 by median | MB |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, figures in sorted(found.items(), key=lambda item: item[1].rate(1)):
        cells = [f"{figures.rate(c):,.0f} | {figures.tail(c):.1f}" for c in CONNECTIONS]
        print(f"| {name} | {' | '.join(cells)} | {figures.megabytes:,.0f} |")
    missed = []
    others = [name for name in found if name not in {NAME, ROUTES, LIMIT, MLFLOW}]
    for connections in CONNECTIONS:
        rates = {name: figures.rate(connections) for name, figures in found.items()}
        bounds = [(NAME, LIMIT, 0.75 if connections == 1 else 0.85), (ROUTES, LIMIT, 0.5), (NAME, MLFLOW, 15.0)]
        bounds += [(NAME, max(others, key=lambda name: rates[name]), 1.6)] if others else []
        for ours, peer, bound in bounds:
            if peer in found:
                times = rates[ours] / rates[peer]
                print(f"{ours}: {times:.2f} times {peer} with {connections} connections (bound {bound})")
                missed += [peer] if times < bound else []
        missed += ["p99"] if found[NAME].tail(connections) > 3.5 else []
    print(f"1,000 rows: {asked * 1000:.1f} ms, bare {alone * 1000:.1f} ms, {asked / alone:.2f} times (bound 1.6)")
    missed += ["1,000 rows"] if asked / alone > 1.6 else []
    print("every bound holds" if not missed else f"missed: {', '.join(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
