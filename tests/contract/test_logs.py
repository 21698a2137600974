"""Logs: one line of JSON an event, whatever strangers put into it."""

from __future__ import annotations

import json
import logging

from hypothesis import given
from hypothesis import strategies as st

from relevo_contract.logs import JsonLine
from relevo_contract.texts import legible


@given(st.text(st.characters(exclude_categories=())), st.text(st.characters(exclude_categories=())))
def test_whatever_is_said_is_one_legible_line_of_the_same_json(event: str, address: str) -> None:
    record = logging.makeLogRecord({"msg": event, "levelno": logging.INFO, "levelname": "INFO", "address": address})
    line = JsonLine().format(record)
    assert legible(line) == line
    assert len(line.splitlines()) == 1
    said = json.loads(line)
    assert (said["event"], said["address"]) == (event, address)
