"""Files as a source: each is a batch, once, to the letter, whatever comes later and wherever collect is killed."""

from __future__ import annotations

import datetime
import decimal
import gzip
import io
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from threading import Thread
from typing import Any

import boto3
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from relevo_demo.servers import S3Server
from relevo_jobs.errors import ConflictingBatch, MalformedAnswer, RepeatedBatch, SettingsError, StepError
from tests.jobs.holdings import query
from tests.jobs.sources.conftest import Site, csv, rides, settle
from tests.killing import run_killed, run_step


def parquet(first: int, count: int, **options: Any) -> bytes:
    """A Parquet file of the same rides."""
    ids = list(range(first, first + count))
    columns = {
        "id": ids, "place": [f"place, {i % 3}" for i in ids], "km": [i / 10 for i in ids],
        "minutes": [float(i * 2 - 5) for i in ids],
    }  # fmt: skip
    written = io.BytesIO()
    pq.write_table(pa.table(columns), written, **options)
    return written.getvalue()


def plain(rows: list[tuple[str | None, ...]]) -> list[tuple[str | None, ...]]:
    """The rows without needless zeros, as numbers come out of Parquet."""
    return [tuple(value and value.removesuffix(".0") for value in row) for row in rows]


FILES = {"a.csv": csv(0, 5), "b.csv.gz": gzip.compress(csv(5, 7)), "c.parquet": parquet(12, 6), "notes.txt": b"hello"}


def test_each_file_is_a_batch_in_the_order_of_names_and_its_body_is_kept_exactly(site: Site) -> None:
    for name, content in FILES.items():
        site.write(name, content)
    outcomes = site.all()
    assert [(one.batch, one.details["rows"]) for one in outcomes] == [(1, 5), (2, 7), (3, 6)]
    assert [origin for *_, origin in site.batches()] == [{"file": name, "row": 0} for name in list(FILES)[:3]]
    assert site.seen == [csv(0, 5), csv(5, 7), FILES["c.parquet"]]
    assert site.rows() == [*rides(0, 12), *plain(rides(12, 6))]
    assert site.collect().code == 99


