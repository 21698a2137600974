from __future__ import annotations

import asyncio
import json
import socket
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from relevo_contract import names
from relevo_contract.mlflow_rest import Trouble
from relevo_operator import registry as registry_module
from relevo_operator.registry import KINDS, Registry
from relevo_operator.values import Absence, Absent, Answer, Found, VersionTag
from tests.gate import Gate
from tests.operator.registry.hub import SECRET, TIMEOUT, Hub, Listener, access, ask, listening

Calls = list[tuple[str, str]]

ALIAS = names.ALIAS


def both(url: str, model: str, alias: str, **how: Any) -> tuple[Answer, Answer, Answer]:
    """The same question in each way there is: alone, polled alone, polled among others."""

    async def question(registry: Registry) -> tuple[Answer, Answer, Answer]:
        alone = await registry.resolve(model, alias)
        polled = await registry.resolve_all([(model, alias)])
        among = await registry.resolve_all([(model, alias), ("somebody else's", alias)])
        return alone, polled[model, alias], among[model, alias]

    return ask(url, question, **how)


def absences(answers: tuple[Answer, ...]) -> list[Absence]:
    assert all(isinstance(answer, Absent) for answer in answers), answers
    return [answer.reason for answer in answers if isinstance(answer, Absent)]


# What an alias marks


@pytest.mark.parametrize(
    "odd",
    [
        "plain",
        "with space",
        "häuser 日本",
        "\" ' `",
        "100% & a=b?#+;",
        "%41%2F",
        "<b>",
        "\\",
        "$(id)",
        "x" * 200,
    ],
)
def test_a_model_of_any_name_that_mlflow_takes_is_found(hub: Hub, model_name: str, odd: str) -> None:
    model = f"{odd} {model_name}"
    hub.model(model)
    hub.version(model)
    hub.version(model)
    hub.mark(model, "Ümlaut_1-b", 1)
    hub.mark(model, ALIAS, 2)
    assert both(hub.url, model, ALIAS) == (Found(2),) * 3
    assert both(hub.url, model, "Ümlaut_1-b") == (Found(1),) * 3


def test_the_answer_follows_the_alias(hub: Hub, model_name: str) -> None:
    answers = both(hub.url, model_name, ALIAS)
    assert absences(answers) == [Absence.MODEL_MISSING] * 3
    assert len(set(answers)) == 1  # one condition, whichever way it was asked
    assert model_name in str(answers[0])

    hub.model(model_name)
    hub.version(model_name)
    hub.version(model_name)
    answers = both(hub.url, model_name, ALIAS)
    assert absences(answers) == [Absence.ALIAS_MISSING] * 3
    assert len(set(answers)) == 1

    hub.mark(model_name, ALIAS, 1)
    assert both(hub.url, model_name, ALIAS) == (Found(1),) * 3
    hub.mark(model_name, ALIAS, 2)
    assert both(hub.url, model_name, ALIAS) == (Found(2),) * 3
    assert absences(both(hub.url, model_name, ALIAS.upper())) == [Absence.ALIAS_MISSING] * 3
    hub.unmark(model_name, ALIAS)
    assert absences(both(hub.url, model_name, ALIAS)) == [Absence.ALIAS_MISSING] * 3


def test_latest_is_the_alias_that_every_model_has(hub: Hub, model_name: str) -> None:
    hub.model(model_name)
    hub.version(model_name)
    hub.version(model_name)
    assert both(hub.url, model_name, "latest") == (Found(2),) * 3
    assert both(hub.url, model_name, "LATEST") == (Found(2),) * 3


@pytest.mark.parametrize(
    ("model", "alias"),
    [
        ("a/b", ALIAS),
        ("a:b", ALIAS),
        ("", ALIAS),
        ("..", ALIAS),
        ("a\0b", ALIAS),
        ("\ud800", ALIAS),
        ("x" * 100_000, ALIAS),
        ("model", ""),
        ("model", "a b%"),
        ("model", "a/b"),
        ("model", "\ud800"),
        ("model", "x" * 300),
    ],
)
def test_a_question_that_mlflow_cannot_take_gets_a_sentence(hub: Hub, model: str, alias: str) -> None:
    for answer in both(hub.url, model, alias):
        assert isinstance(answer, Absent)
        assert answer.message.startswith("expected ")
        assert len(answer.message) < 400 or model in answer.message
        assert "\n" not in answer.message


def test_nothing_wanted_asks_nothing(hub: Hub) -> None:
    calls: Calls = []
    assert ask(hub.url, lambda r: r.resolve_all([]), on_call=lambda *call: calls.append(call)) == {}
    assert calls == []


