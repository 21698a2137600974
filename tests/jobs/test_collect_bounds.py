"""collect against a source that sends too much: refused by name, RAW unchanged; memory does not grow with a body."""

from __future__ import annotations

import gzip
import hashlib
import json
import resource
import tracemalloc
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from itertools import islice
from typing import Any

import pytest

from relevo_jobs.collect import answers, rows, step
from relevo_jobs.collect.body import IN_MEMORY, Body
from relevo_jobs.collect.members import LONGEST
from relevo_jobs.errors import MalformedAnswer, Unavailable
from relevo_jobs.settings import CollectSettings
from relevo_jobs.stores.bucket import Bucket
from tests.houses import COLUMNS, HOUSES
from tests.jobs.holdings import assert_holds, raw_batches
from tests.jobs.scripted_source import Fault, Script, body, listing
from tests.killing import run_step

ROW = listing(2, 0)


@pytest.fixture
def settings(collect_settings: CollectSettings) -> CollectSettings:
    return collect_settings


def packed(content: bytes, packing: str = "gzip") -> Fault:
    """An answer with this body, whose headers say that it is packed."""

    def send(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Content-Encoding", packing)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return Fault(send)


def bomb(size: int) -> bytes:
    """A body of one long list of spaces, as gzip."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    part = b" " * 2**20
    begun = packer.compress(b'{"data": [')
    return begun + b"".join(packer.compress(part) for _ in range(size >> 20)) + packer.flush()


def refused(settings: CollectSettings, source: Script, says: str) -> None:
    """The next answer is refused with these words, RAW stays, and the run after it goes on."""
    with pytest.raises(MalformedAnswer, match=says) as caught:
        step.run(settings, HOUSES)
    assert len(str(caught.value)) < 600
    assert_holds(settings, source.bodies[:1])
    assert step.run(settings, HOUSES).batch == 2
    assert_holds(settings, source.bodies[:2])


def test_a_body_that_unpacks_to_more_than_it_may_is_refused(settings: CollectSettings, source: Script) -> None:
    step.run(settings, HOUSES)
    source.faults.append(packed(bomb(2**26)))
    few = settings.model_copy(update={"source_most_bytes": 2**25})
    refused(few, source, "at most 33,554,432 bytes, got more.*RELEVO_SOURCE_MOST_BYTES")


def test_two_megabytes_that_become_gigabytes_cost_collect_little(
    settings: CollectSettings, source: Script, data_env: dict[str, str]
) -> None:
    code, _, stderr = run_step("collect", data_env)
    assert code == 0, stderr
    ordinary = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    content = bomb(2**31)
    assert len(content) < 2_200_000
    source.faults.append(packed(content))
    code, line, stderr = run_step("collect", data_env)
    assert (code, line["error"]) == (MalformedAnswer.exit_code, "MalformedAnswer"), stderr
    assert "at most 1,073,741,824 bytes" in line["sentence"]
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < ordinary + 32 * 1024, "KiB"
    assert_holds(settings, source.bodies[:1])


def test_an_answer_that_is_packed_is_kept_as_it_was_before(settings: CollectSettings, source: Script) -> None:
    source.faults.append(packed(gzip.compress(source.bodies[0])))
    assert step.run(settings, HOUSES).batch == 1
    assert_holds(settings, source.bodies[:1])


@pytest.mark.parametrize("packing", ["br", "zstd", "gzip, gzip"])
def test_an_answer_packed_in_a_way_nobody_asked_for_is_refused(
    settings: CollectSettings, source: Script, packing: str
) -> None:
    step.run(settings, HOUSES)
    source.faults.append(packed(b"x", packing))
    refused(settings, source, "encoding its headers name.*plain or as gzip")


DEEP: Any = "x"
for _ in range(rows.DEEPEST + 1):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (body(2, [ROW, ROW | {"city": "x" * 10_000_000}]), f"at most {LONGEST:,} characters.*row 1"),
        (body(2, [ROW, ROW | {f"c{i}": i for i in range(5_000)}]), r"at most 1,600 columns, got 5,012 in row 1"),
        (body(2, [ROW | {f"c{i}": 1} for i in range(2_000)]), "at most 1,600 columns in all rows"),
        (body(2, [ROW, ROW | {"city": DEEP}]), "at most 32 lists and objects.*row 1"),
        (body(2, [ROW, DEEP]), "batch 2: expected every row"),
        (b'{"batch_number": 2, "group_number": 6, "data": [' + b"[" * 100_000, "expected JSON.*row 0 nested too deep"),
        (b'{"x": "' + b"x" * 2 * LONGEST, "expected JSON.*what is called 'x'"),
        (body(2)[:-10], "expected JSON.*cut"),
    ],
    ids=["long row", "columns of a row", "columns of all", "deep value", "deep row", "endless nesting", "name", "cut"],
)
def test_too_much_of_anything_is_refused_by_name(
    settings: CollectSettings, source: Script, content: bytes, says: str
) -> None:
    step.run(settings, HOUSES)
    source.faults.append(packed(gzip.compress(content)))
    refused(settings, source, says)


def test_the_last_of_two_members_of_one_name_holds(settings: CollectSettings, source: Script) -> None:
    first, second = json.dumps([ROW] * 5), json.dumps([listing(1, row) for row in range(3)])
    source.bodies[0] = (
        f'{{"batch_number": 7, "data": {first}, "data": {second}, "batch_number": 1, "group_number": 6}}'.encode()
    )
    step.run(settings, HOUSES)
    assert_holds(settings, source.bodies[:1])


def test_no_room_for_a_body_is_told_and_nothing_is_lost(
    settings: CollectSettings, source: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:
        full.setattr("relevo_jobs.collect.body.IN_MEMORY", 1)
        full.setattr("tempfile.tempdir", "/proc")
        with pytest.raises(Unavailable, match=r"TMPDIR \(/proc\)"):
            step.run(settings, HOUSES)
    assert step.run(settings, HOUSES).batch == 1
    assert_holds(settings, source.bodies[:1])


class Large:
    """A batch that nobody ever holds whole."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __iter__(self) -> Iterator[bytes]:
        yield b'{"group_number": 6, "batch_number": 1, "data": ['
        for row in range(self.count):
            noise = hashlib.sha512(str(row).encode()).hexdigest()
            yield b", " * bool(row) + json.dumps(listing(1, row) | {"city": noise}).encode()
        yield b"]}"


def peak(count: int) -> int:
    """Bytes that it takes to tell such a batch and to go through its rows."""
    tracemalloc.start()
    try:
        with Body(Large(count)) as kept:
            batch = answers.parse(200, kept, 6, COLUMNS)
            assert isinstance(batch, answers.Batch)
            assert batch.row_count == count
            assert sum(map(len, answers.parts(kept, batch, COLUMNS))) == count
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_batch() -> None:
    few, many = peak(5_000), peak(25_000)
    assert many < few + IN_MEMORY


def test_a_large_body_lands_whole_in_the_bucket_and_in_raw(settings: CollectSettings, source: Script) -> None:
    source.bodies[0] = b"".join(Large(25_000))
    with Body([source.bodies[0]]) as kept:
        assert len(kept.packed().read()) > IN_MEMORY, "it is on the disk, not in memory"
    outcome = step.run(settings, HOUSES)
    digest = hashlib.sha256(source.bodies[0]).hexdigest()
    assert (outcome.details["rows"], outcome.details["sha256"]) == (25_000, digest)
    assert raw_batches(settings.raw_url) == [(1, digest, 25_000, 25_000)]
    bucket = Bucket(settings.bucket, settings.s3_endpoint_url)
    found = bucket._client.get_object(Bucket=settings.bucket, Key=Bucket.key(digest))["Body"].read()
    assert gzip.decompress(found) == source.bodies[0]


def test_the_same_body_is_the_same_object_however_it_came() -> None:
    content = b"".join(islice(Large(2_000), 2_000))
    objects = set()
    for size in (1_000, 65_536, len(content)):
        with Body(content[at : at + size] for at in range(0, len(content), size)) as kept:
            objects.add(kept.packed().read())
            assert b"".join(kept) == content
            assert kept.sha256 == hashlib.sha256(content).hexdigest()
    assert len(objects) == 1
