"""Each field of a ModelDeployment that reaches what the operator makes: set it is there, changed it is changed, removed
it is gone, and Ready is never said before. The fields are the definition's: a new one without its row here fails."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from lightkube import ApiError, Client
from lightkube.config.kubeconfig import KubeConfig
from lightkube.types import PatchType

from relevo_operator import manifests, names, wire
from relevo_operator.values import Found, Observed
from tests.operator.cluster.conftest import Operate
from tests.operator.cluster.shop import Deployment, ModelDeployment, Operator, Service, Shop, eventually
from tests.versions import Versions

DEFINITION = yaml.safe_load((Path(__file__).parents[3] / "crds" / "modeldeployments.yaml").read_text())
ELSEWHERE = {
    "registry.alias": "which version is told by MLflow",
    "pollInterval": "how the operator asks",
    "rollout.onFailure": "what becomes of a version that is given up",
    "suspend": "whether anything is written",
    "retraining.url": "Airflow's",
    "retraining.dag": "Airflow's",
    "retraining.secretName": "Airflow's",
}
"""Fields that neither Deployment nor Service shows, and whom they are for."""
Seen = Mapping[str, Any]
Look = Callable[[Seen, Seen], Any]
"""From a Deployment and a Service."""
ABSENT = None


def leaves(schema: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Every field of a schema that holds a value."""
    if "properties" in schema:
        for name, below in schema["properties"].items():
            yield from leaves(below, f"{path}.{name}".lstrip("."))
    elif "items" in schema:
        yield from leaves(schema["items"], f"{path}[]")
    elif isinstance(schema.get("additionalProperties"), dict):
        yield from leaves(schema["additionalProperties"], f"{path}.*")
    else:
        yield path