# How often MLflow is asked


def polled(hub: Hub, wanted: list[tuple[str, str]]) -> tuple[dict[tuple[str, str], Answer], Calls]:
    calls: Calls = []
    answers = ask(hub.url, lambda r: r.resolve_all(wanted), on_call=lambda *call: calls.append(call))
    return answers, calls


def test_one_question_tells_of_300_models(hub: Hub, crowd: list[str]) -> None:
    wanted = [(model, alias) for model in crowd for alias in (ALIAS, "staging")] + [("crowd-missing", ALIAS)]
    answers, calls = polled(hub, wanted)
    assert calls == [("poll", "ok")]
    assert set(answers) == set(wanted)
    assert {answers[model, ALIAS] for model in crowd} == {Found(1)}
    assert set(absences(tuple(answers[model, "staging"] for model in crowd))) == {Absence.ALIAS_MISSING}
    assert absences((answers["crowd-missing", ALIAS],)) == [Absence.MODEL_MISSING]


def test_further_pages_are_read_until_every_model_is_found(
    hub: Hub, crowd: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry_module, "PAGE", 100)
    answers, calls = polled(hub, [(crowd[0], ALIAS), (crowd[1], ALIAS)])
    assert set(answers.values()) == {Found(1)}
    few = len(calls)
    answers, calls = polled(hub, [(model, ALIAS) for model in crowd])
    assert set(answers.values()) == {Found(1)}
    assert few < len(calls)
    answers, calls = polled(hub, [(crowd[0], ALIAS), ("crowd-missing", ALIAS)])
    assert answers[crowd[0], ALIAS] == Found(1)
    assert absences((answers["crowd-missing", ALIAS],)) == [Absence.MODEL_MISSING]
    assert few < len(calls)


def test_a_server_whose_pages_never_end_is_not_asked_forever(listener: Listener) -> None:
    listener.answer = lambda _: (200, {}, b'{"registered_models": [{"name": "a"}], "next_page_token": "again"}')
    answers = ask(listener.url, lambda r: r.resolve_all([("a", ALIAS), ("b", ALIAS)]))
    assert absences(tuple(answers.values())) == [Absence.BAD_ANSWER] * 2
    assert len(listener.requests) == registry_module.MOST_PAGES


def test_one_model_is_asked_for_alone(listener: Listener) -> None:
    listener.answer = lambda _: (200, {}, b'{"registered_model": {"name": "a"}}')
    ask(listener.url, lambda r: r.resolve_all([("a", ALIAS), ("a", "staging")]))
    paths = [request.path for request in listener.requests]
    assert paths == ["/api/2.0/mlflow/registered-models/get?name=a"]  # not all of the registry for one


def test_every_request_is_counted_with_its_outcome(hub: Hub, gate: Gate, crowd: list[str]) -> None:
    calls: Calls = []

    async def questions(registry: Registry) -> None:
        await registry.resolve(crowd[0], ALIAS)
        await registry.resolve(crowd[0], "staging")
        await registry.tag(crowd[0], VersionTag(1, "ready"))
        await registry.newest_batches(crowd[0])
        gate.close()
        await registry.resolve_all([(crowd[0], ALIAS)])
        await registry.ensure_webhook("http://127.0.0.1:9/", SECRET)

    ask(gate.url, questions, on_call=lambda *call: calls.append(call))
    assert calls == [
        ("resolve", "ok"),
        ("resolve", "refused"),
        ("tag", "ok"),
        ("batches", "refused"),  # that model has no experiment
        ("poll", "unreachable"),
        ("webhook", "unreachable"),
    ]
    assert {kind for kind, _ in calls} == set(KINDS)
    assert {outcome for _, outcome in calls} <= {"ok", *Trouble}


# A registry that is away, or is none


def test_a_registry_that_is_away_is_told_and_found_again(hub: Hub, gate: Gate, crowd: list[str]) -> None:
    wanted = [(model, ALIAS) for model in crowd]

    async def outage(registry: Registry) -> None:
        assert await registry.resolve(*wanted[0]) == Found(1)
        gate.close()
        away = await registry.resolve(*wanted[0])
        assert absences((away,)) == [Absence.UNREACHABLE]
        assert gate.url in str(away)
        assert set((await registry.resolve_all(wanted)).values()) == {away}  # one condition for all
        assert str(await registry.tag(crowd[0], VersionTag(1, "ready"))).startswith("expected ")
        assert str(await registry.ensure_webhook("http://127.0.0.1:9/", SECRET)).startswith("webhook not registered: ")
        gate.open()
        assert await registry.resolve(*wanted[0]) == Found(1)
        assert set((await registry.resolve_all(wanted)).values()) == {Found(1)}

    ask(gate.url, outage, timeout=10)