@pytest.mark.parametrize("rows", [1, 3, 5, 100])
def test_files_are_cut_into_batches_of_so_many_rows_each_a_table_on_its_own(site: Site, rows: int) -> None:
    site.source = f"files: {{path: data, rows: {rows}}}"
    for name, content in FILES.items():
        site.write(name, content)
    site.write("c.parquet", parquet(12, 6, row_group_size=4))
    site.all()
    assert site.rows() == [*rides(0, 12), *plain(rides(12, 6))]
    counts = [count for _, count, _ in site.batches()]
    assert max(counts) <= rows
    assert sum(counts) == 18
    head = csv(0, 0)
    assert all(body.startswith((head, b'{"id"')) for body in site.seen)
    assert b"".join(one.removeprefix(head) for one in site.seen[: -(-5 // rows)]) == csv(0, 5).removeprefix(head)


def test_files_of_a_bucket_are_the_same_as_those_of_a_folder(site: Site, bucket: str) -> None:
    client = site.client
    client.create_bucket(Bucket=bucket)
    for name, content in FILES.items():
        client.put_object(Bucket=bucket, Key=f"lake/rides/{name}", Body=content)
    client.put_object(Bucket=bucket, Key="lake/rides/deeper/d.csv", Body=csv(90, 1))
    client.put_object(Bucket=bucket, Key="lake/rides-of-others/d.csv", Body=csv(90, 1))
    site.source = f"files: {{path: 's3://{bucket}/lake/rides', rows: 4}}"
    site.all()
    assert site.rows() == [*rides(0, 12), *plain(rides(12, 6))]
    client.put_object(Bucket=bucket, Key="lake/rides/a.csv", Body=csv(0, 5))
    assert site.collect().code == 99, "the same content under another ETag is the same file"
    client.put_object(Bucket=bucket, Key="lake/rides/a.csv", Body=csv(1, 5))
    with pytest.raises(ConflictingBatch, match=r"a\.csv"):
        site.collect()


@pytest.fixture
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """An S3 of somebody else's, whose keys are its own, with rides in a bucket."""
    with S3Server(tmp_path_factory.mktemp("theirs")) as server:
        server.create_bucket("lake")
        client(server).put_object(Bucket="lake", Key="rides/a.csv", Body=csv(0, 5))
        yield server


def client(server: S3Server) -> Any:
    keys = {
        "aws_access_key_id": server.env["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": server.env["AWS_SECRET_ACCESS_KEY"],
    }
    return boto3.client("s3", endpoint_url=server.url, region_name="us-east-1", **keys)


def with_secret(site: Site, server: S3Server) -> None:
    """Declare the bucket of somebody else's and have its Secret in the environment, as a step has it."""
    site.source = "files: {path: 's3://lake/rides', secretName: lake-of-others}"
    secret = {
        "endpoint_url": server.url, "access_key": server.env["AWS_ACCESS_KEY_ID"],
        "secret_key": server.env["AWS_SECRET_ACCESS_KEY"],
    }  # fmt: skip
    site.settings = site.settings.model_copy(update={f"files_{name}": value for name, value in secret.items()})


def test_a_bucket_of_somebody_elses_is_read_with_its_own_secret_and_ours_keeps_the_body(
    site: Site, theirs: S3Server
) -> None:
    with_secret(site, theirs)
    site.all()
    assert site.rows() == rides(0, 5)
    assert len(site.batches()) == 1, "the body is in our bucket"
    assert [one["Key"] for one in client(theirs).list_objects_v2(Bucket="lake")["Contents"]] == ["rides/a.csv"]


@pytest.mark.parametrize("missing", ["endpoint_url", "access_key", "secret_key"])
def test_a_secret_is_whole_and_no_key_of_ours_stands_in(site: Site, missing: str) -> None:
    site.source = "files: {path: 's3://lake/rides', secretName: lake-of-others}"
    secret = {"endpoint_url": site.s3.url, "access_key": "theirs", "secret_key": "theirs"}
    given = {f"files_{name}": value for name, value in secret.items() if name != missing}
    site.settings = site.settings.model_copy(update=given)
    with pytest.raises(SettingsError, match=r"all of the Secret lake-of-others.*RELEVO_FILES_ENDPOINT_URL"):
        site.collect()


def test_keys_go_to_the_address_beside_them_alone(site: Site, theirs: S3Server) -> None:
    """Neither ours to theirs, nor theirs to ours or to where theirs points."""
    signed: dict[str, list[str]] = {"asked": [], "pointed to": []}

    def serve(name: str, to: str | None) -> ThreadingHTTPServer:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                signed[name].append(self.headers["Authorization"])
                self.send_response(200 if to is None else 307)
                self.send_header("Location", f"{to}{self.path}")
                self.send_header("x-amz-bucket-region", "eu-west-1")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=server.serve_forever, daemon=True).start()
        return server

    far = serve("pointed to", None)
    near = serve("asked", f"http://127.0.0.1:{far.server_port}")
    try:
        with_secret(site, theirs)
        update = {"files_endpoint_url": f"http://127.0.0.1:{near.server_port}"}
        site.settings = site.settings.model_copy(update=update)
        with pytest.raises(StepError):
            site.collect()
    finally:
        far.shutdown()
        near.shutdown()
    assert signed["asked"]
    assert all(f"Credential={theirs.env['AWS_ACCESS_KEY_ID']}/" in one for one in signed["asked"])
    assert signed["pointed to"] == []
    site.settings = site.settings.model_copy(update={"files_endpoint_url": site.s3.url})
    with pytest.raises(SettingsError, match=r"refused bucket lake"):
        site.collect()


def test_a_secret_beside_a_folder_is_refused_when_it_is_read(site: Site) -> None:
    site.source = "files: {path: data, secretName: lake-of-others}"
    with pytest.raises(ValueError, match="expected secretName beside an s3://BUCKET/PREFIX alone"):
        _ = site.use_case


def test_a_bucket_that_is_not_there_is_told(site: Site) -> None:
    site.source = "files: {path: 's3://no-such-bucket/lake'}"
    with pytest.raises(SettingsError, match=r"path of source\.files"):
        site.collect()


def test_a_file_with_an_earlier_name_that_comes_later_is_collected_and_told(site: Site) -> None:
    site.write("b.csv", csv(5, 5))
    site.all()
    site.write("a.csv", csv(0, 5))
    assert "a.csv stands before files" in site.collect().sentence
    assert site.rows() == [*rides(5, 5), *rides(0, 5)]


@pytest.mark.parametrize("rows", [None, 2])
@pytest.mark.parametrize("content", [csv(0, 6), csv(1, 5), csv(0, 4), b""], ids=["more", "same size", "fewer", "empty"])
def test_a_file_that_changed_after_it_was_collected_is_told_and_nothing_is_written(
    site: Site, content: bytes, rows: int | None
) -> None:
    site.source = f"files: {{path: data, rows: {rows or 'null'}}}"
    site.write("a.csv", csv(0, 5))
    site.collect()
    before = site.rows()
    path = site.write("a.csv", content)
    with pytest.raises(ConflictingBatch, match=r"a\.csv as it was collected"):
        site.collect()
    assert site.rows() == before
    path.write_bytes(csv(0, 5))
    settle(path)
    site.all()
    assert site.rows() == rides(0, 5)


def test_the_same_bytes_under_another_name_land_once(site: Site) -> None:
    site.write("a.csv", csv(0, 5))
    site.write("a (copy).csv", csv(0, 5))
    assert len(site.all()) == 1
    assert site.rows() == rides(0, 5)


def test_pieces_of_a_file_with_the_same_rows_are_all_kept(site: Site) -> None:
    site.source = "files: {path: data, rows: 1}"
    site.write("a.csv", b"id,place,km,minutes\n" + b"1,x,2,3\n" * 3)
    assert len(site.all()) == 3


def test_an_empty_file_waits_until_it_has_rows(site: Site) -> None:
    site.write("a.csv", b"")
    site.write("b.csv", csv(0, 0))
    site.write("c.parquet", parquet(0, 0))
    assert site.collect().code == 99
    site.write("b.csv", csv(0, 2))
    assert len(site.all()) == 1
    assert site.rows() == rides(0, 2)


def test_a_file_that_is_being_written_is_left_alone(site: Site) -> None:
    (site.data / ".a.csv").write_bytes(csv(7, 1)[:20])
    path = site.data / "a.csv"
    path.write_bytes(csv(0, 5)[:30])
    now = time.time()
    os.utime(path, (now, now))
    with pytest.raises(RepeatedBatch, match=r"a\.csv is being written"):
        site.collect()
    path.write_bytes(csv(0, 5))
    patient = site.settings.model_copy(update={"repeat_wait": 30.0})
    site.settings = patient
    assert site.collect().details["rows"] == 5


def test_a_file_that_grows_while_it_is_read_is_not_kept(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    from relevo_jobs.collect import from_files  # noqa: PLC0415

    path = site.write("a.csv", csv(0, 5))
    original = from_files.pieces

    def growing(*args: Any) -> Any:
        path.write_bytes(csv(0, 9))
        return original(*args)

    with monkeypatch.context() as patched:
        patched.setattr(from_files, "pieces", growing)
        with pytest.raises(RepeatedBatch):
            site.collect()
    settle(path)
    site.all()
    assert site.rows() == rides(0, 9)


WRONG = {
    "latin.csv": ("é,place,km,minutes\n1,ñ,2,3\n".encode("latin-1"), "UTF-8"),
    "short.csv": (csv(0, 3) + b"4,x\n", "4 values in each row.*got 2 in line 5"),
    "open.csv": (csv(0, 3) + b'4,"x,1,2\n', "quote is opened"),
    "twice.csv": (b"id,place,km,km,minutes\n1,x,2,3,4\n", "'km' stands twice"),
    "no-header.csv": (b"1,x,2,3\n2,x,3,4\n", "columns id, place.*'1', 'x'"),
    "wide.csv": (",".join(["id", *(f"c{i}" for i in range(2_000))]).encode() + b"\n", "at most 1,600 columns"),
    "long.csv": (b"id,place,km,minutes\n1," + b"x" * 2**21 + b",2,3\n", "at most 1,048,576 bytes"),
    "utf16.csv": (csv(0, 2).decode().encode("utf-16"), "UTF-8"),
    "cut.csv.gz": (gzip.compress(csv(0, 50_000))[:-20], "whole gzip"),
    "no.csv.gz": (csv(0, 5), "whole gzip"),
    "cut.parquet": (parquet(0, 50)[:-20], "whole Parquet file"),
    "no.parquet": (csv(0, 5), "whole Parquet file"),
    "damaged.parquet": (b"PAR1" + b"x" * 50 + (40).to_bytes(4, "little") + b"PAR1", "cannot be read"),
    "wide.parquet": (b"", "at most 1,600 columns"),
}


@pytest.mark.parametrize("rows", ["null", "2"])
@pytest.mark.parametrize("name", WRONG)
def test_a_file_that_is_wrong_is_told_by_name_and_nothing_is_written(site: Site, name: str, rows: str) -> None:
    content, says = WRONG[name]
    if name == "wide.parquet":
        written = io.BytesIO()
        pq.write_table(pa.table({f"c{i}": [1] for i in range(1_601)}), written)
        content = written.getvalue()
    site.source = f"files: {{path: data, rows: {rows}}}"
    if name.startswith("cut.csv") and rows != "null":
        site.source = "files: {path: data, rows: 100000}"
    if name in {"short.csv", "open.csv"} and rows != "null":
        site.source = "files: {path: data, rows: 10}"
    site.write(name, content)
    with pytest.raises(MalformedAnswer, match=says) as caught:
        site.collect()
    assert name in str(caught.value)
    assert len(str(caught.value)) < 700
    assert site.batches() == []
    assert query(site.settings.raw_url, "select count(*) from raw.source_files") == [(0,)]


def test_what_a_header_lacks_or_has_more_is_told_and_the_rest_is_kept(site: Site) -> None:
    site.write("a.csv", "\ufeffminutes;id;place;colour\n3;1;x;red\n".encode())
    outcome = site.collect()
    assert (outcome.details["missing_columns"], outcome.details["extra_columns"]) == (["km"], ["colour"])
    assert site.rows() == [("1", "x", None, "3")]


def test_a_batch_larger_than_it_may_be_is_told_and_cut_it_is_collected(site: Site) -> None:
    site.settings = site.settings.model_copy(update={"source_most_bytes": 2_000})
    for name, content in {"a.csv.gz": gzip.compress(csv(0, 500)), "b.parquet": parquet(0, 5_000)}.items():
        path = site.write(name, content)
        with pytest.raises(MalformedAnswer, match=r"at most 2,000 bytes.*RELEVO_SOURCE_MOST_BYTES"):
            site.collect()
        path.unlink()
    site.write("a.csv.gz", gzip.compress(csv(0, 500)))
    site.source = "files: {path: data, rows: 50}"
    assert len(site.all()) == 10
    assert site.rows() == rides(0, 500)


@cache
def hostile(kind: str) -> bytes:
    """A small Parquet file that decodes to more than half a gigabyte in one page, one row, or a thousand rows."""
    written = io.BytesIO()
    options: dict[str, Any] = {
        "compression": "zstd", "data_page_size": 2**30, "write_batch_size": 2**30, "write_statistics": False,
    }  # fmt: skip
    match kind:
        case "lying page":
            return lying(hostile("page"))
        case "page":
            columns = {"place": pa.array(["a" * 10_000_000] * 60)}
            options["use_dictionary"] = False
        case "value that is repeated":
            columns = {"place": pa.array(["a" * 3_000_000] * 250)}
            options["dictionary_pagesize_limit"] = 2**30
        case _:
            numbers = pa.array(np.zeros(80_000_000, "i8"))
            columns = {"place": pa.ListArray.from_arrays(pa.array([0, len(numbers)], pa.int32()), numbers)}
    pq.write_table(pa.table(columns), written, **options)
    return written.getvalue()


def varint(number: int, width: int = 0) -> bytes:
    """A whole number as Thrift's compact protocol has it, of so many bytes at least."""
    number, found = number * 2, list[int]()
    while number > 127 or len(found) < width - 1:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def lying(content: bytes) -> bytes:
    """The file with sizes in its metadata that say a kilobyte."""
    start = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    about = pq.read_metadata(io.BytesIO(content)).row_group(0)
    footer = content[start:]
    for size in {about.total_byte_size, about.column(0).total_uncompressed_size}:
        assert varint(size) in footer
        footer = footer.replace(varint(size), varint(1_000, len(varint(size))))
    changed = content[:start] + footer
    assert pq.read_metadata(io.BytesIO(changed)).row_group(0).total_byte_size == 1_000
    return changed


MEASURED = """
import pathlib, sys
from relevo_jobs.cli import main
code = main(["collect"])
status = dict(line.split(":", 1) for line in pathlib.Path("/proc/self/status").read_text().splitlines())
print(status["VmHWM"].split()[0], file=sys.stderr)
sys.exit(code)
"""
"""collect, and the most memory that it had, in KiB; what the kernel adds up of children has their parent's in it."""


@pytest.mark.parametrize("rows", ["null", "10"])
@pytest.mark.parametrize("kind", ["page", "lying page", "value that is repeated", "list"])
def test_kilobytes_of_parquet_that_become_gigabytes_cost_collect_little(site: Site, kind: str, rows: str) -> None:
    """Whatever its metadata says, collect stays within the gigabyte that its pod may have."""
    content = hostile(kind)
    assert len(content) < 100_000
    site.write("a.parquet", content)
    site.source = f"files: {{path: data, rows: {rows}}}"
    _written(site)
    ran = subprocess.run(
        [sys.executable, "-c", MEASURED], env=site.env, capture_output=True, text=True, check=False, timeout=200
    )
    assert ran.returncode == MalformedAnswer.exit_code, ran.stderr
    assert "a.parquet to be read in 536,870,912 bytes of memory" in ran.stdout
    assert int(ran.stderr.split()[-1]) < 2**20, "KiB"
    assert site.batches() == []


@pytest.mark.parametrize("rows", ["null", "1000"])
def test_parquet_that_has_other_rows_than_it_says_is_refused(site: Site, rows: str) -> None:
    content = parquet(0, 300)
    start = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    site.write("a.parquet", content[:start] + content[start:].replace(varint(300), varint(8_000)))
    site.source = f"files: {{path: data, rows: {rows}}}"
    with pytest.raises(MalformedAnswer, match=r"a\.parquet"):
        site.collect()
    assert site.batches() == []


def test_a_folder_that_is_not_there_and_a_pattern_that_finds_no_table_are_told(site: Site) -> None:
    with pytest.raises(SettingsError, match="folder of files"):
        site.collect()
    site.write("a.txt", b"x")
    with pytest.raises(SettingsError, match=r"\.csv, \.csv\.gz, \.parquet.*a\.txt"):
        site.collect()


def test_the_rest_of_a_file_that_is_gone_is_missed(site: Site) -> None:
    site.source = "files: {path: data, rows: 2}"
    path = site.write("a.csv", csv(0, 5))
    site.collect()
    path.unlink()
    site.write("b.csv", csv(5, 2))
    with pytest.raises(MalformedAnswer, match=r"a\.csv, which is collected to row 2"):
        site.collect()


def test_values_of_parquet_become_the_texts_that_people_write(site: Site) -> None:
    zoned = datetime.datetime(2020, 5, 31, 10, tzinfo=datetime.UTC)
    table = pa.table({
        "id": pa.array([1, None], pa.int64()), "place": pa.array(["x", "a\0b"]).dictionary_encode(),
        "km": pa.array([0.1, float("nan")], pa.float32()), "minutes": pa.array([105000.0, 1.25], pa.float64()),
        "day": pa.array([datetime.date(2020, 5, 31), None]), "at": pa.array([zoned, None], pa.timestamp("ns", "UTC")),
        "yes": [True, False], "cost": pa.array([decimal.Decimal("1.50"), decimal.Decimal("100.00")]),
    })  # fmt: skip
    pq.write_table(table, site.data / "a.parquet")
    settle(site.data / "a.parquet")
    site.source = "files: {path: data, rows: 10}"
    site.collect()
    site.batches()
    assert site.rows() == [("1", "x", "0.1", "105000"), (None, "a\ufffdb", None, "1.25")]
    for text in ('"day": "2020-05-31"', '"at": "2020-05-31T10:00:00+00:00"', '"yes": "true"', '"cost": "1.5"'):
        assert text in site.seen[0].decode()
    assert '"cost": "100"' in site.seen[0].decode()


# Each place where a run can end for good, on a file that is cut.
DEATHS = [
    ("relevo_jobs.collect.folders:Folder.expect_same", "after", 1),
    ("relevo_jobs.collect.from_files:Files._kept", "after", 1),
    ("relevo_jobs.stores.bucket:Bucket.put", "before", 1),
    ("relevo_jobs.stores.bucket:Bucket.put", "after", 1),
    ("relevo_jobs.stores.raw:RawStore._copy", "after", 1),
    ("relevo_jobs.stores.source_files:note", "after", 1),
    ("relevo_jobs.stores.raw:RawStore.add", "after", 1),
    ("relevo_jobs.cli:report", "before", 1),
]


@pytest.mark.parametrize(("target", "when", "call"), DEATHS)
@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_killed_anywhere_and_run_again_raw_holds_each_row_once(
    site: Site, name: str, target: str, when: str, call: int
) -> None:
    site.source = "files: {path: data, rows: 3}"
    content = csv(0, 8) if name == "a.csv" else parquet(0, 8)
    site.write(name, content)
    site.collect()
    run_killed("collect", site.env, target, "before" if when == "before" else "after", call=call)
    assert len(site.batches()) in {1, 2}
    code, line, stderr = run_step("collect", site.env)
    assert code == 0, stderr
    assert line["origin"]["file"] == name
    site.all()
    assert site.rows() == (rides(0, 8) if name == "a.csv" else plain(rides(0, 8)))
    assert [origin["row"] for *_, origin in site.batches()] == [0, 3, 6]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=8),
                             min_size=4, max_size=4), min_size=1, max_size=12),
    rows=st.integers(1, 6), delimiter=st.sampled_from(",;\t"), end=st.sampled_from(["\n", "\r\n"]),
)  # fmt: skip
def test_any_values_come_to_the_letter_however_the_file_is_cut(
    tmp_path: Path, values: list[list[str]], rows: int, delimiter: str, end: str
) -> None:
    """Pieces put together are the file, and each is read as Python's own reader reads the whole."""
    import csv as python_csv  # noqa: PLC0415

    from relevo_jobs.collect.delimited import Delimited  # noqa: PLC0415

    text = io.StringIO(newline="")
    writer = python_csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=python_csv.QUOTE_ALL)
    writer.writerow(["id", "place", "km", "minutes"])
    writer.writerows(values)
    content = text.getvalue().encode()
    source = Delimited(lambda byte: [content[byte:]], ("id", "place", "km", "minutes"), "a.csv")
    assert [list(row) for row in source.rows()] == values
    places = [0]
    pieces: list[bytes] = []
    while piece := b"".join(source.cut(places[-1], rows)):
        pieces.append(piece)
        places.append((places[-1] or len(source.head)) + len(piece))
    assert source.head + b"".join(pieces) == content
    assert all(before < after for before, after in pairwise(places))
    again = [
        list(row)
        for piece in pieces
        for row in Delimited(lambda byte, one=piece: [(source.head + one)[byte:]],  # type: ignore[misc]
                             ("id", "place", "km", "minutes"), "piece").rows()
    ]  # fmt: skip
    assert again == values


def test_a_use_case_without_an_address_says_which_setting_is_missing(site: Site) -> None:
    site.source = "http: {group: 1}"
    with pytest.raises(SettingsError, match="RELEVO_SOURCE_URL"):
        site.collect()


def test_errors_are_the_steps_own(site: Site) -> None:
    site.write("a.csv", b"x\n1\n")
    code, line, _ = run_step("collect", {**site.env, "RELEVO_USE_CASE": str(_written(site))})
    assert (code, line["error"]) == (MalformedAnswer.exit_code, "MalformedAnswer")
    assert issubclass(MalformedAnswer, StepError)


def _written(site: Site) -> Path:
    assert site.use_case.name == "rides"
    return site.folder / "use_case.yaml"
