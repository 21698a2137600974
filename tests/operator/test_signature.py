from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest

from relevo_operator import signature
from relevo_operator.errors import (
    BadSignature,
    MalformedDelivery,
    OldTimestamp,
    RefusedDelivery,
    Replayed,
)
from relevo_operator.signature import ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, Delivery, Verifier

SECRET = "the operator's own sécret"
NOW = 1_800_000_000.0
ID = "5e9f2ad4-3f0c-4a51-9d0f-4f0d1f1c0a11"
CREATED: Mapping[str, Any] = MappingProxyType(
    {
        "entity": "model_version_alias",
        "action": "created",
        "timestamp": "2027-01-15T08:00:00+00:00",
        "data": {"name": "house-prices", "alias": "production", "version": "7"},
    }
)
DELETED: Mapping[str, Any] = MappingProxyType(
    {**CREATED, "action": "deleted", "data": {"name": "house-prices", "alias": "production"}}
)


def sign(body: bytes, *, secret: str = SECRET, delivery_id: str = ID, timestamp: str = str(int(NOW))) -> str:
    made = hmac.new(secret.encode(), f"{delivery_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(made.digest()).decode()


def delivered(
    said: Any = CREATED, *, secret: str = SECRET, delivery_id: str = ID, timestamp: str = str(int(NOW))
) -> tuple[dict[str, str], bytes]:
    """Headers and body as MLflow sends them."""
    body = said if isinstance(said, bytes) else json.dumps(dict(said) if isinstance(said, Mapping) else said).encode()
    made = sign(body, secret=secret, delivery_id=delivery_id, timestamp=timestamp)
    return {ID_HEADER: delivery_id, TIMESTAMP_HEADER: timestamp, SIGNATURE_HEADER: made}, body


def refusal(headers: Mapping[str, str], body: bytes, verifier: Verifier | None = None) -> RefusedDelivery:
    with pytest.raises(RefusedDelivery) as refused:
        (verifier or Verifier(lambda: [SECRET])).check(headers, body, NOW)
    assert len(str(refused.value)) < 400
    return refused.value


def test_the_example_of_a_signature_holds() -> None:
    """Computed once by hand, with openssl: neither side of the other tests can drift along with the other."""
    headers = {
        ID_HEADER: "msg-1",
        TIMESTAMP_HEADER: "1800000000",
        SIGNATURE_HEADER: "v1,gnUiMmgGd+UJ646AOJKi2oCQNIU5Y8xgzV2wsBI8SIs=",
    }
    assert (
        Verifier(lambda: ["geheim"]).check(headers, b'{"entity":"e","action":"a","data":{"name":"n"}}', NOW).name == "n"
    )


def test_what_the_registry_says_is_read() -> None:
    assert Verifier(lambda: [SECRET]).check(*delivered(CREATED), NOW) == Delivery(
        ID, "model_version_alias", "created", "house-prices", "production", 7
    )
    assert Verifier(lambda: [SECRET]).check(*delivered(DELETED), NOW) == Delivery(
        ID, "model_version_alias", "deleted", "house-prices", "production", None
    )
    renamed = {"entity": "registered_model", "action": "created", "data": {"name": "häuser %", "tags": {}}}
    assert Verifier(lambda: [SECRET]).check(*delivered(renamed), NOW) == Delivery(
        ID, "registered_model", "created", "häuser %", "", None
    )


@pytest.mark.parametrize("spelled", [str.lower, str.upper, str.title])
def test_header_names_are_the_same_in_any_case(spelled: Any) -> None:
    headers, body = delivered()
    assert (
        Verifier(lambda: [SECRET]).check({spelled(name): value for name, value in headers.items()}, body, NOW).version
        == 7
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda headers, body: ({**headers, SIGNATURE_HEADER: sign(body, secret="another")}, body),
        lambda headers, body: (headers, body.replace(b'"7"', b'"8"')),
        lambda headers, body: (headers, body + b" "),
        lambda headers, body: ({**headers, ID_HEADER: "another"}, body),
        lambda headers, body: ({**headers, TIMESTAMP_HEADER: str(int(NOW) + 1)}, body),
        lambda headers, body: ({**headers, SIGNATURE_HEADER: headers[SIGNATURE_HEADER].lower()}, body),
        lambda headers, body: ({**headers, SIGNATURE_HEADER: headers[SIGNATURE_HEADER].replace("v1,", "v2,")}, body),
        lambda headers, body: ({**headers, SIGNATURE_HEADER: headers[SIGNATURE_HEADER].replace("v1,", "")}, body),
        lambda headers, body: ({**headers, SIGNATURE_HEADER: headers[SIGNATURE_HEADER][:-1]}, body),
        lambda headers, body: ({**headers, SIGNATURE_HEADER: "v1,"}, body),
        lambda headers, body: ({**headers, SIGNATURE_HEADER: ""}, body),
        lambda headers, body: ({**headers, SIGNATURE_HEADER: "v1,ä\udcff " * 100}, body),
        lambda headers, body: ({k: v for k, v in headers.items() if k != SIGNATURE_HEADER}, body),
    ],
)
def test_what_the_secret_did_not_sign_is_refused(change: Any) -> None:
    refused = refusal(*change(*delivered()))
    assert isinstance(refused, BadSignature)
    assert refused.reason == "bad_signature"
    assert SECRET not in str(refused)