def test_a_server_that_never_answers_is_left_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        answers = both(f"http://127.0.0.1:{silent.getsockname()[1]}", "model", ALIAS, timeout=0.5)
    assert absences(answers) == [Absence.UNREACHABLE] * 3
    assert "within 0.5 s" in str(answers[0])


def test_a_server_that_answers_drop_by_drop_is_left_in_time() -> None:
    async def dripping() -> Answer:
        async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while not writer.is_closing():
                writer.write(b" ")
                await asyncio.sleep(0.1)

        server = await asyncio.start_server(drip, "127.0.0.1", 0)
        registry = Registry(access(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"), 0.5)
        answer = await asyncio.wait_for(registry.resolve("model", ALIAS), TIMEOUT)
        await registry.aclose()
        server.close()
        return answer

    assert absences((asyncio.run(dripping()),)) == [Absence.UNREACHABLE]


WORDS = "the quick brown secret of an internal page"
PAGE = f"<html><title>{WORDS}</title></html>".encode()
NO = json.dumps({"error_code": f"CODE {WORDS}", "message": WORDS}).encode()


@pytest.mark.parametrize(
    ("status", "headers", "content", "reason", "sentence"),
    [
        (200, {}, PAGE, Absence.BAD_ANSWER, "answered 200, which is not MLflow's API"),
        (404, {}, PAGE, Absence.BAD_ANSWER, "is the address right?"),
        (302, {"Location": f"https://me:pass@sso.test/{quote(WORDS)}"}, b"", Absence.BAD_ANSWER, "answered 302"),
        (200, {}, b"", Absence.BAD_ANSWER, "is the address right?"),
        (200, {}, b"[1, 2]", Absence.BAD_ANSWER, "is the address right?"),
        (200, {}, b"[" * 100_000, Absence.BAD_ANSWER, "is the address right?"),
        (200, {}, b"\xff\xfe\xfa", Absence.BAD_ANSWER, "is the address right?"),
        (200, {}, json.dumps({"model_version": WORDS, "registered_model": {"aliases": [
            {"alias": ALIAS, "version": WORDS}]}, "registered_models": [{"name": "model", "aliases": [
            {"alias": ALIAS, "version": WORDS}]}]}).encode(), Absence.BAD_ANSWER, "is the address right?"),
        (418, {}, NO, Absence.BAD_ANSWER, "refused with 418"),
        (401, {}, PAGE, Absence.DENIED, "denied with 401; say who you are"),
        (403, {}, NO, Absence.DENIED, "denied with 403; say who you are"),
        (500, {}, NO, Absence.UNREACHABLE, "500"),
        (503, {}, PAGE, Absence.UNREACHABLE, "503"),
        (429, {}, WORDS.encode(), Absence.UNREACHABLE, "429"),
    ],
)  # fmt: skip
def test_an_answer_that_is_none_has_its_reason_and_no_word_of_it_is_told(
    listener: Listener, status: int, headers: dict[str, str], content: bytes, reason: Absence, sentence: str
) -> None:
    """What is told goes into status, which whoever wrote the address reads: it would be a way to read any page."""
    listener.answer = lambda _: (status, headers, content)
    answers = both(listener.url, "model", ALIAS)
    assert absences(answers) == [reason] * 3
    assert len(set(answers)) == 1
    (message,) = {answer.message for answer in answers if isinstance(answer, Absent)}
    assert sentence in message
    for word in ("quick", "brown", "internal page", "sso.test", "pass"):
        assert word not in message
    assert len(message) < 500


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    status=st.integers(200, 599).filter(lambda code: code not in (204, 304)),
    body=st.recursive(
        st.sampled_from([WORDS, 7, None]),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["error_code", "message", "model_version", "version", "registered_model", "registered_models", "name",
                 "aliases", "alias", "latest_versions", "next_page_token", WORDS]
            ),
            inner,
            max_size=5,
        ),
        max_leaves=12,
    ),
)  # fmt: skip
def test_whatever_answers_no_word_of_it_is_told(listener: Listener, status: int, body: Any) -> None:
    listener.answer = lambda _: (status, {}, json.dumps(body).encode())
    for answer in both(listener.url, "model", ALIAS):
        assert not isinstance(answer, Absent) or "brown" not in answer.message


