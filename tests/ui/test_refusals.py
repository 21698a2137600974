"""What a person is told for each answer that is none, of the inference API or of a proxy before it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from relevo_ui import api
from relevo_ui.api import Api
from relevo_ui.errors import ApiAway, BadRow, NoModel, TooMuch, UiError
from relevo_ui.language import english, spanish

HTML = b"<html><h1>of a proxy</h1></html>"
OURS = b'{"error": "the {very} reason", "fields": []}'
ANSWER = (
    b"""{"predictions": [%b], "model": {"name": "m", "version": 1, "run_id": "r", "since": "2026-11-04T00:00:00Z"}}"""
)
ROW = b'{"prediction": 1, "low": 1, "high": 2, "unseen": [], "missing": ["bed"]}'


@contextmanager
def answering(status: int, body: bytes, *, location: str = "", after: float = 0) -> Iterator[Api]:
    """A server that always answers this."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            time.sleep(after)
            self.send_response(status)
            if location:
                self.send_header("location", location)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield Api(f"http://127.0.0.1:{server.server_port}", timeout=0.5)
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (301, b"", ApiAway, "elsewhere (301, https://login.example/in)"),
        (302, b"", ApiAway, "elsewhere (302"),
        (307, b"", ApiAway, "elsewhere (307"),
        (400, HTML, ApiAway, "did not understand"),
        (401, HTML, ApiAway, "asks for a login"),
        (403, HTML, ApiAway, "does not let the UI in"),
        (404, HTML, ApiAway, "answered 404: check RELEVO_API_URL"),
        (405, HTML, ApiAway, "answered 405: check RELEVO_API_URL"),
        (408, OURS, ApiAway, "in time (408) – the {very} reason"),
        (413, OURS, TooMuch, "takes less in one request (413) – the {very} reason"),
        (413, HTML, TooMuch, "takes less in one request (413): "),
        (415, HTML, ApiAway, "takes no JSON"),
        (418, HTML, ApiAway, "answered 418: check RELEVO_API_URL"),
        (422, OURS, BadRow, "the {very} reason"),
        (422, HTML, ApiAway, "answered 422: check RELEVO_API_URL"),
        (422, b'{"error": "many", "fields": [{"field": "instances", "problem": "many"}]}', TooMuch, "(422) – many"),
        (429, HTML, ApiAway, "asked too often"),
        (500, OURS, ApiAway, "failed at /predict (500) – the {very} reason: its log says why"),
        (500, HTML, ApiAway, "failed at /predict (500): its log says why"),
        (502, HTML, ApiAway, "gets no answer from it"),
        (503, OURS, NoModel, "the {very} reason"),
        (503, HTML, ApiAway, "none is ready"),
        (504, HTML, ApiAway, "waited for it in vain"),
        (507, HTML, ApiAway, "failed at /predict (507)"),
        (200, HTML, ApiAway, "not its JSON"),
        (200, b"", ApiAway, "not its JSON"),
        (200, b"[" * 100_000, ApiAway, "not its JSON"),
        (500, b"[" * 100_000, ApiAway, "failed at /predict (500): its log"),
        (200, b"\xff\xfe", ApiAway, "not its JSON"),
        (200, ANSWER % b"", ApiAway, "not its JSON"),
        (200, b" " * (api.MOST_BYTES + 1), ApiAway, "more than 16 MB"),
    ],
)
def test_every_status_is_told_by_its_own_words(status: int, body: bytes, kind: type[UiError], said: str) -> None:
    location = "https://me:hunter2@login.example/in?token=hunter2" if status in range(300, 400) else ""
    with answering(status, body, location=location) as client, pytest.raises(UiError) as told:
        client.predict([{"bed": "1"}])
    assert type(told.value) is kind
    assert said in told.value.told(english)
    if kind in {ApiAway, TooMuch}:
        assert told.value.told(spanish) != told.value.told(english) == str(told.value)
    assert "hunter2" not in str(told.value)
    assert "proxy</h1>" not in str(told.value)


def test_an_answer_that_is_late_is_told_from_one_that_never_comes() -> None:
    with answering(200, b"{}", after=1.5) as client, pytest.raises(ApiAway, match=r"within 0\.5 s.*RELEVO_TIMEOUT"):
        client.predict([{}])
    with pytest.raises(ApiAway, match="does not answer"):
        Api("http://127.0.0.1:9", timeout=1).predict([{}])


def test_what_is_wrong_is_told_by_row_and_input_all_at_once() -> None:
    fields = [f'{{"field": "instances.{n}.{name}", "problem": "p"}}' for n in range(500) for name in ("bed", "bath.x")]
    body = b'{"error": "wrong", "fields": [%b]}' % ",".join(fields).encode()
    with answering(422, body) as client, pytest.raises(BadRow) as told:
        client.predict([{}] * 500)
    assert told.value.fields == {(n, name): "p" for n in range(500) for name in ("bed", "bath")}


def test_what_was_not_believed_comes_with_its_reason_and_may_be_left_out() -> None:
    with answering(200, ANSWER % ROW) as client:
        assert client.predict([{}]).predictions[0].blanked == {}
    with answering(200, ANSWER % (ROW[:-1] + b', "blanked": {"bed": "no number"}}')) as client:
        assert client.predict([{}]).predictions[0].blanked == {"bed": "no number"}
