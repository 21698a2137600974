"""Which login goes to which address, whoever writes the address."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import Coroutine, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from relevo_operator.addresses import normal
from relevo_operator.airflow_api import Login
from relevo_operator.credentials import Access, Credentials
from relevo_operator.errors import AddressRefused, CredentialMissing, RefusedByCluster, UnusableCredential
from relevo_operator.values import RegistryRef, RetrainingRef
from tests.operator.test_addresses import disguised

OWN = {"Authorization": f"Basic {base64.b64encode(b'operator:hunter2').decode()}"}
LISTED = frozenset({"https://mlflow.example", "https://gate.example/team/mlflow"})
WEBHOOK = "the operator's own webhook secret"
FORBIDDEN = (
    'reading shop/others: the API server answers 403 secrets "others" is forbidden: User "system:serviceaccount:'
    'relevo:relevo-operator" cannot get resource "secrets" in API group "" in the namespace "shop"'
)


class Shelf:
    """Secrets of the namespace shop, read as the cluster gives them."""

    def __init__(self, **secrets: Mapping[str, str]) -> None:
        self.secrets = secrets

    async def secret(self, namespace: str, name: str) -> Mapping[str, str] | None:
        if name == "others":
            raise RefusedByCluster(FORBIDDEN)
        found = self.secrets.get(name) if namespace == "shop" else None
        return found and {key: base64.b64encode(text.encode()).decode() for key, text in found.items()}


@pytest.fixture(autouse=True)
def own_login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "operator")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "hunter2")


def run(asked: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asked)


def access(uri: str = "", /, **secret: str) -> Access:
    """As whom a registry is asked, for a ModelDeployment with this trackingUri and a Secret of this content."""
    ref = RegistryRef(uri, "m", "production", ("shop", "login") if secret else None)
    keys = {key.replace("_", "-").replace("ca-crt", "ca.crt"): text for key, text in secret.items()}
    found: Access = run(Credentials(Shelf(login=keys), LISTED, WEBHOOK).registry(ref))
    return found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(disguised(), st.text()))
def test_no_address_outside_the_list_gets_the_operators_login_or_its_webhook(url: str) -> None:
    with contextlib.suppress(UnusableCredential):
        found = access(url)
        own = found.url in LISTED
        assert found.own is own
        assert found.authorization == (OWN if own else {})
        assert found.webhook_secret == (WEBHOOK if own else "")
        assert "hunter2" not in repr(found)
        assert WEBHOOK not in repr(found)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(disguised(), st.text()), st.one_of(st.just("https://elsewhere.example/ml"), disguised()))
def test_a_secrets_login_goes_to_its_own_url_alone_whatever_the_spec_says(uri: str, url: str) -> None:
    with contextlib.suppress(UnusableCredential):
        found = access(uri, url=url or "-", token="geheim")
        assert found.url == normal(url)
        assert found.authorization == (OWN if found.url in LISTED else {"Authorization": "Bearer geheim"})
        assert uri == "" or normal(uri) == found.url
        assert "geheim" not in repr(found)


def test_address_and_login_are_the_secrets_and_what_a_pod_needs_of_it_is_known() -> None:
    found = access(url="http://MLFLOW:5000/\n", username="ana", password="geheim\n", webhook_secret="w" * 16)
    assert (found.url, found.own, found.keys) == ("http://mlflow:5000", False, ("username", "password"))
    assert found.authorization == {"Authorization": f"Basic {base64.b64encode(b'ana:geheim').decode()}"}
    assert found.webhook_secret == "w" * 16
    assert access("http://mlflow:5000", url="http://MLFLOW:5000/", token="t").keys == ("token",)


def test_at_a_listed_address_the_operator_asks_as_itself_though_pods_have_a_login_of_their_own() -> None:
    found = access(url="https://mlflow.example", username="serving", password="geheim")
    assert (found.own, found.authorization, found.keys) == (True, OWN, ("username", "password"))


@pytest.mark.parametrize(
    ("uri", "secret", "error", "words"),
    [
        ("http://evil:5000", {"url": "http://mlflow:5000", "token": "t"}, AddressRefused, "5000, got another"),
        ("http://mlflow:5000/a/..", {}, AddressRefused, "spec.registry.trackingUri: expected"),
        ("", {"url": "http://u:geheim@mlflow", "token": "t"}, AddressRefused, "'url' in the Secret login: expected"),
        ("", {"token": "t"}, CredentialMissing, "it lacks 'url'"),
        ("http://mlflow:5000", {"token": "t"}, CredentialMissing, "it lacks 'url'"),
        ("", {"url": "http://mlflow"}, CredentialMissing, "it has none of them"),
        ("", {"url": "http://mlflow", "username": "ana"}, CredentialMissing, "it has username"),
        ("", {"url": "http://a", "username": "a", "password": "b", "token": "c"}, CredentialMissing, "one of the two"),
        ("", {"url": "http://mlflow", "token": "\n"}, CredentialMissing, "'token' is empty"),
        ("", {"url": "http://mlflow", "token": "geh\neim"}, CredentialMissing, "cannot be seen"),
        ("", {"url": "http://mlflow", "token": "geheim é"}, CredentialMissing, "cannot be sent"),
        ("", {"url": "http://mlflow", "token": "geheim" * 20_000}, CredentialMissing, "more than 65,536"),
        ("", {"url": "http://mlflow", "token": "t", "webhook_secret": "geheim"}, CredentialMissing, "at least 16"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_told_with_what_to_do_and_no_value(
    uri: str, secret: dict[str, str], error: type[Exception], words: str
) -> None:
    with pytest.raises(error) as refused:
        access(uri, **secret)
    assert words in str(refused.value)
    assert "geheim" not in str(refused.value)


def test_a_secret_that_is_not_there_or_may_not_be_read_is_told_with_the_rule_to_add() -> None:
    credentials = Credentials(Shelf(), LISTED, WEBHOOK)
    for name, words in (("none", "there is none: make it"), ("others", 'add the rule {apiGroups: [""], resources')):
        with pytest.raises(CredentialMissing, match="expected a Secret") as refused:
            run(credentials.registry(RegistryRef("https://mlflow.example", "m", "production", ("shop", name))))
        assert words in str(refused.value)
        with pytest.raises(CredentialMissing, match="expected a Secret") as refused:
            run(credentials.airflow("shop", RetrainingRef("", "relevo", name)))
        assert words in str(refused.value)


def test_certificates_that_are_none_are_refused() -> None:
    with pytest.raises(CredentialMissing, match="expected certificates in PEM"):
        access(url="https://mlflow", token="t", ca_crt="no certificate").verify()


@given(st.one_of(disguised(), st.text()))
def test_airflows_login_goes_to_the_secrets_url_alone(given_url: str) -> None:
    secret = {"url": "http://airflow:8080/", "username": "admin", "password": "geheim\n"}
    credentials = Credentials(Shelf(login=secret), LISTED, WEBHOOK)
    ref = RetrainingRef(given_url, "relevo", "login")
    try:
        url, login = run(credentials.airflow("shop", ref))
    except AddressRefused as refused:
        assert given_url
        assert "geheim" not in str(refused)
        return
    assert (url, login) == ("http://airflow:8080", Login("admin", "geheim"))
    assert given_url == "" or normal(given_url) == url