def test_one_good_signature_of_several_is_enough() -> None:
    """As when a secret is changed without a gap, in the standard that MLflow follows."""
    headers, body = delivered()
    others = f"{sign(body, secret='old')}  v1a,xyz {headers[SIGNATURE_HEADER]} nonsense"
    assert Verifier(lambda: [SECRET]).check({**headers, SIGNATURE_HEADER: others}, body, NOW).version == 7


@pytest.mark.parametrize(("age", "taken"), [(0, True), (299, True), (-299, True), (301, False), (-301, False)])
def test_a_timestamp_counts_for_five_minutes_either_way(age: int, taken: bool) -> None:
    headers, body = delivered(timestamp=str(int(NOW) - age))
    if taken:
        assert Verifier(lambda: [SECRET]).check(headers, body, NOW).version == 7
        return
    refused = refusal(headers, body)
    assert isinstance(refused, OldTimestamp)
    assert refused.reason == "old_timestamp"
    assert ("ago" if age > 0 else "from now") in str(refused)


def test_the_tolerance_can_be_set() -> None:
    headers, body = delivered(timestamp=str(int(NOW) - 11))
    assert Verifier(lambda: [SECRET], tolerance=12).check(headers, body, NOW).version == 7
    assert isinstance(refusal(headers, body, Verifier(lambda: [SECRET], tolerance=10)), OldTimestamp)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {ID_HEADER: ID},
        {TIMESTAMP_HEADER: str(int(NOW))},
        {ID_HEADER: ID, TIMESTAMP_HEADER: ""},
        {ID_HEADER: ID, TIMESTAMP_HEADER: "soon"},
        {ID_HEADER: ID, TIMESTAMP_HEADER: "-5"},
        {ID_HEADER: ID, TIMESTAMP_HEADER: "1.8e9"},
        {ID_HEADER: ID, TIMESTAMP_HEADER: "١٢٣"},
        {ID_HEADER: ID, TIMESTAMP_HEADER: "9" * 5000},
        {ID_HEADER: "", TIMESTAMP_HEADER: str(int(NOW))},
        {ID_HEADER: "a.b", TIMESTAMP_HEADER: str(int(NOW))},
        {ID_HEADER: f"{ID}\n", TIMESTAMP_HEADER: str(int(NOW))},
        {ID_HEADER: "x" * 129, TIMESTAMP_HEADER: str(int(NOW))},
    ],
)
def test_headers_that_mlflow_does_not_send_are_malformed(headers: dict[str, str]) -> None:
    body = json.dumps(dict(CREATED)).encode()
    made = sign(body, delivery_id=headers.get(ID_HEADER, ""), timestamp=headers.get(TIMESTAMP_HEADER, ""))
    refused = refusal({**headers, SIGNATURE_HEADER: made}, body)
    assert isinstance(refused, MalformedDelivery)
    assert refused.reason == "malformed"


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"not json",
        b"\xff",
        b"null",
        b"[]",
        b"7",
        b"[" * 100_000,
        b'{"entity": "e", "action": "a", "data": {"name": "n", "version": ' + b"9" * 5000 + b"}}",
        {},
        {**CREATED, "data": None},
        {**CREATED, "data": []},
        {**CREATED, "data": {"alias": "production", "version": "7"}},
        {**CREATED, "data": {"name": 7}},
        {**CREATED, "data": {"name": ""}},
        {**CREATED, "data": {"name": "n", "alias": None}},
        {**CREATED, "data": {"name": "n", "alias": "a", "version": "seven"}},
        {**CREATED, "data": {"name": "n", "alias": "a", "version": 7.5}},
        {**CREATED, "entity": None},
        {"entity": "e", "data": {"name": "n"}},
    ],
)
def test_a_signed_body_of_another_shape_is_malformed(said: Any) -> None:
    assert isinstance(refusal(*delivered(said)), MalformedDelivery)


