"""Who is answered: by the Host, the Origin, and the client's key."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from relevo_serving import access
from relevo_serving.access import AccessControl
from relevo_serving.errors import SettingsError
from relevo_serving.model import Model
from tests.serving.conftest import Asking

HOUSE = {"instances": [{"bed": 3}]}
HOSTS = "prices, prices.models.svc, Prices.Example.org."
OWN = {"localhost", "prices", "prices.models.svc", "prices.example.org"}
KEY, OTHER = "k" * 16, "o" * 40
NAMES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?){0,4}", fullmatch=True)
PORTS = st.sampled_from(["", ":80", ":8000"])


def asked(door: AccessControl, host: str, method: str = "POST", **headers: str) -> int:
    """The status that the door answers, 200 if it lets the request in."""
    named = [(b"host", host.encode()), *((name.encode(), value.encode()) for name, value in headers.items())]
    problem = door.problem({"type": "http", "path": "/predict", "method": method, "headers": named})
    return 200 if problem is None else problem.status_code


@given(name=NAMES, port=PORTS)
def test_only_addresses_localhost_and_listed_names_are_answered(name: str, port: str) -> None:
    try:
        ipaddress.ip_address(name)
        own = True
    except ValueError:
        own = name in OWN
    assert asked(AccessControl(HOSTS, None, print), name + port) == (200 if own else 421)


@given(address=st.ip_addresses(), port=PORTS)
def test_an_address_is_nobody_elses_name(address: Any, port: str) -> None:
    host = f"[{address}]" if address.version == 6 else str(address)
    assert asked(AccessControl("", None, print), host + port) == 200


@given(
    name=st.sampled_from(sorted(OWN)), around=st.sampled_from(["evil-{}", "{}.evil.com", "a.{}", "{}x", "{}@evil.com"])
)
def test_a_name_that_holds_a_listed_one_is_another(name: str, around: str) -> None:
    assert asked(AccessControl(HOSTS, None, print), around.format(name)) == 421


@pytest.mark.parametrize(
    "host", ["", ":8000", "[", "[::1", "]", "127.0.0.1.evil.com", "localhost.evil.com", "0x7f.1", "\x7f"]
)
def test_what_is_no_host_is_refused(host: str) -> None:
    assert asked(AccessControl("", None, print), host) in {200 if host == "[::1" else 421, 421}


def test_any_name_is_answered_if_that_is_asked_for() -> None:
    assert asked(AccessControl("*", None, print), "evil.com") == 200


@given(page=NAMES, scheme=st.sampled_from(["http", "https"]), method=st.sampled_from(["POST", "PUT", "DELETE"]))
def test_another_pages_posts_are_refused(page: str, scheme: str, method: str) -> None:
    door = AccessControl("*", None, print)
    assert asked(door, "prices:8000", method, origin=f"{scheme}://{page}") == 403
    assert asked(door, "prices:8000", "GET", origin=f"{scheme}://{page}") == 200
    assert asked(door, page, method, origin=f"{scheme}://{page}") == 200
    for origin in ("null", "http://[", "http://]", "://", f"{scheme}://{page}/x", "\x00"):
        assert asked(door, page, method, origin=origin) == 403


def test_a_key_is_asked_for_and_counted_by_its_client(asking: Asking, models: tuple[Model, Model]) -> None:
    client: TestClient = asking(models[0], api_keys=f"ui={KEY}")
    wrong = ({}, *({"Authorization": said} for said in ("Bearer " + OTHER, "Basic " + KEY, "Bearer ", "Bearer", KEY)))
    for header in wrong:
        for path in ("/predict", "/explain", "/invocations", "/v2/models/house-prices/infer"):
            answer = client.post(path, json=HOUSE, headers=header)
            assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
            assert KEY not in answer.text
        for path in ("/model", "/docs", "/openapi.json", "/v2"):
            assert client.get(path, headers=header).status_code == 401
    for path in ("/healthz", "/readyz", "/v2/health/live"):
        assert client.get(path).status_code == 200
    assert client.post("/predict", json=HOUSE, headers={"Authorization": "Bearer " + KEY}).status_code == 200
    assert 'relevo_serving_keys_used_total{client="ui"} 1.0' in client.get("/metrics").text


def test_keys_are_rotated_while_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "EVERY", 0.0)
    file = tmp_path / "keys"
    monkeypatch.setenv("RELEVO_API_KEYS_FILE", str(file))
    file.write_text(f"ui={KEY}\n")
    door = AccessControl("*", f"ui={KEY}", print)

    def statuses() -> tuple[int, int]:
        first, second = (asked(door, "a", authorization=f"Bearer {key}") for key in (KEY, OTHER))
        return first, second

    assert statuses() == (200, 401)
    file.write_text(f"ui={KEY}, ui={OTHER}")
    assert statuses() == (200, 200)
    file.write_text(f"ui={OTHER}")
    assert statuses() == (401, 200)
    for mistake in ("ui=short", "", "\n\n"):  # shuts nobody out
        file.write_text(mistake)
        assert statuses() == (401, 200)
    file.unlink()
    assert statuses() == (401, 200)


@pytest.mark.parametrize(
    "text", ["", "ui", f"ui {KEY}", "ui=short-secret", f"={KEY}", f"a/b={KEY}", f"ui={KEY},", f"ui={KEY},,"]
)
def test_keys_that_cannot_be_used_are_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(SettingsError, match=r"RELEVO_API_KEYS: expected CLIENT=KEY") as refused:
        AccessControl("", text, print)
    assert KEY not in str(refused.value)
    assert "short-secret" not in str(refused.value)
