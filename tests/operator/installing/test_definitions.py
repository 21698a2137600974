"""What RELEVO_SECRETS_FILE and RELEVO_REQUIRED_SECRETS may say, and in which words the rest is refused."""

from __future__ import annotations

from typing import Any

import pytest

from relevo_operator.errors import SettingsError
from relevo_operator.installing.__main__ import parse_yaml
from relevo_operator.installing.definitions import Fixed, Random, parse, parse_required


def test_keys_stand_behind_those_that_they_name() -> None:
    read = parse({"db": {"b": {"format": "{a}{c}"}, "a": {"json": {"{c}": []}}, "c": "x", "d": {"random": "hex"}}})
    assert set(read["db"]) == set("abcd")
    assert sorted("abc", key=list(read["db"]).index) == ["c", "a", "b"]
    assert (read["db"]["c"], read["db"]["d"]) == (Fixed("x"), Random.HEX)


@pytest.mark.parametrize("name", ["a", "a.b-c", "0", "a" * 253])
def test_names_of_secrets(name: str) -> None:
    assert set(parse({name: {}})) == {name}


@pytest.mark.parametrize("key", ["a", "A_b.c-d", ".json", "...", "a" * 253])
def test_names_of_keys(key: str) -> None:
    assert set(parse({"db": {key: "x"}})["db"]) == {key}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (None, "RELEVO_SECRETS_FILE: expected a mapping of Secrets, each with its keys, got nothing"),
        (["db"], "got a list"),
        ({"db": "hunter2"}, "RELEVO_SECRETS_FILE: db: expected a mapping of its keys and their values, got a str"),
        ({"Db": {}}, "expected a Secret's name .*, got 'Db'"),
        ({"db/x": {}}, "expected a Secret's name"),
        ({"-db": {}}, "expected a Secret's name"),
        ({"": {}}, "expected a Secret's name"),
        ({"a" * 254: {}}, "expected a Secret's name"),
        ({1: {}}, "expected a Secret's name .*, got 1"),
        ({"db": {"a b": "x"}}, "expected a key's name .*, got 'a b'"),
        ({"db": {"..": "x"}}, "expected a key's name"),
        ({"db": {"": "x"}}, "expected a key's name"),
        ({"db": {"port": 5432}}, "db.port: expected a string, {random: password}, .* or {json: document}, got a int"),
        ({"db": {"a": None}}, "db.a: expected a string, .*, got nothing"),
        ({"db": {"a": {}}}, "got a mapping of nothing"),
        ({"db": {"a": {"random": "uuid"}}}, "got a mapping of random"),
        ({"db": {"a": {"random": "hex", "length": 3}}}, "got a mapping of random, length"),
        ({"db": {"a": {"format": ["x"]}}}, "got a mapping of format"),
        ({"db": {"a": {"url": "u", "format": "f"}}}, "got a mapping of url, format"),
        ({"db": {"a": {"format": "{b}"}, "c": ""}}, "db.a: expected the names .* got b; its keys are a, c"),
        ({"db": {"a": {"url": "{b}{z}"}, "b": ""}}, "got z"),
        ({"db": {"a": {"json": [{"{b}": 1}]}}}, "got b"),
        ({"db": {"a": {"format": "{b}"}, "b": {"json": ["{a}"]}}}, "db: .* got a circle: "),
        ({"db": {"a": {"format": "{a}"}}}, "got a circle: a, a"),
    ],
)
def test_what_is_refused(document: Any, words: str) -> None:
    with pytest.raises(SettingsError, match=words) as refused:
        parse(document)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("nothing", [None, {}])
def test_no_secret_need_be_required(nothing: Any) -> None:
    assert parse_required(nothing) == {}


def test_required_secrets_name_their_keys() -> None:
    assert parse_required({"db": ["url", "username"]}) == {"db": ("url", "username")}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("db", "RELEVO_REQUIRED_SECRETS: expected a mapping of Secrets, each with a list of keys, got a str"),
        ({"db": "url"}, "RELEVO_REQUIRED_SECRETS: db: expected a list of keys, got a str"),
        ({"db": []}, "expected a list of keys"),
        ({"db": [1]}, "expected a key's name .* got 1"),
        ({"DB": ["url"]}, "expected a Secret's name .* got 'DB'"),
    ],
)
def test_what_is_refused_of_required_secrets(document: Any, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        parse_required(document)


def test_yaml_that_cannot_be_read_is_not_repeated() -> None:
    with pytest.raises(
        SettingsError, match=r"RELEVO_SECRETS_FILE: expected YAML or JSON, got: .* in line 2"
    ) as refused:
        parse_yaml("RELEVO_SECRETS_FILE", "db:\n  password: 'hunter2")
    assert "hunter2" not in str(refused.value)
