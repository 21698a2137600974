"""The parts that have a name outside the cluster: who leads there, and who knows. Needs helm, no cluster."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.network import Pod
from tests.e2e.test_chart import GUARDED, OUTSIDE, environments, mounted, named, pods, rendered, served_pod
from tests.e2e.test_network import Release

PARTS = {
    "ui": ("relevo.example.org", "relevo-ui", 8501),
    "serving": ("prices.example.org", "house-prices", 8000),
    "airflow": ("airflow.example.org", "relevo-airflow", 8080),
    "mlflow": ("mlflow.example.org", "relevo-mlflow", 5000),
    "grafana": ("grafana.example.org", "relevo-grafana", 3000),
}
"""The name of each outside, and the Service and port that it leads to."""


@pytest.fixture(scope="module")
def objects() -> list[dict[str, Any]]:
    return rendered(OUTSIDE)


def of_kind(objects: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    return {one["metadata"]["name"].removeprefix("relevo-"): one for one in objects if one["kind"] == kind}


def test_without_a_name_nothing_leads_in() -> None:
    assert not {"Ingress", "HTTPRoute"} & {one["kind"] for one in rendered({})}
    alone = rendered({"hosts.ui": "relevo.example.org", "ingress.enabled": True})
    assert set(of_kind(alone, "Ingress")) == {"ui"}
    assert not of_kind(alone, "HTTPRoute")


def test_each_name_leads_to_its_part_by_an_ingress_with_a_certificate(objects: list[dict[str, Any]]) -> None:
    found = of_kind(objects, "Ingress")
    assert set(found) == set(PARTS)
    for part, (host, service, port) in PARTS.items():
        ingress = found[part]
        assert ingress["metadata"]["annotations"]["cert-manager.io/cluster-issuer"] == "letsencrypt"
        assert ingress["spec"]["ingressClassName"] == "nginx"
        assert ingress["spec"]["tls"] == [{"hosts": [host], "secretName": f"relevo-{part}-tls"}]
        (rule,) = ingress["spec"]["rules"]
        (path,) = rule["http"]["paths"]
        assert (rule["host"], path["path"], path["pathType"]) == (host, "/", "Prefix")
        assert path["backend"]["service"] == {"name": service, "port": {"number": port}}
    services = {
        (one["metadata"]["name"], port["port"])
        for one in objects
        if one["kind"] == "Service"
        for port in one["spec"]["ports"]
    }
    assert {(service, port) for part, (_, service, port) in PARTS.items() if part != "serving"} <= services


def test_a_certificate_is_ones_own_or_ends_elsewhere() -> None:
    for tls, expected in (
        ({"existingSecret": "mine"}, [{"hosts": ["relevo.example.org"], "secretName": "mine"}]),
        ({"enabled": False}, None),
    ):
        values = {"hosts.ui": "relevo.example.org", "ingress": {"enabled": True, "tls": tls}}
        assert of_kind(rendered(values), "Ingress")["ui"]["spec"].get("tls") == expected


def test_each_name_leads_to_its_part_by_a_route_of_the_gateway(objects: list[dict[str, Any]]) -> None:
    found = of_kind(objects, "HTTPRoute")
    assert set(found) == set(PARTS)
    for part, (host, service, port) in PARTS.items():
        assert found[part]["spec"] == {
            "parentRefs": [{"name": "public", "namespace": "gateways"}],
            "hostnames": [host],
            "rules": [{"backendRefs": [{"name": service, "port": port}]}],
        }


def test_the_parts_know_their_names(objects: list[dict[str, Any]]) -> None:
    env = environments(objects)
    mlflow = env["relevo-mlflow/mlflow"]
    assert "mlflow.example.org" in mlflow["MLFLOW_SERVER_ALLOWED_HOSTS"].split(",")
    assert mlflow["MLFLOW_SERVER_CORS_ALLOWED_ORIGINS"] == "https://mlflow.example.org"
    assert env["relevo-airflow/api-server"]["AIRFLOW__API__BASE_URL"] == "https://airflow.example.org"
    assert env["relevo-grafana/grafana"]["GF_SERVER_ROOT_URL"] == "https://grafana.example.org"
    (served,) = served_pod(objects)["containers"]
    (hosts,) = (one["value"] for one in served["env"] if one["name"] == "RELEVO_ALLOWED_HOSTS")
    assert hosts.split(",")[-1] == "prices.example.org"


def test_links_lead_to_the_names_unless_a_value_says_otherwise(objects: list[dict[str, Any]]) -> None:
    for pod in ("relevo-ui/ui", "relevo-scheduler/scheduler"):
        assert environments(objects)[pod]["RELEVO_MLFLOW_UI"] == "https://mlflow.example.org"
    assert environments(objects)["relevo-ui/ui"]["RELEVO_AIRFLOW_UI"] == "https://airflow.example.org"
    other = environments(
        rendered({"hosts": {"mlflow": "mlflow.example.org", "airflow": "airflow.example.org", "https": False},
                  "mlflow.uiUrl": "https://door.example.org"})
    )["relevo-ui/ui"]  # fmt: skip
    assert other["RELEVO_MLFLOW_UI"] == "https://door.example.org"
    assert other["RELEVO_AIRFLOW_UI"] == "http://airflow.example.org"
    assert environments(rendered({}))["relevo-ui/ui"]["RELEVO_MLFLOW_UI"] == "http://localhost:5000"


def test_names_that_somebody_added_to_the_inference_api_stay() -> None:
    own = [{"name": "RELEVO_ALLOWED_HOSTS", "value": "one.example"}, {"name": "RELEVO_ACCESS_LOG", "value": "true"}]
    objects = rendered({"hosts.serving": "prices.example.org", "serving.env": own})
    (container,) = served_pod(objects)["containers"]
    env = {one["name"]: one["value"] for one in container["env"]}
    assert env["RELEVO_ALLOWED_HOSTS"].endswith(",one.example,prices.example.org")
    assert env["RELEVO_ACCESS_LOG"] == "true"


def test_the_controllers_pods_come_in_to_what_has_a_name_and_nobody_else_does() -> None:
    release = Release(OUTSIDE)
    by_name = {(part, port) for part, (_, _, port) in PARTS.items()}
    for namespace in ("ingress-nginx", "envoy-gateway-system"):
        assert release.coming_in(Pod({}, namespace)) == by_name
    assert release.coming_in(Pod({}, "elsewhere")) == set()
    alone = Release({"hosts.ui": "relevo.example.org", "ingress.enabled": True})
    assert alone.coming_in(Pod({}, "ingress-nginx")) == {("ui", 8501)}
    assert Release({"hosts.ui": "relevo.example.org"}).coming_in(Pod({}, "ingress-nginx")) == set()


def test_with_a_login_in_front_the_names_of_ui_and_mlflow_lead_to_it() -> None:
    objects = rendered(GUARDED)
    leads = {**PARTS, **{part: (PARTS[part][0], f"relevo-{part}-login", 4180) for part in ("ui", "mlflow")}}
    for part, (_, service, port) in leads.items():
        (rule,) = of_kind(objects, "Ingress")[part]["spec"]["rules"]
        (path,) = rule["http"]["paths"]
        assert path["backend"]["service"] == {"name": service, "port": {"number": port}}
        assert of_kind(objects, "HTTPRoute")[part]["spec"]["rules"] == [
            {"backendRefs": [{"name": service, "port": port}]}
        ]
    for part in ("ui", "mlflow"):
        host, service, port = PARTS[part]
        assert named(objects, "Service", f"relevo-{part}-login")["spec"]["ports"][0]["port"] == 4180
        (spec,) = (spec for name, _, spec in pods(objects) if name == f"relevo-{part}-login")
        args = dict(one.removeprefix("--").split("=", 1) for one in spec["containers"][0]["args"])
        assert args["upstream"] == f"http://{service}:{port}"
        assert args["redirect-url"] == f"https://{host}/oauth2/callback"
        assert (args["oidc-issuer-url"], args["client-id"]) == ("https://login.example.org/realms/shop", "relevo")
        files = mounted(objects)[f"relevo-{part}-login/oauth2-proxy"]
        for key in ("client-secret", "cookie-secret"):
            assert files[args[f"{key}-file"]] == ("my-oauth2", key)
        assert (args["email-domain"], args["cookie-secure"], args["pass-basic-auth"]) == ("*", "true", "false")
    job = named(objects, "Job", "relevo-install")["spec"]["template"]["spec"]["containers"][0]
    assert '"my-oauth2":["client-secret","cookie-secret"]' in str(job["env"])


def test_with_a_login_in_front_nobody_comes_from_outside_without_it() -> None:
    release = Release(GUARDED)
    other = {(part, port) for part, (_, _, port) in PARTS.items() if part not in ("ui", "mlflow")}
    assert release.coming_in(Pod({}, "ingress-nginx")) == other | {("ui-login", 4180), ("mlflow-login", 4180)}
    connections = release.connections()
    assert connections["ui", 8501] == {"test", "prometheus", "ui-login"}
    assert "mlflow-login" in connections["mlflow", 5000]
    assert connections["ui-login", 4180] == connections["mlflow-login", 4180] == set()
    out = release.going_out()
    assert out["ui-login"] == out["mlflow-login"] == {443}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"ingress.enabled": True}, "ingress.enabled: expected in hosts the name"),
        ({"gateway.enabled": True, "hosts.ui": "a.example"}, "gateway.controllerNamespace: expected"),
        ({"gateway": {"enabled": True, "controllerNamespace": "x"}, "hosts.ui": "a.example"}, "gateway.parentRefs"),
        ({"hosts": {"ui": "a.example", "mlflow": "a.example"}}, "a name of its own for each part"),
        ({"hosts.grafana": "a.example"}, "expected grafana.enabled"),
        ({"hosts.ui": "https://a.example"}, "hosts"),
        ({"hosts.ui": "a.example", "oauth2Proxy.enabled": True}, "oauth2Proxy.enabled: expected issuerUrl"),
        ({"oauth2Proxy": GUARDED["oauth2Proxy"]}, "oauth2Proxy.enabled: expected hosts.ui"),
    ],
)
def test_what_does_not_go_together_is_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(pytest.fail.Exception, match=said):
        rendered(values)
