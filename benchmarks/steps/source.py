"""A source whose batches are all alike, so that only what came before can change what a step costs.

`relevo_demo.source` cuts uneven batches that move, which is the point there and noise here.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from relevo_demo.source.listings import read
from tests.houses import COLUMNS

GROUP = 6
STATES = ("Puerto Rico", "Massachusetts", "Connecticut", "New York", "Vermont")
Row = Mapping[str, str | float | None]


def read_listings(path: Path | None, seed: int) -> list[Row]:
    """The file's listings, or made-up ones."""
    if path is not None:
        return [{name: value or None for name, value in zip(COLUMNS, row, strict=True)} for row in read(path).values()]
    draw = random.Random(seed)
    made: list[Row] = []
    for i in range(10_000):
        place, size = draw.randrange(50), draw.lognormvariate(7.4, 0.4)
        made.append(
            {
                "brokered_by": f"{draw.randrange(300)}.0", "status": "for_sale",
                "price": round(size * (100 + 8 * place) * draw.lognormvariate(0, 0.3)), "bed": draw.randrange(1, 7),
                "bath": draw.randrange(1, 5), "acre_lot": round(draw.lognormvariate(-1, 1), 2), "street": f"{i}.0",
                "city": f"Town {place}", "state": STATES[place % 5], "zip_code": f"{1000 + place:05}",
                "house_size": round(size), "prev_sold_date": None,
            }
        )  # fmt: skip
    return made


def bodies(listings: Sequence[Row], batches: int, rows: int, seed: int) -> list[bytes]:
    """Batches of `rows` listings each, drawn alike: each batch without repeats, the next one from all again."""
    draw = random.Random(seed)
    return [
        json.dumps(
            {
                "group_number": GROUP,
                "day": "Wednesday",
                "batch_number": number,
                "data": draw.sample(listings, min(rows, len(listings))),
            }
        ).encode()
        for number in range(1, batches + 1)
    ]


@contextmanager
def serving(answers: Sequence[bytes]) -> Iterator[str]:
    """Serve the bodies one after another on 127.0.0.1; yields the address."""
    left: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # http.server's name
            if self.path.startswith("/restart_data_generation"):
                left[:] = answers
                content = b'{"ok": true}'
            else:
                content = left.pop(0)
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Keep the table clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
