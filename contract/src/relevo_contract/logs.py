"""Logs: one line of JSON for each event, the libraries' included, on stdout."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable
from datetime import UTC, datetime

from relevo_contract.texts import legible

_PLAIN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "color_message"}


class JsonLine(logging.Formatter):
    """`{"time", "level", "logger", "event", …what the event carries}`; a traceback is one string in it.

    What strangers sent may stand in it, so that characters which cannot be seen are spelt as JSON spells them.
    """

    def __init__(self, hidden: Iterable[str] = ()) -> None:
        """`hidden`: what events carry for their library's own use."""
        super().__init__()
        self._hidden = _PLAIN.union(hidden)

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        line |= {name: value for name, value in record.__dict__.items() if name not in self._hidden}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return legible(json.dumps(line, ensure_ascii=False, default=str))


def configure(quiet: Iterable[str] = (), hidden: Iterable[str] = ()) -> None:
    """Send everything the process logs to stdout, as lines of JSON; `quiet` loggers tell warnings alone."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLine(hidden))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(True)
    for name in quiet:
        logging.getLogger(name).setLevel(logging.WARNING)