@pytest.mark.parametrize("banner", [b"SSH-2.0-brown secret\r\n", b"HTTP/1.1 brown secret\r\n\r\n", b"\x00brown"])
def test_no_word_of_what_is_no_http_is_told(banner: bytes) -> None:
    async def greeted() -> Answer:
        async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(banner)
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(greet, "127.0.0.1", 0)
        registry = Registry(access(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"), TIMEOUT)
        answer = await registry.resolve("model", ALIAS)
        await registry.aclose()
        server.close()
        return answer

    answer = asyncio.run(greeted())
    assert isinstance(answer, Absent)
    assert answer.reason is Absence.UNREACHABLE
    assert "brown" not in answer.message


@pytest.mark.parametrize(
    "content",
    [
        b"{}",
        b'{"model_version": {}, "registered_model": null, "registered_models": 7}',
        b'{"model_version": {"version": "one"}, "registered_model": {"aliases": [7, {"alias": "production"}]}}',
        b'{"model_version": [], "registered_models": [null, {"name": "model", "aliases": [{"alias": "production"}]}]}',
    ],
)
def test_json_of_another_shape_is_no_version(listener: Listener, content: bytes) -> None:
    listener.answer = lambda _: (200, {}, content)
    assert set(absences(both(listener.url, "model", ALIAS))) <= {
        Absence.BAD_ANSWER, Absence.MODEL_MISSING, Absence.ALIAS_MISSING
    }  # fmt: skip


@pytest.mark.parametrize(
    "address",
    ["", "nohost", "http://", "http://[bad", "http://host:99999", "file:///mlruns", "http://no-such-host.invalid",
     "http://a b/", "http://ä\n/", "http://" + "a" * 300, "http://me:pass@[bad", "http://127.0.0.1:1"],
)  # fmt: skip
def test_an_address_of_nothing_is_unreachable(address: str) -> None:
    answers = both(address, "model", ALIAS)
    assert absences(answers) == [Absence.UNREACHABLE] * 3
    assert "pass" not in str(answers)


def test_mlflow_that_does_not_know_its_own_name_denies(hub: Hub) -> None:
    other_name = hub.url.replace("127.0.0.1", "127.1")  # the same machine, not among MLFLOW_SERVER_ALLOWED_HOSTS
    answers = both(other_name, "model", ALIAS)
    assert absences(answers) == [Absence.DENIED] * 3
    assert {answer.said for answer in answers if isinstance(answer, Absent)} != {""}, "the log has MLflow's words"


def test_the_login_goes_with_every_request_and_no_redirect_is_followed(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "the operator's own")  # for addresses that are listed
    login = {"Authorization": "Bearer geheim"}
    with listening() as elsewhere:
        for status in (301, 302, 303, 307, 308):
            listener.answer = lambda _, status=status: (status, {"Location": f"{elsewhere.url}/"}, b"")  # type: ignore[misc]
            answers = both(listener.url, "model", ALIAS, login=login)
            assert "geheim" not in str(answers)
        assert elsewhere.requests == []
    assert {request.headers["Authorization"] for request in listener.requests} == {"Bearer geheim"}
    before = len(listener.requests)
    both(listener.url, "model", ALIAS)
    assert all("Authorization" not in request.headers for request in listener.requests[before:])


@pytest.mark.parametrize("token", ["ge\nheim", "geh\u00e9im"])
def test_a_token_that_cannot_be_sent_is_not_told(listener: Listener, token: str) -> None:
    answers = both(listener.url, "model", ALIAS, login={"Authorization": f"Bearer {token}"})
    assert absences(answers) == [Absence.UNREACHABLE] * 3
    assert "cannot be sent" in str(answers)
    assert "heim" not in str(answers)
    assert "geh" not in str(answers)


# Tags


def test_a_version_carries_what_became_of_it(hub: Hub, model_name: str) -> None:
    hub.model(model_name)
    hub.version(model_name)
    ready = VersionTag(1, "ready")
    for tag in (ready, ready, VersionTag(1, "failed")):
        assert ask(hub.url, lambda r, t=tag: r.tag(model_name, t)) is None  # type: ignore[misc]
        assert hub.tags(model_name, 1) == {"serving": tag.value}
    assert "not found" in str(ask(hub.url, lambda r: r.tag(model_name, replace(ready, version=2))))
    assert "not found" in str(ask(hub.url, lambda r: r.tag("nobody's", ready)))


def test_a_version_says_since_when_in_utc(hub: Hub, model_name: str) -> None:
    hub.model(model_name)
    hub.version(model_name)
    then = datetime(2026, 11, 4, 16, 2, 3, 999, tzinfo=timezone(timedelta(hours=1)))
    assert ask(hub.url, lambda r: r.tag(model_name, VersionTag(1, "ready", then))) is None
    assert hub.tags(model_name, 1) == {"serving": "ready", "serving_at": "2026-11-04T15:02:03+00:00"}