# Replays


def test_a_delivery_is_accepted_once() -> None:
    verifier = Verifier(lambda: [SECRET])
    verifier.check(*delivered(), NOW)
    for later in (0, 10, 300):
        with pytest.raises(Replayed) as refused:
            verifier.check(*delivered(), NOW + later)
        assert refused.value.reason == "replayed"
    with pytest.raises(OldTimestamp):
        verifier.check(*delivered(), NOW + 301)
    assert verifier.check(*delivered(delivery_id="another"), NOW).id == "another"


def test_one_signed_in_the_future_is_remembered_as_long_as_it_counts() -> None:
    verifier = Verifier(lambda: [SECRET])
    ahead = delivered(timestamp=str(int(NOW) + 299))
    verifier.check(*ahead, NOW)
    verifier.check(*delivered(delivery_id="another", timestamp=str(int(NOW) + 400)), NOW + 400)
    with pytest.raises(Replayed):
        verifier.check(*ahead, NOW + 598)


def test_only_what_the_secret_signed_is_remembered() -> None:
    verifier = Verifier(lambda: [SECRET])
    headers, body = delivered()
    refusal({**headers, SIGNATURE_HEADER: sign(body, secret="another")}, body, verifier)
    assert verifier.check(headers, body, NOW).id == ID  # nobody can keep a delivery out by its id


def test_a_delivery_that_could_not_be_acted_upon_is_accepted_again() -> None:
    verifier = Verifier(lambda: [SECRET])
    delivery = verifier.check(*delivered(), NOW)
    verifier.forget(delivery.id)
    assert verifier.check(*delivered(), NOW + 5) == delivery
    with pytest.raises(Replayed):
        verifier.check(*delivered(), NOW + 5)
    verifier.forget("never seen")


def test_what_is_remembered_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signature, "MOST_REMEMBERED", 100)
    verifier = Verifier(lambda: [SECRET])
    for number in range(1000):
        verifier.check(*delivered(delivery_id=f"id-{number}"), NOW)
    assert len(verifier._accepted) == 100
    with pytest.raises(Replayed):
        verifier.check(*delivered(delivery_id="id-999"), NOW)
    verifier.check(*delivered(delivery_id="late", timestamp=str(int(NOW) + 600)), NOW + 600)
    assert list(verifier._accepted) == ["late"]  # the others' time is over


def test_an_empty_secret_is_no_secret() -> None:
    headers, body = delivered(CREATED, secret="")
    assert isinstance(refusal(headers, body, Verifier(lambda: [""])), BadSignature)
    assert isinstance(refusal(headers, body, Verifier(list)), BadSignature)


def test_a_delivery_tells_with_which_secret_it_was_signed() -> None:
    """By it alone one registry's webhook is told from another's."""
    verifier = Verifier(lambda: ["another", SECRET])
    assert verifier.check(*delivered(CREATED), NOW).secret == SECRET
    assert SECRET not in repr(verifier.check(*delivered(CREATED, delivery_id="id-2"), NOW))
