from __future__ import annotations

import time
from typing import Any

import pytest

from relevo_contract.names import ALIAS
from relevo_operator.errors import BadSignature, Replayed
from relevo_operator.signature import ID_HEADER, Verifier
from tests.operator.registry.hub import HTML, SECRET, Hub, Listener, Request, ask, listening


def ensure(hub: Hub, url: str, secret: str = SECRET) -> str | None:
    return ask(hub.url, lambda registry: registry.ensure_webhook(url, secret))


def changed(hub: Hub, **body: Any) -> None:
    hub.ask("PATCH", f"webhooks/{hub.webhooks()[0]['webhook_id']}", json=body)


def test_a_webhook_is_made_once_and_stays_as_it_is(hub: Hub, listener: Listener) -> None:
    assert ensure(hub, listener.url) is None
    made = hub.webhooks()
    assert len(made) == 1
    assert made[0]["url"] == listener.url
    assert SECRET not in str(made)
    assert ensure(hub, listener.url) is None
    assert hub.webhooks() == made  # not even the time of its last change


def test_operators_at_different_addresses_leave_each_other_alone(hub: Hub) -> None:
    assert ensure(hub, "http://127.0.0.1:9/a") is None
    assert ensure(hub, "http://127.0.0.1:9/b", "another secret") is None
    both_made = hub.webhooks()
    assert ensure(hub, "http://127.0.0.1:9/a") is None
    assert ensure(hub, "http://127.0.0.1:9/b", "another secret") is None
    assert hub.webhooks() == both_made
    assert {hook["url"] for hook in both_made} == {"http://127.0.0.1:9/a", "http://127.0.0.1:9/b"}


@pytest.mark.parametrize(
    "change",
    [
        {"url": "http://127.0.0.1:9/elsewhere"},
        {"events": [{"entity": "MODEL_VERSION_ALIAS", "action": "CREATED"}]},
        {"description": "mine"},
    ],
)
def test_a_webhook_that_somebody_changed_is_put_right(hub: Hub, change: dict[str, Any]) -> None:
    def seen() -> list[dict[str, Any]]:
        return [
            {key: value for key, value in hook.items() if key not in {"events", "last_updated_timestamp"}}
            | {"events": sorted(hook["events"], key=str)}
            for hook in hub.webhooks()
        ]

    ensure(hub, "http://127.0.0.1:9/hook")
    made = seen()
    changed(hub, **change)
    assert seen() != made
    assert ensure(hub, "http://127.0.0.1:9/hook") is None
    assert seen() == made


def test_a_webhook_that_somebody_disabled_stays_so_and_is_told(hub: Hub) -> None:
    ensure(hub, "http://127.0.0.1:9/hook")
    changed(hub, status="DISABLED")
    assert "somebody disabled it" in str(ensure(hub, "http://127.0.0.1:9/hook"))
    assert [hook["status"] for hook in hub.webhooks()] == ["DISABLED"]
    changed(hub, status="ACTIVE")
    assert ensure(hub, "http://127.0.0.1:9/hook") is None


def test_two_made_at_the_same_time_become_one(hub: Hub) -> None:
    ensure(hub, "http://127.0.0.1:9/hook")
    (first,) = hub.webhooks()
    time.sleep(0.01)  # MLflow's clock is in milliseconds
    hub.ask("POST", "webhooks", json={key: first[key] for key in ("name", "url", "events", "description")})
    assert len(hub.webhooks()) == 2
    assert ensure(hub, "http://127.0.0.1:9/hook") is None
    assert hub.webhooks() == [first]


def test_a_refusal_is_told_with_what_to_set(hub: Hub) -> None:
    told = str(ensure(hub, "ftp://127.0.0.1/hook"))
    assert "Invalid webhook URL scheme: 'ftp'" in told
    assert "MLFLOW_WEBHOOK_ALLOWED_SCHEMES" in told
    told = str(ensure(hub, f"http://{'a' * 600}/"))  # MLflow answers with the statement that failed
    assert SECRET not in told
    assert len(told) < 700
    assert hub.webhooks() == []


