"""The demo's doors: no web page moves the source's count, folders are their owner's, SeaweedFS speaks S3 alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from relevo_demo.servers import S3Server
from relevo_demo.servers.source import SourceServer
from relevo_demo.state import opened

ASK = {"group_number": "6", "day": "Wednesday"}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SourceServer]:
    folder = tmp_path_factory.mktemp("door")
    with SourceServer(
        folder, "--allow-misbehaviour", "--name=relevo-source", "--name=Relevo-Source.Shop.svc"
    ) as server:
        yield server


def count(source: SourceServer) -> str:
    found = [line for line in httpx.get(f"{source.url}/metrics").text.splitlines() if line.startswith("source_batch{")]
    return "".join(found)


PAGES = [
    {"Host": "evil.example"},
    {"Host": "evil.example:8000"},
    {"Host": "127.0.0.1.evil.example"},
    {"Host": "localhost.evil.example"},
    {"Host": ""},
    {"Host": "[evil]"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost:1"},
]


@pytest.mark.parametrize("headers", PAGES)
@pytest.mark.parametrize("path", ["/data", "/restart_data_generation", "/misbehave", "/docs", "/metrics"])
def test_a_web_page_is_refused_and_moves_nothing(source: SourceServer, headers: dict[str, str], path: str) -> None:
    assert httpx.get(f"{source.url}/data", params=ASK).status_code == 200
    before = count(source)
    method = "POST" if path == "/misbehave" else "GET"
    answer = httpx.request(method, source.url + path, params=ASK, headers=headers)
    assert answer.status_code in {400, 403}
    assert count(source) == before
    httpx.get(f"{source.url}/restart_data_generation", params=ASK)


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:80", "127.0.0.1", "10.1.2.3:8000", "[::1]:8000", "relevo-source:8000",
             "relevo-source.shop.svc"],
)  # fmt: skip
def test_programs_and_its_own_pages_are_let_in(source: SourceServer, host: str) -> None:
    assert httpx.get(f"{source.url}/health", headers={"Host": host}).status_code == 200
    own = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
    assert httpx.get(f"{source.url}/health", headers=own).status_code == 200
    assert httpx.get(f"{source.url}/docs", headers={"Host": host, "Sec-Fetch-Site": "none"}).status_code == 200


def test_a_form_of_a_page_orders_nothing(source: SourceServer) -> None:
    told = '{"what": "error"}'
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        answer = httpx.post(f"{source.url}/misbehave", content=told, headers={"Content-Type": kind} if kind else {})
        assert answer.status_code == 422


def test_what_seaweedfs_opens_is_on_this_machine_alone_and_its_filer_answers_no_http(s3: S3Server) -> None:
    assert s3.process is not None
    family = [psutil.Process(s3.process.pid), *psutil.Process(s3.process.pid).children(recursive=True)]
    listening = {one.laddr for each in family for one in each.net_connections("tcp") if one.status == "LISTEN"}
    assert {address.ip for address in listening} == {"127.0.0.1"}
    filer = next(part.partition("=")[2] for part in s3.command if part.startswith("-filer.port="))
    for method, path in (("GET", "/"), ("PUT", "/file"), ("GET", "/buckets/"), ("DELETE", "/buckets/")):
        assert httpx.request(method, f"http://127.0.0.1:{filer}{path}").status_code == 404


def test_folders_are_their_owners_alone(tmp_path: Path, s3: S3Server) -> None:
    with opened(tmp_path / "a" / "state"):
        pass
    assert (tmp_path / "a" / "state").stat().st_mode & 0o777 == 0o700
    assert (s3.folder / "data").stat().st_mode & 0o777 == 0o700
    SourceServer(tmp_path / "new").start().stop()
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
