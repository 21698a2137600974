"""What the data source serves: a user's file, generated listings, and how they are cut into batches."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relevo_demo.servers import free_port
from relevo_demo.source import batches, generator, listings
from relevo_demo.source.__main__ import prepare
from tests.houses import COLUMNS

HEADER = ",".join(COLUMNS)
ROW = "103378.0,for_sale,105000.0,3,2,0.12,1962661.0,Adjuntas,Puerto Rico,00601,920.0,"
OPEN = f'{ROW}"2019-01-01'
OVER_LINES = ROW.replace("Adjuntas", '"Adj\n\nuntas"')


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(("total", "count"), [(12885, 10), (700, 4), (170, 10), (50, 1), (40, 2)])
def test_batches_are_uneven_and_make_up_the_whole(total: int, count: int, seed: int) -> None:
    sizes = batches.cut(total, count, seed)
    assert len(sizes) == count
    assert sum(sizes) == total
    assert min(sizes) >= 1
    assert sizes == batches.cut(total, count, seed)
    if count >= 4 and total >= 700:
        assert 17 in sizes[1:]
        assert sizes[0] > total / count / 3, "the first batch must carry a model"


def test_too_few_listings_for_the_batches_are_refused() -> None:
    with pytest.raises(ValueError, match=r"at least 17 rows for each of 10 batches, got 100"):
        batches.cut(100, 10, 0)


def test_a_file_is_served_to_the_letter(tmp_path: Path) -> None:
    file = tmp_path / "listings.csv"
    file.write_text(f"{HEADER}\n{ROW}\n")
    (row,) = listings.read(file).rows(0, 1)
    assert '"price": 105000.0' in row
    assert '"bed": 3,' in row
    assert json.loads(row) == {
        "brokered_by": 103378.0, "status": "for_sale", "price": 105000.0, "bed": 3, "bath": 2, "acre_lot": 0.12,
        "street": 1962661.0, "city": "Adjuntas", "state": "Puerto Rico", "zip_code": "00601", "house_size": 920.0,
        "prev_sold_date": None,
    }  # fmt: skip


def test_columns_may_stand_in_another_order_beside_others(tmp_path: Path) -> None:
    file = tmp_path / "listings.csv"
    names = ["id", *reversed(COLUMNS)]
    file.write_text(",".join(names) + "\n" + ",".join(str(i) for i in range(len(names))) + "\n")
    (row,) = listings.read(file).rows(0, 1)
    assert list(json.loads(row)) == list(COLUMNS)


def test_batches_of_a_file_are_its_rows_in_order(tmp_path: Path) -> None:
    """Also with quoted line ends, an empty line, a byte order mark and line ends of Windows."""
    file = tmp_path / "listings.csv"
    rows = [ROW.replace("103378.0", str(number)) for number in range(200)]
    rows[7] = rows[7].replace("Adjuntas", '"Adjuntas,\r\nPueblo ""Ñ"""')
    file.write_bytes(("\ufeff" + "\r\n".join([HEADER, *rows[:50], "", *rows[50:]]) + "\r\n\r\n").encode())
    made = prepare(file, 5, 0)
    assert [len(batch) for batch in made] == batches.cut(200, 5, 0)
    told = [json.loads(row) for batch in made for row in batch]
    assert [row["brokered_by"] for row in told] == list(range(200))
    assert {row["city"] for row in told} == {"Adjuntas", 'Adjuntas,\r\nPueblo "Ñ"'}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (HEADER.encode() + b"\n", "the header alone"),
        (b"a,b\n1,2\n", "missing are brokered_by"),
        (HEADER.replace("price,", "").encode() + b"\n", "missing are price"),
        (HEADER.encode() + b"\n1,2,3\n", "line 2 of .*, got 3"),
        (f"{HEADER}\n\n\r\n{ROW}\n{ROW},\n".encode(), "line 5 of .*, got 13"),
        (f"{HEADER}\n{OVER_LINES}\n{ROW[1:]}\n{ROW}x,\n".encode(), "line 6 of .*, got 13"),
        (f'{HEADER}\n{ROW}\n{ROW}"2019-01-01\n{ROW}\n{ROW}\n'.encode(), "line 3 of .*never closed"),
        (f'{HEADER}\n{ROW}"2019-01-01\n'.encode() + f"{ROW}\n".encode() * 3000, "line 2 of .*never closed"),
        (f'{HEADER}\n{ROW}"2019"-01-01\n'.encode(), "line 2 of .*closing quote"),
        (f"{HEADER}\n{ROW}\n{ROW}\0\n".encode(), "line 3 of .*NUL"),
        (f"{HEADER}\n{ROW}\r{ROW}\n".encode(), "line 2 of .*CR alone"),
        (f"{HEADER}\r{ROW}\r{ROW}\r".encode(), "line 1 of .*CR alone"),
        (f"{HEADER},bed\n{ROW},4\n".encode(), "line 1 of .*bed"),
        (f"\n{HEADER}, price \n{ROW},4\n".encode(), "line 2 of .*price"),
        (HEADER.encode() + b"\n\xff\xfe\n", "UTF-8 in line 2 of .*0xff"),
        (f"{HEADER}\n{ROW}\n{ROW.replace('Adjuntas', 'Añasco')}\n".encode("latin-1"), "UTF-8 in line 3 of .*0xf1"),
        (f"{HEADER}\n{ROW}\n".encode("utf-16"), "UTF-8 in line 1"),
        (f"{HEADER}\n{ROW}\n".encode("utf-16-le"), "line 1 of .*NUL"),
    ],
)
def test_a_file_that_cannot_be_served_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "listings.csv"
    file.write_bytes(content)
    with pytest.raises(listings.ListingsError, match=said):
        listings.read(file)


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_a_file_with_another_separator_is_served_to_the_letter(tmp_path: Path, delimiter: str) -> None:
    file = tmp_path / "listings.csv"
    file.write_text(f"{HEADER}\n{ROW}\n".replace(",", delimiter).replace("0.12", "0,12"))
    (row,) = listings.read(file).rows(0, 1)
    assert json.loads(row)["acre_lot"] == "0,12"
    assert json.loads(row)["zip_code"] == "00601"


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8) | st.text("\"',;\t\r\n ", max_size=5)