SPEC = DEFINITION["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]


def pod(deployment: Seen) -> Any:
    return deployment["spec"]["template"]["spec"]


def container(deployment: Seen) -> Any:
    return pod(deployment)["containers"][0]


def variable(deployment: Seen, name: str) -> Any:
    return next((one for one in container(deployment)["env"] if one["name"] == name), ABSENT)


def env(name: str = "ASKED", **of: Any) -> dict[str, Any]:
    return {"serving": {"env": [{"name": name, **of}]}}


def secret(**ref: Any) -> dict[str, Any]:
    return env(valueFrom={"secretKeyRef": ref})


def config(**ref: Any) -> dict[str, Any]:
    return env(valueFrom={"configMapKeyRef": ref})


def asked(deployment: Seen, _: Seen) -> Any:
    return variable(deployment, "ASKED")


def files(**of: Any) -> dict[str, Any]:
    return {"serving": {"secretFiles": [of]}}


def mounted(deployment: Seen, _: Seen) -> Any:
    """Variables, mounts and volumes of settings in files."""
    return (
        [one for one in container(deployment)["env"] if one["name"].endswith("_FILE")],
        [one for one in container(deployment)["volumeMounts"] if one["name"].startswith("secret-")],
        [one for one in pod(deployment)["volumes"] if one["name"].startswith("secret-")],
    )


def expected_file(name: str, key: str, **of: Any) -> Any:
    secret = {**of, "items": [{"key": key, "path": "value"}], "defaultMode": 0o444}
    return (
        [{"name": f"{name}_FILE", "value": f"/secrets/{name}/value"}],
        [{"name": "secret-0", "mountPath": f"/secrets/{name}", "readOnly": True}],
        [{"name": "secret-0", "secret": secret}],
    )


def of_processor_and_memory(container: Seen) -> dict[str, Any]:
    """A container's resources but for its share of the node's disk, which it has whatever is asked."""
    kept = {
        which: {name: value for name, value in these.items() if name != manifests.STORAGE}
        for which, these in container["resources"].items()
    }
    return {which: these for which, these in kept.items() if these}


def resources(which: str) -> Look:
    return lambda deployment, _: of_processor_and_memory(container(deployment)).get(which)


def expected_registry(name: str) -> Any:
    """A Secret that the operator may not read: pods are made as of the usual one, and wait for it."""
    keys = ("url", "username", "password")
    variables = [f"MLFLOW_TRACKING_{one}_FILE" for one in ("PASSWORD", "URI", "USERNAME")]
    secret = {"secretName": name, "items": [{"key": key, "path": key} for key in keys], "defaultMode": 0o444}
    return variables, [secret], ["/secrets/registry"]


NO_REGISTRY: Any = (["MLFLOW_TRACKING_URI"], [], [])
NOTHING: dict[str, Any] = {}
ROWS: dict[str, tuple[Look, list[tuple[dict[str, Any], Any]]]] = {
    "registry.trackingUri": (
        lambda deployment, _: variable(deployment, "MLFLOW_TRACKING_URI")["value"],
        [({"registry": {"trackingUri": url}}, url) for url in ("http://one:5000", "http://two:5000")],
    ),
    "registry.secretName": (
        lambda deployment, _: (
            sorted(one["name"] for one in container(deployment)["env"] if one["name"].startswith("MLFLOW_")),
            [one["secret"] for one in pod(deployment)["volumes"] if one["name"] == "registry"],
            [one["mountPath"] for one in container(deployment)["volumeMounts"] if one["name"] == "registry"],
        ),
        [*(({"registry": {"secretName": one}}, expected_registry(one)) for one in ("a", "b")), (NOTHING, NO_REGISTRY)],
    ),
    "registry.model": (lambda deployment, _: bool(variable(deployment, "RELEVO_MODEL")["value"]), [(NOTHING, True)]),
    "serving.image": (
        lambda deployment, _: container(deployment)["image"],
        [({"serving": {"image": one}}, one) for one in ("one:1", "two:1")],
    ),
    "serving.replicas": (
        lambda deployment, _: deployment["spec"]["replicas"],
        [({"serving": {"replicas": 3}}, 3), ({"serving": {"replicas": 2}}, 2), (NOTHING, 1)],
    ),
    "serving.port": (
        lambda deployment, service: (
            [one["containerPort"] for one in container(deployment)["ports"]],
            [one["port"] for one in service["spec"]["ports"]],
            variable(deployment, "RELEVO_PORT")["value"],
        ),
        [
            ({"serving": {"port": 9000}}, ([9000], [9000], "9000")),
            ({"serving": {"port": 9001}}, ([9001], [9001], "9001")),
            (NOTHING, ([8000], [8000], "8000")),
        ],
    ),
    **{
        f"serving.resources.{which}.*": (
            resources(which),
            [
                ({"serving": {"resources": {which: {"cpu": "1", "memory": "1024Mi"}}}}, {"cpu": "1", "memory": "1Gi"}),
                (
                    {"serving": {"resources": {which: {"cpu": "0.5", "memory": "1Gi"}}}},
                    {"cpu": "500m", "memory": "1Gi"},
                ),
                ({"serving": {"resources": {which: {"cpu": "0.5"}}}}, {"cpu": "500m"}),
                ({"serving": {"resources": {which: {}}}}, ABSENT),
                ({"serving": {"resources": {which: {"cpu": "1"}}}}, {"cpu": "1"}),
                (NOTHING, ABSENT),
            ],
        )
        for which in ("requests", "limits")
    },
    "serving.env[].name": (
        lambda deployment, _: [one["name"] for one in container(deployment)["env"] if one["name"] in ("ONE", "TWO")],
        [
            (env("ONE", value="1"), ["ONE"]),
            (env("TWO", value="1"), ["TWO"]),
            ({"serving": {"env": [{"name": "ONE", "value": "1"}, {"name": "TWO", "value": "$(ONE)"}]}}, ["ONE", "TWO"]),
            ({"serving": {"env": [{"name": "TWO", "value": "1"}, {"name": "ONE", "value": "$(TWO)"}]}}, ["TWO", "ONE"]),
            (NOTHING, []),
        ],
    ),
    "serving.env[].value": (
        asked,
        [
            (env(value="1"), {"name": "ASKED", "value": "1"}),
            (env(value="2"), {"name": "ASKED", "value": "2"}),
            (env(value=""), {"name": "ASKED"}),
            (NOTHING, ABSENT),
        ],
    ),
    **{
        f"serving.env[].valueFrom.{kind}.{field}": (
            asked,
            [
                (env(valueFrom={kind: ref}), {"name": "ASKED", "valueFrom": {kind: ref}})
                for ref in (
                    {"name": "a", "key": "a", "optional": True},
                    {"name": "a", "key": "a", "optional": True} | {field: False if field == "optional" else "b"},
                    {"name": "a", "key": "a"},
                )
            ]
            + [(env(value="1"), {"name": "ASKED", "value": "1"}), (NOTHING, ABSENT)],
        )
        for kind in ("secretKeyRef", "configMapKeyRef")
        for field in ("name", "key", "optional")
    },
    **{
        f"serving.secretFiles[].{field}": (
            mounted,
            [
                (files(**ref), expected_file(**ref))
                for ref in (
                    {"name": "ASKED", "secretName": "a", "key": "a", "optional": True},
                    {"name": "ASKED", "secretName": "a", "key": "a", "optional": True} | {field: changed},
                    {"name": "ASKED", "secretName": "a", "key": "a"},
                )
            ]
            + [(NOTHING, ([], [], []))],
        )
        for field, changed in (("name", "OTHER"), ("secretName", "b"), ("key", "b"), ("optional", False))
    },
    "rollout.progressDeadline": (
        lambda deployment, _: deployment["spec"]["progressDeadlineSeconds"],
        [({"rollout": {"progressDeadline": "1m"}}, 60), ({"rollout": {"progressDeadline": "90s"}}, 90), (NOTHING, 300)],
    ),
}


def test_every_field_of_the_definition_has_its_row_here() -> None:
    assert set(ROWS) | set(ELSEWHERE) == set(leaves(SPEC))
    for path, (_, states) in ROWS.items():
        if path not in ("registry.model", "registry.trackingUri", "serving.image"):  # required, the model unchangeable
            assert states[-1][0] == NOTHING, f"{path}: expected it to be removed in the end"


def ask(shop: Shop, parts: Mapping[str, Any]) -> None:
    """Make the spec the least one with these parts, whatever it was."""
    least = {
        "registry": {"trackingUri": shop.tracking_uri, "model": shop.model},
        "pollInterval": "1h",
        "serving": {"image": "relevo/serving:test"},
    }
    spec = {
        name: least.get(name, {}) | parts.get(name, {}) if name != "pollInterval" else "1h" for name in {*least, *parts}
    }

    def replaced() -> bool:
        body = shop.get()
        with suppress(ApiError):  # the operator wrote its status in between
            shop.client.replace(ModelDeployment({**body, "spec": spec}))
            return True
        return False

    eventually(replaced, "the ModelDeployment to be replaced")


def settled(shop: Shop) -> tuple[Seen, Seen]:
    """Deployment and Service as they are at the first moment at which the newest spec is said to be Ready."""

    def ready() -> Any:
        shop.roll_out()  # the pods are always a moment ahead of the operator
        body = shop.get()
        status = body.get("status") or {}
        conditions = {one["type"]: one["status"] for one in status.get("conditions") or ()}
        return status.get("observedGeneration") == body["metadata"]["generation"] and conditions["Ready"] == "True"

    eventually(ready, f"the newest spec to be Ready; status: {shop.status()}")
    return shop.deployment(), dict(shop.client.get(Service, "prices"))


def test_each_is_there_when_set_changed_when_changed_and_gone_when_removed(
    shop: Shop, operator: Operator, versions: Versions
) -> None:
    versions.promote(1)
    shop.apply()
    shop.serving(1)
    for path, (look, states) in ROWS.items():
        for parts, expected in states:
            ask(shop, parts)
            seen = look(*settled(shop))
            assert seen == expected, f"{path} with {parts}"


def as_an_earlier_release_made_it(shop: Shop, spec: Mapping[str, Any]) -> None:
    """Deployment and Service by create and merge patch, without a digest."""
    body = shop.get()
    seen = Observed(
        name="prices", namespace=shop.namespace, uid=body["metadata"]["uid"], generation=1, annotations={},
        spec=wire.spec_of({"spec": spec}), past=wire.past_of({}), answer=Found(1), asked_now=False, deployment=None,
        service=None, pods=(), now=datetime.now(UTC),
    )  # fmt: skip
    earlier = Client(KubeConfig.from_file(shop.kubeconfig), namespace=shop.namespace, field_manager=names.MANAGER)
    for kind, made in ((Deployment, manifests.deployment(seen, 1)), (Service, manifests.service(seen))):
        old = copy.deepcopy(made)
        del old["metadata"]["annotations"]
        earlier.create(kind(old))
        earlier.patch(kind, "prices", {"metadata": {"labels": old["metadata"]["labels"]}}, patch_type=PatchType.MERGE)
    args = {"spec": {"template": {"spec": {"containers": [{"name": "serving", "args": ["--debug"]}]}}}}
    earlier.patch(Deployment, "prices", args, patch_type=PatchType.STRATEGIC)


def test_what_an_earlier_release_made_is_adopted_and_what_others_set_is_let_be(
    shop: Shop, operate: Operate, versions: Versions
) -> None:
    versions.promote(1)
    shop.apply()
    most = {"limits": {"cpu": "2", "memory": "1Gi"}, "requests": {"cpu": "1"}}
    login: Any = {
        "name": "LOGIN",
        "valueFrom": {"secretKeyRef": {"name": "login", "key": "password", "optional": True}},
    }
    spec = copy.deepcopy(shop.get()["spec"])
    spec["serving"] |= {"resources": most, "env": [login]}
    as_an_earlier_release_made_it(shop, spec)
    others = {
        "metadata": {"annotations": {"somebody.example/note": "mine"}},
        "spec": {
            "paused": True,
            "template": {
                "metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}},
                "spec": {"nodeSelector": {"disk": "fast"}, "containers": [{"name": "sidecar", "image": "mesh:1"}]},
            },
        },
    }
    shop.client.patch(Deployment, "prices", others)
    # `args` and `requests` were removed while the earlier release ran, which left them there.
    ask(shop, {"serving": {"resources": {"limits": most["limits"]}, "env": [login]}})
    with operate():
        deployment, _ = settled(shop)
        assert "args" not in serving(deployment)
        assert of_processor_and_memory(serving(deployment)) == {"limits": most["limits"]}
        login["valueFrom"]["secretKeyRef"].pop("optional")
        ask(shop, {"serving": {"env": [login]}})
        deployment, service = settled(shop)
        assert of_processor_and_memory(serving(deployment)) == {}
        assert login in serving(deployment)["env"]
        assert deployment["metadata"]["annotations"]["somebody.example/note"] == "mine"
        assert deployment["spec"]["paused"] is True
        assert deployment["spec"]["template"]["metadata"]["annotations"] == {"kubectl.kubernetes.io/restartedAt": "now"}
        assert pod(deployment)["nodeSelector"] == {"disk": "fast"}
        assert [one["name"] for one in pod(deployment)["containers"]].count("sidecar") == 1
    with operate() as again:
        again.wait_idle()
        shop.annotate(names.REFRESH, "1")
        eventually(lambda: shop.status().get("refreshed") == "1", "status.refreshed")
        for kind, before in ((Deployment, deployment), (Service, service)):
            there = shop.client.get(kind, "prices")
            fields = [one for one in there["metadata"]["managedFields"] if one["manager"] == names.MANAGER]
            assert [one["operation"] for one in fields] == ["Apply"]
            assert there["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"], "it was written anew"


def serving(deployment: Seen) -> Any:
    return next(one for one in pod(deployment)["containers"] if one["name"] == names.CONTAINER)


@pytest.mark.parametrize(
    ("edit", "look", "expected"),
    [
        (
            {"spec": {"template": {"spec": {"containers": [{"name": names.CONTAINER, "image": "somebody/else:1"}]}}}},
            lambda deployment: serving(deployment)["image"],
            "relevo/serving:test",
        ),
        ({"spec": {"replicas": 7}}, lambda deployment: deployment["spec"]["replicas"], 1),
        (
            {"metadata": {"annotations": {names.APPLIED: "forged"}}},
            lambda deployment: deployment["metadata"]["annotations"][names.APPLIED] == "forged",
            False,
        ),
    ],
)
def test_what_somebody_changes_is_the_operators_again_and_goes_when_it_is_removed(
    shop: Shop, operator: Operator, versions: Versions, edit: Any, look: Any, expected: Any
) -> None:
    versions.promote(1)
    shop.apply(serving={"image": "relevo/serving:test", "resources": {"limits": {"cpu": "2"}}})
    shop.serving(1)
    shop.client.patch(Deployment, "prices", edit)
    limit = {
        "spec": {
            "template": {"spec": {"containers": [{"name": names.CONTAINER, "resources": {"limits": {"cpu": "9"}}}]}}
        }
    }
    shop.client.patch(Deployment, "prices", limit)
    eventually(lambda: look(shop.deployment()) == expected, f"{expected} again")
    eventually(lambda: of_processor_and_memory(serving(shop.deployment()))["limits"] == {"cpu": "2"}, "the limit again")
    ask(shop, {})
    deployment, _ = settled(shop)
    assert of_processor_and_memory(serving(deployment)) == {}
