"""Two addresses are the same only if whoever connects means the same server and path by them."""

from __future__ import annotations

import contextlib

import httpx
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from relevo_operator.addresses import normal

OWNERS = ("http://mlflow:5000", "https://mlflow.example", "https://gate.example/team/mlflow", "http://[::1]:5000")
PIECES = st.sampled_from(
    ["http://", "HTTPS://", "https:", "//", "/", "\\", "@", "user:pass@", "mlflow", "MLflow", "mlflow.example",
     "evil.example", "gate.example", ":5000", ":443", ":80", ":0443", ":", "/team", "/mlflow", "/team/mlflow", "..",
     "/../", "/./", ".", "%2e%2e", "%2F", "%00", "%", "?", "#", ";", " ", "\t", "\n", "[::1]", "[0:0:0:0:0:0:0:1]",
     "[::1%25lo]", "\u3002", "\uff0e", "\ufb00", "\u24dclflow", "ml\ufb02ow", "xn--", "\u200b", "\u00ad", "127.1",
     "0x7f.1", "\uff12", "&", "="]
)  # fmt: skip


@st.composite
def disguised(draw: st.DrawFn) -> str:
    """An owner's address with something of another put into it, or something taken out."""
    url = draw(st.sampled_from(OWNERS))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(url)))
        url = url[:at] + draw(PIECES) + url[at + draw(st.integers(0, 3)) :]
    return url


@given(st.one_of(disguised(), st.lists(PIECES, max_size=8).map("".join), st.text()))
def test_what_is_taken_for_an_owners_address_is_asked_nowhere_else(url: str) -> None:
    with contextlib.suppress(ValueError):
        same = normal(url)
        assume(same in OWNERS)
        try:
            meant = httpx.URL(url)  # of whom nobody would take the address apart as we do
        except httpx.InvalidURL:
            return
        owner, asked = httpx.URL(same), httpx.URL(f"{same}/api/2.0/mlflow/registered-models/get")
        for one in (meant, asked):
            assert (one.scheme, one.raw_host, one.port) == (owner.scheme, owner.raw_host, owner.port), url
            assert one.userinfo == b""
        assert meant.path.rstrip("/") == owner.path.rstrip("/")
        assert asked.path.startswith(owner.path.rstrip("/"))


@given(st.one_of(disguised(), st.text(), st.lists(PIECES, max_size=8).map("".join)))
def test_a_spelling_is_its_own(url: str) -> None:
    with contextlib.suppress(ValueError):
        same = normal(url)
        assert normal(same) == same
        assert same.isascii()
        assert same.isprintable()
        assert not set("@?#\\ ") & set(same)


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("HTTP://MLflow:5000/", "http://mlflow:5000"),
        ("http://mlflow:80", "http://mlflow"),
        ("https://mlflow.example:443//", "https://mlflow.example"),
        ("https://mlflow.example:0443", "https://mlflow.example"),
        ("http://mlflow:443", "http://mlflow:443"),
        ("https://gate.example/Team/%6Dlflow/", "https://gate.example/Team/mlflow"),
        ("http://[0:0:0:0:0:0:0:1]:5000", "http://[::1]:5000"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
    ],
)
def test_spellings_of_one_address_are_one(url: str, same: str) -> None:
    assert normal(url) == same


@pytest.mark.parametrize(
    "url",
    ["", "mlflow:5000", "//mlflow", "ftp://mlflow", "file:///mlruns", "http://", "http://:5000", "http://user@mlflow",
     "http://ana:hunter2@mlflow", "http://mlflow:0", "http://mlflow:65536", "http://mlflow:5000:5000", "http://mlflow?a",
     "http://mlflow#a", "http://mlflow\\@evil", "http://ml flow", "http://mlflow\n", "http://mlflow/a/../b",
     "http://mlflow/%2e%2e/b",
     "http://mlflow/a//b", "http://mlflow/a%2Fb", "http://mlflow/%", "http://mlflow/%ff", "http://a..b", "http://.a", "http://a.",
     "http://bücher.example", "http://mlflow。example", "http://[::1%25lo]", "http://[::1", "http://a]", "http://[1.2.3.4]",
     "http://-a", "http://mlflow:٥٠٠٠", "http://" + "a" * 3000],
)  # fmt: skip
def test_what_two_programs_may_read_differently_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match=r"^expected an address such as") as refused:
        normal(url)
    assert "hunter2" not in str(refused.value)
