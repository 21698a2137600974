"""Who may write a ModelDeployment gets no credential by the addresses in it: all that is sent is kept and read."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from lightkube.types import PatchType

from relevo_contract.names import ALIAS
from relevo_operator import kinds, names
from tests.kubernetes_api import KubernetesApi
from tests.operator.cluster.conftest import SECRET, Operate
from tests.operator.cluster.shop import Operator, Shop, eventually
from tests.operator.registry.hub import Listener, Request, listening
from tests.versions import Versions

LOGIN, PASSWORD, HOOK = "mlflow-login", "hunter2-of-the-tests", "the hook's secret, long enough"
BASIC = f"Basic {base64.b64encode(f'ana:{PASSWORD}'.encode()).decode()}"
OWN = {"MLFLOW_TRACKING_TOKEN": "the-operators-own-token"}
ROLE: Any = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "Role",
    "metadata": {"name": "relevo-operator-registry"},
    "rules": [{"apiGroups": [""], "resources": ["secrets"], "resourceNames": [LOGIN], "verbs": ["get"]}],
}


def as_mlflow(request: Request) -> tuple[int, dict[str, str], bytes]:
    """Version 1 has every alias, and there is no webhook yet."""
    version = {"name": "m", "version": "1"}
    path = request.path.partition("?")[0].rpartition("/mlflow/")[2]
    found: dict[str, Any] = {
        "registered-models/alias": {"model_version": version},
        "registered-models/get": {"registered_model": {"aliases": [{"alias": ALIAS, "version": "1"}]}},
        "webhooks": {"webhooks": []},
    }
    return 200, {}, json.dumps(found.get(path, {})).encode()


@pytest.fixture
def thief() -> Iterator[Listener]:
    with listening() as found:
        found.answer = as_mlflow
        yield found


@pytest.fixture
def let_in(shop: Shop, kube_api: KubernetesApi) -> Shop:
    """The operator may get the Secret LOGIN of the shop."""
    binding = {
        "apiVersion": ROLE["apiVersion"],
        "kind": "RoleBinding",
        "metadata": ROLE["metadata"],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": ROLE["metadata"]["name"]},
        "subjects": [{"kind": "ServiceAccount", "name": "relevo-operator", "namespace": "relevo"}],
    }
    for one in (ROLE, binding):
        kube_api.kubectl("apply", "-n", shop.namespace, "-f", "-", input=json.dumps(one))
    return shop


def secret(shop: Shop, **data: str) -> None:
    data = {"username": "ana", "password": PASSWORD} | data
    metadata = {"name": LOGIN}
    shop.client.create(kinds.SECRET({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data}))


def sent(listener: Listener) -> set[str | None]:
    return {request.headers.get("Authorization") for request in listener.requests}


def nothing_of_ours(operator: Operator, shop: Shop, *listeners: Listener) -> None:
    """No credential was sent to these, nor is one in the log, in status, in an Event or in the metrics."""
    places = [operator.log.read_text(), str(shop.get()), operator.get("/metrics").text]
    places += [str(event) for event in shop.client.list(kinds.EVENT, namespace=shop.namespace)]
    places += [f"{one.path} {one.headers} {one.body!r}" for listener in listeners for one in listener.requests]
    for place in places:
        for credential in (PASSWORD, BASIC, *OWN.values(), SECRET, HOOK, "Authorization"):
            assert credential not in place or (credential == "Authorization" and place in places[:3]), place[:2000]


def test_an_address_that_nobody_listed_gets_no_login_and_no_webhook(
    shop: Shop, operate: Operate, thief: Listener
) -> None:
    with operate(**OWN) as operator:
        for number, written in enumerate((thief.url, f"{thief.url}/team", f"{thief.url}//")):
            shop.apply(f"thief-{number}", registry={"trackingUri": written, "model": "m"}, pollInterval="1s")
            shop.wait_condition("RegistryReachable", "True", "Resolved", f"thief-{number}")
        shop.apply()  # the one that is listed
        shop.wait_condition("RegistryReachable", "False", "AliasMissing")
        eventually(lambda: len(thief.requests) > 12, "questions")
        assert sent(thief) == {None}
        assert not any("webhook" in one.path for one in thief.requests)
        nothing_of_ours(operator, shop, thief)


def test_a_listed_address_is_asked_as_the_operator_and_no_redirect_is_followed(
    shop: Shop, operate: Operate, thief: Listener
) -> None:
    with listening() as listed, operate(**OWN, RELEVO_REGISTRIES=f"http://other:5000, {listed.url}/") as operator:
        listed.answer = as_mlflow
        shop.apply(registry={"trackingUri": f"{listed.url}//", "model": "m"}, pollInterval="1s")
        shop.wait_condition("RegistryReachable", "True", "Resolved")
        eventually(lambda: any(one.path.endswith("/webhooks") and one.body for one in listed.requests), "the webhook")
        assert sent(listed) == {f"Bearer {OWN['MLFLOW_TRACKING_TOKEN']}"}
        for status in (301, 302, 303, 307, 308):
            listed.answer = lambda _, status=status: (status, {"Location": f"{thief.url}/"}, b"")  # type: ignore[misc]
            eventually(lambda: f"answered {status}" in shop.condition("RegistryReachable")[2], "a no")  # noqa: B023
        assert thief.requests == []
        nothing_of_ours(operator, shop, thief)


def test_a_secrets_login_and_webhook_go_to_its_url_and_to_no_other(
    let_in: Shop, operate: Operate, thief: Listener
) -> None:
    with listening() as owner, operate(**OWN) as operator:
        owner.answer = as_mlflow
        secret(let_in, url=f"{owner.url}/team/", **{"webhook-secret": HOOK})
        let_in.apply(registry={"secretName": LOGIN, "model": "m"}, pollInterval="1s")
        let_in.wait_condition("RegistryReachable", "True", "Resolved")
        eventually(lambda: any(one.path.endswith("/webhooks") and one.body for one in owner.requests), "the webhook")
        assert sent(owner) == {BASIC}
        assert all(one.path.startswith("/team/api/2.0/mlflow/") for one in owner.requests)
        (made,) = [json.loads(one.body) for one in owner.requests if one.path.endswith("/webhooks") and one.body]
        assert made["secret"] == HOOK
        for number, registry in enumerate(
            (
                {"trackingUri": thief.url, "secretName": LOGIN, "model": "m"},
                {"trackingUri": f"{owner.url}/other", "secretName": LOGIN, "model": "m"},
            )
        ):
            let_in.apply(f"thief-{number}", registry=registry, pollInterval="1s")
            message = let_in.wait_condition("RegistryReachable", "False", "AddressRefused", f"thief-{number}")
            assert "its login goes nowhere else" in message
        owner.answer = lambda _: (307, {"Location": f"{thief.url}/"}, b"")
        let_in.wait_condition("RegistryReachable", "False", "BadAnswer")
        assert thief.requests == []
        nothing_of_ours(operator, let_in, thief)


def test_a_secret_that_is_changed_or_taken_away_holds_with_the_next_question(
    let_in: Shop, operate: Operate, thief: Listener
) -> None:
    with listening() as owner, operate():
        owner.answer = as_mlflow
        secret(let_in, url=owner.url)
        let_in.apply(registry={"secretName": LOGIN, "model": "m"}, pollInterval="1s")
        let_in.wait_condition("RegistryReachable", "True", "Resolved")
        patch = {"stringData": {"password": "another"}}
        let_in.client.patch(kinds.SECRET, LOGIN, patch, patch_type=PatchType.MERGE)
        changed = f"Basic {base64.b64encode(b'ana:another').decode()}"
        eventually(lambda: changed in sent(owner), "the new password")
        let_in.client.delete(kinds.SECRET, LOGIN)
        message = let_in.wait_condition("RegistryReachable", "False", "CredentialMissing")
        assert f"expected a Secret {LOGIN} in the namespace {let_in.namespace}" in message
        asked = len(owner.requests)
        let_in.annotate(names.REFRESH, "1")
        eventually(lambda: let_in.status().get("refreshed") == "1", "status.refreshed")
        assert len(owner.requests) == asked, "nothing is asked without the login either"


def test_without_the_right_to_the_secret_the_condition_names_the_rule(
    shop: Shop, operator: Operator, thief: Listener
) -> None:
    secret(shop, url=thief.url)
    shop.apply(registry={"secretName": LOGIN, "model": "m"})
    message = shop.wait_condition("RegistryReachable", "False", "CredentialMissing")
    rule = (
        f'add the rule {{apiGroups: [""], resources: [secrets], resourceNames: [{LOGIN}], verbs: [get]}} to a Role of'
    )
    assert f"{rule} system:serviceaccount:relevo:relevo-operator in namespace {shop.namespace}" in message
    assert thief.requests == []


def test_a_hook_signed_with_one_registrys_secret_asks_no_other(
    let_in: Shop, operate: Operate, versions: Versions
) -> None:
    """Signed by the owner of another registry it is true, but says nothing of this one."""
    with listening() as owner, operate() as operator:
        owner.answer = as_mlflow
        secret(let_in, url=owner.url, **{"webhook-secret": HOOK})
        let_in.apply("theirs", registry={"secretName": LOGIN, "model": versions.model})
        let_in.apply()  # the same model in the listed MLflow
        let_in.wait_condition("RegistryReachable", "True", "Resolved", "theirs")
        let_in.wait_condition("RegistryReachable", "False", "AliasMissing")
        before = operator.metric("relevo_operator_registry_calls_total", registry=let_in.tracking_uri, kind="resolve")
        data = {"name": versions.model, "alias": "production", "version": "1"}
        body = json.dumps({"entity": "model_version_alias", "action": "created", "data": data})
        stamp, theirs = str(int(time.time())), len(owner.requests)
        signature = base64.b64encode(hmac.digest(HOOK.encode(), f"id-1.{stamp}.{body}".encode(), "sha256")).decode()
        headers = {
            "X-MLflow-Delivery-Id": "id-1", "X-MLflow-Timestamp": stamp, "X-MLflow-Signature": f"v1,{signature}"
        }  # fmt: skip
        answer = httpx.post(f"{operator.url}/webhooks/mlflow", content=body, headers=headers)
        assert answer.status_code == 200, answer.text
        eventually(lambda: len(owner.requests) > theirs, "a question to the one that signed")
        let_in.annotate(names.REFRESH, "1")  # the one question more that the listed one gets
        eventually(lambda: let_in.status().get("refreshed") == "1", "status.refreshed")
        after = operator.metric("relevo_operator_registry_calls_total", registry=let_in.tracking_uri, kind="resolve")
        assert after == before + 1


@pytest.mark.parametrize("variable", ["MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME"])
def test_a_login_without_an_address_is_refused_at_the_start(operate: Operate, variable: str) -> None:
    with ExitStack() as stack, pytest.raises(AssertionError, match="ended with 2"):
        stack.enter_context(operate(**{variable: "geheim"}, RELEVO_REGISTRIES=""))
