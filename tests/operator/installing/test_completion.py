"""What a Secret lacks, what is kept, what is complained about."""

from __future__ import annotations

import base64
import json
import random
import re
from typing import Any

import pytest

from relevo_operator.installing.completion import additions, complaints, kept
from relevo_operator.installing.definitions import Definition, parse
from relevo_operator.rights import missing_rule

RAW = {
    "username": "relevo",
    "password": {"random": "password"},
    "url": {"url": "postgresql://{username}:{password}@relevo-raw:5432/raw"},
}


def definition(keys: dict[str, Any]) -> Definition:
    return parse({"db": keys})["db"]


def added(keys: dict[str, Any], there: dict[str, str] | None = None, seed: int = 1) -> dict[str, str]:
    return additions(definition(keys), there or {}, random.Random(seed))


@pytest.mark.parametrize(
    ("kind", "shape"),
    [("password", "[A-Za-z0-9]{40}"), ("hex", "[0-9a-f]{64}"), ("fernet", "[-_A-Za-z0-9]{43}=")],
)
def test_random_values_have_their_shape_and_are_drawn_each_for_itself(kind: str, shape: str) -> None:
    drawn = added({name: {"random": kind} for name in "abc"})
    assert all(re.fullmatch(shape, value) for value in drawn.values())
    assert len(set(drawn.values())) == 3
    assert drawn.keys().isdisjoint("x") and set(drawn.values()).isdisjoint(
        added({name: {"random": kind} for name in "abc"}, seed=2).values()
    )


def test_a_fernet_key_is_32_bytes() -> None:
    assert len(base64.urlsafe_b64decode(added({"key": {"random": "fernet"}})["key"])) == 32


@pytest.mark.parametrize(
    ("value", "there", "expected"),
    [
        ("relevo", {}, "relevo"),
        ("{a}", {"a": "x"}, "{a}"),
        ({"format": ""}, {}, ""),
        ({"format": "{a}-{b.c}-{a}"}, {"a": "1", "b.c": "2"}, "1-2-1"),
        ({"format": '{ a } {} {"a":1} {{a}}'}, {"a": "1"}, '{ a } {} {"a":1} {1}'),
        ({"format": "{a}"}, {"a": "{b.c}"}, "{b.c}"),
        ({"format": "{a}"}, {"a": "\\1 p@ss"}, "\\1 p@ss"),
        ({"url": "http://{a}:{b.c}@h/{a}?x"}, {"a": "ü/@", "b.c": ":"}, "http://%C3%BC%2F%40:%3A@h/%C3%BC%2F%40?x"),
        ({"json": {"{a}": ["{a}", 1, None, True, {"k": "{a}{b.c}"}]}}, {"a": 'q"', "b.c": "\\"}, None),
    ],
)
def test_values_are_composed(value: Any, there: dict[str, str], expected: str | None) -> None:
    keys = {"a": {"random": "hex"}, "b.c": {"random": "hex"}, "new": value}
    made = added(keys, there)["new"]
    if expected is None:
        assert json.loads(made) == {'q"': ['q"', 1, None, True, {"k": 'q"\\'}]}
    else:
        assert made == expected


def test_a_secret_that_is_missing_is_composed_of_what_is_drawn() -> None:
    made = added(RAW)
    assert list(made) == ["username", "password", "url"]
    assert made["url"] == f"postgresql://relevo:{made['password']}@relevo-raw:5432/raw"


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        ({"username": "ana", "password": "p@ss"}, {"url": "postgresql://ana:p%40ss@relevo-raw:5432/raw"}),
        ({"password": "p", "url": "elsewhere"}, {"username": "relevo"}),
        ({"username": "", "password": "", "url": ""}, {}),
        ({"username": "a", "password": "b", "url": "c", "more": "d"}, {}),
    ],
)
def test_what_is_there_is_not_made_again(there: dict[str, str], expected: dict[str, str]) -> None:
    assert added(RAW, there) == expected


def test_a_complete_secret_lacks_nothing() -> None:
    assert added(RAW, added(RAW), seed=2) == {}


def test_bytes_that_are_no_text_pass_as_they_are() -> None:
    raw = b"\xff\xfe".decode(errors="surrogateescape")
    made = added({"a": "", "text": {"format": "<{a}>"}, "url": {"url": "{a}"}, "json": {"json": "{a}"}}, {"a": raw})
    assert made["text"].encode(errors="surrogateescape") == b"<\xff\xfe>"
    assert made["url"] == "%FF%FE"
    assert json.loads(made["json"]) == raw


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        ({}, ()),
        (added(RAW), ()),
        (added(RAW) | {"password": "changed"}, ("url",)),
        (added(RAW) | {"username": "changed"}, ("username", "url")),
        (added(RAW) | {"url": "elsewhere", "more": "x"}, ("url",)),
        ({"url": "elsewhere"}, ("url",)),
    ],
)
def test_what_is_kept_though_the_file_says_otherwise_is_named(there: dict[str, str], expected: tuple[str, ...]) -> None:
    assert kept(definition(RAW), there) == expected


def test_all_that_is_missing_is_told_with_the_line_that_mends_it() -> None:
    required = {"one": ("url",), "two": ("username", "password"), "three": ("a", "b.c"), "four": ("a",)}
    there = {"one": None, "two": None, "three": {"a": "hunter2"}, "four": {"a": ""}}
    assert complaints(required, there, "ns") == (
        "Secret one in namespace ns: expected one with url, found none: "
        "kubectl create secret generic one -n ns --from-literal=url=...",
        "Secret two in namespace ns: expected one with username, password, found none: "
        "kubectl create secret generic two -n ns --from-literal=username=... --from-literal=password=...",
        "Secret three in namespace ns: expected b.c in it, found none: "
        """kubectl patch secret three -n ns -p '{"stringData": {"b.c": "..."}}'""",
    )


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            'secrets "a" is forbidden: User "system:serviceaccount:ns:hook" cannot get resource "secrets" in API group '
            '"" in the namespace "ns"',
            'add the rule {apiGroups: [""], resources: [secrets], resourceNames: [a], verbs: [get]} to a Role of '
            "system:serviceaccount:ns:hook in namespace ns",
        ),
        (
            'customresourcedefinitions.apiextensions.k8s.io "m.relevo.dev" is forbidden: User "hook" cannot patch '
            'resource "customresourcedefinitions" in API group "apiextensions.k8s.io" at the cluster scope',
            'add the rule {apiGroups: ["apiextensions.k8s.io"], resources: [customresourcedefinitions], '
            "resourceNames: [m.relevo.dev], verbs: [patch]} to a ClusterRole of hook",
        ),
        ('secrets "a" is forbidden: exceeded quota: objects, requested: secrets=1, used: secrets=9', None),
        ("", None),
    ],
)
def test_a_rule_that_is_missing_is_named(message: str, expected: str | None) -> None:
    assert missing_rule(message) == expected