@given(st.lists(st.lists(CELLS, min_size=12, max_size=12), min_size=1, max_size=5))
def test_whatever_a_file_holds_is_served_to_the_letter(rows: list[list[str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "listings.csv"
        with file.open("w", newline="", encoding="utf-8") as out:
            csv.writer(out).writerows([COLUMNS, *rows])
        served = listings.read(file)
    assert [*served.values()] == rows
    assert [*served.values(len(rows) - 1)] == rows[-1:]
    assert [len(json.loads(row)) for row in served.rows(0, len(rows))] == [12] * len(rows)


def test_the_file_with_an_unclosed_quote_is_refused_by_the_source_with_its_line(tmp_path: Path) -> None:
    """As `relevo-source` and the demo say it: the first hundred rows alone were served once."""
    file = tmp_path / "listings.csv"
    file.write_text("\n".join([HEADER, *[ROW] * 100, f'{ROW}"2019-01-01', *[ROW] * 199]) + "\n")
    done = subprocess.run(
        [sys.executable, "-m", "relevo_demo.source", "--data", str(file), "--batches", "2", "--port", str(free_port())],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "line 102 of" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(listings.ListingsError, match=r"nowhere\.csv"):
        listings.read(tmp_path / "nowhere.csv")


def test_generated_listings_are_the_same_for_the_same_seed() -> None:
    sizes = generator.sizes(10, 3)
    assert generator.generate(sizes, 3) == generator.generate(sizes, 3)
    assert generator.generate(sizes, 3) != generator.generate(sizes, 4)


def test_generated_listings_move_as_their_scenes_say() -> None:
    made = [
        [json.loads(row) for row in batch]
        for batch in generator.generate([400, 400, 400, 2500, 400, 2500, 400, 400, 400, 400], 0)
    ]
    states = [{row["state"] for row in batch} for batch in made]
    assert states[0] == states[1] == {"Puerto Rico"}
    assert states[2] > states[1], "a new region"
    sizes = [np.median([row["house_size"] for row in batch if row["house_size"]]) for batch in made]
    assert sizes[4] < sizes[3] / 5, "a column in another unit"
    prices = [
        np.median([row["price"] for row in made[batch] if row["state"] == "Puerto Rico" and (row["price"] or 0) > 1000])
        for batch in (3, 5)
    ]
    assert prices[1] > prices[0] * 1.15, "the price level shifts"
    assert 17 in generator.sizes(10, 0)
    for batch in made:
        for row in batch:
            assert tuple(row) == COLUMNS
