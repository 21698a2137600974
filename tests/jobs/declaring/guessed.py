"""Tables with the declaration that a person would write of them: what `init` is measured against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from io import StringIO

import numpy as np
import pandas as pd
from sklearn import datasets


@dataclass(frozen=True)
class Known:
    """A table, its target, and the answer: by column its type, or its type and its role."""

    name: str
    table: Callable[[], pd.DataFrame]
    target: str
    task: str
    columns: dict[str, str]
    positive: str | None = None


def _breast_cancer() -> pd.DataFrame:
    bunch = datasets.load_breast_cancer(as_frame=True)
    table: pd.DataFrame = bunch.frame.assign(target=bunch.target_names[bunch.frame["target"]])
    return table


def _iris() -> pd.DataFrame:
    bunch = datasets.load_iris(as_frame=True)
    table: pd.DataFrame = bunch.frame.assign(target=bunch.target_names[bunch.frame["target"]]).rename(
        columns={"target": "species"}
    )
    return table


def _wine() -> pd.DataFrame:
    bunch = datasets.load_wine(as_frame=True)
    table: pd.DataFrame = bunch.frame.assign(target=bunch.target_names[bunch.frame["target"]]).rename(
        columns={"target": "cultivar"}
    )
    return table


def _shares() -> pd.DataFrame:
    """Prices of a share by day, with days as 19-Sep-03, the newest first."""
    text = files("matplotlib").joinpath("mpl-data", "sample_data", "msft.csv").read_text()
    return pd.read_csv(StringIO(text), dtype=str)


PACKAGED = [
    Known(
        "diabetes", lambda: datasets.load_diabetes(as_frame=True, scaled=False).frame, "target", "number",
        {"age": "number", "sex": "category", "bmi": "number", "bp": "number", "s1": "number", "s2": "number",
         "s3": "number", "s4": "number", "s5": "number", "s6": "number"},
    ),
    Known(
        "breast_cancer", _breast_cancer, "target", "binary",
        {name.replace(" ", "_"): "number" for name in datasets.load_breast_cancer().feature_names},
        "malignant",
    ),
    Known(
        "iris", _iris, "petal width (cm)", "number",
        {"sepal_length_cm": "number", "sepal_width_cm": "number", "petal_length_cm": "number", "species": "category"},
    ),
    Known(
        "wine", _wine, "color_intensity", "positive-number",
        {"alcohol": "number", "malic_acid": "number", "ash": "number", "alcalinity_of_ash": "number",
         "magnesium": "number", "total_phenols": "number", "flavanoids": "number", "nonflavanoid_phenols": "number",
         "proanthocyanins": "number", "hue": "number", "od280_od315_of_diluted_wines": "number", "proline": "number",
         "cultivar": "category"},
    ),
    Known(
        "shares", _shares, "Volume", "number",
        {"date": "date time", "open": "number", "high_value": "number", "low_value": "number", "close": "number",
         "adj_close": "number"},
    ),
]  # fmt: skip


def _loans() -> pd.DataFrame:
    draw = np.random.default_rng(1)
    n = 5_000
    state = draw.choice(["CA", "NY", "TX", "FL", "WA"], n, p=[0.4, 0.2, 0.2, 0.1, 0.1])
    issued = pd.Timestamp("2015-01-01") + pd.to_timedelta(np.sort(draw.integers(0, 700, n)), unit="D")
    kinds = draw.choice(["clerk", "nurse"], n)
    born = pd.Timestamp("1960-01-01") + pd.to_timedelta(draw.integers(0, 15_000, n), unit="D")
    return pd.DataFrame(
        {
            "loanID": 10_000_000 + draw.permutation(n),
            "issue_d": issued.strftime("%b-%Y"),
            "addr_state": state,
            "zip_code": [f"{one}{tail:02d}" for one, tail in zip(state, draw.integers(0, 40, n), strict=True)],
            "loan amnt": draw.integers(20, 1_600, n) * 25,
            "int_rate": draw.normal(12, 4, n).round(2),
            "emp_title": [f"{kind} {tail}" for kind, tail in zip(kinds, draw.integers(0, 10**6, n), strict=True)],
            "home": draw.choice(["RENT", "OWN", "MORTGAGE"], n),
            "joint": draw.choice(["Y", "N"], n, p=[0.05, 0.95]),
            "born": born.strftime("%d/%m/%Y"),
            "grade": draw.choice(list("ABCDEFG"), n),
            "inquiries": np.where(draw.random(n) < 0.1, np.nan, draw.integers(0, 6, n)),
            "class": np.where(draw.random(n) < 0.05, "bad", "good"),
        }
    )  # fmt: skip


def _energy() -> pd.DataFrame:
    draw = np.random.default_rng(2)
    n = 4_000
    at = pd.date_range("2024-01-01", periods=n, freq="h")
    return pd.DataFrame(
        {
            "timestamp": at.strftime("%Y-%m-%d %H:%M:%S"),
            "store_id": draw.integers(1, 21, n),
            "sensor": draw.choice(["north roof", "south roof"], n),
            "temperature": draw.normal(8, 9, n).round(1),
            "open": draw.integers(0, 2, n),
            "visitors": draw.poisson(20, n),
            "article": [f"{code:05d}" for code in draw.integers(0, 90, n)],
            "balance": draw.normal(0, 40, n).round(2),
        }
    )


GENERATED = [
    Known(
        "loans", _loans, "class", "binary",
        {"loan_id": "text key", "issue_d": "date time", "addr_state": "category place", "zip_code": "category",
         "loan_amnt": "integer", "int_rate": "number", "emp_title": "text", "home": "category", "joint": "boolean",
         "born": "date", "grade": "category", "inquiries": "integer"},
        "bad",
    ),
    Known(
        "energy", _energy, "balance", "number",
        {"timestamp": "date time", "store_id": "category place", "sensor": "category", "temperature": "number",
         "open": "boolean", "visitors": "integer", "article": "category"},
    ),
]  # fmt: skip