@pytest.mark.parametrize(
    ("status", "content", "sentence"),
    [
        (404, HTML, "MLflow 3.3"),  # as Flask answers in the versions before
        (403, b'{"error_code": "PERMISSION_DENIED", "message": "no"}', "administrator"),
        (500, HTML, "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY"),
    ],
)
def test_a_server_that_has_no_webhooks_for_us_is_told(
    listener: Listener, status: int, content: bytes, sentence: str
) -> None:
    listener.answer = lambda _: (status, {}, content)
    told = str(ask(listener.url, lambda r: r.ensure_webhook("http://127.0.0.1:9/", SECRET)))
    assert sentence in told
    assert "polling" in told


# What MLflow delivers


def versioned(hub: Hub, model: str) -> None:
    hub.model(model)
    hub.version(model)
    hub.version(model)


def test_a_moved_alias_is_delivered_signed(hub: Hub, listener: Listener, model_name: str) -> None:
    odd = f"häuser & 100% 日本 {model_name}"
    versioned(hub, odd)
    ensure(hub, listener.url)
    hub.mark(odd, ALIAS, 1)
    hub.mark(odd, ALIAS, 2)
    hub.unmark(odd, ALIAS)
    verifier = Verifier(lambda: [SECRET])
    told = [verifier.check(request.headers, request.body, time.time()) for request in listener.wait_for(3)]
    assert {(one.entity, one.name, one.alias) for one in told} == {("model_version_alias", odd, ALIAS)}
    # Ten threads deliver: they may overtake each other, so the registry is asked what holds.
    assert {(one.action, one.version) for one in told} == {("created", 1), ("created", 2), ("deleted", None)}
    for request in listener.requests:
        with pytest.raises(Replayed):
            verifier.check(request.headers, request.body, time.time())
        with pytest.raises(BadSignature):
            Verifier(lambda: ["another secret"]).check(request.headers, request.body, time.time())


def test_a_changed_secret_is_what_mlflow_signs_with_from_then_on(hub: Hub, listener: Listener, model_name: str) -> None:
    versioned(hub, model_name)
    assert ensure(hub, listener.url, "the old secret") is None
    hub.mark(model_name, ALIAS, 1)
    (before,) = listener.wait_for(1)
    assert ensure(hub, listener.url, "the new secret") is None
    assert len(hub.webhooks()) == 1
    hub.mark(model_name, ALIAS, 2)
    after = listener.wait_for(2)[1]
    assert Verifier(lambda: ["the old secret"]).check(before.headers, before.body, time.time()).version == 1
    assert Verifier(lambda: ["the new secret"]).check(after.headers, after.body, time.time()).version == 2


def test_what_could_not_be_acted_upon_is_accepted_when_mlflow_repeats_it(
    hub: Hub, listener: Listener, model_name: str
) -> None:
    verifier = Verifier(lambda: [SECRET])
    outcomes: list[str] = []

    def act(request: Request) -> tuple[int, dict[str, str], bytes]:
        try:
            delivery = verifier.check(request.headers, request.body, time.time())
        except Replayed:
            outcomes.append("replayed")
            return 200, {}, b""
        if not outcomes:
            outcomes.append("failed")
            verifier.forget(delivery.id)
            return 503, {}, b""
        outcomes.append("acted")
        return 503, {}, b""  # acted upon, but MLflow is told otherwise: as if the answer were lost

    listener.answer = act
    versioned(hub, model_name)
    ensure(hub, listener.url)
    hub.mark(model_name, ALIAS, 1)
    requests = listener.wait_for(3)
    assert outcomes == ["failed", "acted", "replayed"]
    assert len({(request.headers[ID_HEADER], request.body) for request in requests}) == 1


def test_two_operators_are_both_told(hub: Hub, listener: Listener, model_name: str) -> None:
    versioned(hub, model_name)
    with listening() as other:
        ensure(hub, listener.url)
        ensure(hub, other.url, "another secret")
        hub.mark(model_name, ALIAS, 1)
        for told, secret in ((listener, SECRET), (other, "another secret")):
            (request,) = told.wait_for(1)
            verifier = Verifier(lambda secret=secret: [secret])  # type: ignore[misc]
            assert verifier.check(request.headers, request.body, time.time()).name == model_name
