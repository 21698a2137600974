"""What Prometheus is told; docs/modeldeployment.md lists each."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from relevo_contract.record import TrainReason
from relevo_operator.batches import OUTCOMES, BatchFacts
from relevo_operator.values import Manifest

_STATUSES: Final = ("True", "False", "Unknown")
_VERSIONS: Final = {"desired": "desiredVersion", "served": "servedVersion", "failed": "failedVersion"}


class _Batches:
    """What MLflow's newest batch runs say, by registry and model."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, documentation: str, *labels: str) -> Gauge:
            return Gauge(f"relevo_batch_{name}", documentation, ["registry", "model", *labels], registry=registry)

        self._number = gauge("number", "Number of the newest decided batch")
        self._decided = gauge("decided_timestamp_seconds", "When a batch was last decided")
        self._rows = gauge("rows", "Rows of the newest batch: came, kept (by cleaning)", "which")
        self._reason = gauge("decision", "1 for the reason why the newest batch was trained on or not", "reason")
        self._outcome = gauge("outcome", "1 for what became of the newest batch, 0 for the others", "outcome")
        self._error = gauge(
            "champion_error", "Champion's median absolute percentage error: on_batch, promised; 0.2 is 20 %", "which"
        )
        self._distance = gauge(
            "drift_distance", "How far a column of the newest batch is from the champion's training data", "column"
        )
        self._judged = gauge(
            "judged_error", "Errors of champion and challenger on the same rows, last time they were compared", "which"
        )

    def observe(self, registry: str, model: str, facts: BatchFacts) -> None:
        """Set what is known of a model's newest batch; figures that it lacks are removed."""
        self.forget(registry, model)
        one = (registry, model)
        self._number.labels(*one).set(facts.number)
        self._decided.labels(*one).set(facts.decided)
        for gauge, known, told in (
            (self._reason, tuple(TrainReason), facts.reason),
            (self._outcome, OUTCOMES, facts.outcome),
        ):
            for value in known:
                gauge.labels(*one, value).set(value == told)
        for gauge, figures in (
            (self._rows, facts.rows),
            (self._error, facts.errors),
            (self._distance, facts.distances),
            (self._judged, facts.judged),
        ):
            for name, figure in figures.items():
                gauge.labels(*one, name).set(figure)

    def forget(self, registry: str, model: str) -> None:
        """Nobody follows the model any more."""
        labels = {"registry": registry, "model": model}
        for gauge in (
            self._number, self._decided, self._rows, self._reason, self._outcome, self._error, self._distance,
            self._judged,
        ):  # fmt: skip
            gauge.remove_by_labels(labels)


class Metrics:
    """All figures of one operator."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.condition = Gauge(
            "relevo_modeldeployment_condition",
            "1 for the status that a condition of a ModelDeployment has, 0 for the others",
            ["namespace", "name", "type", "status"],
            registry=registry,
        )
        self.version = Gauge(
            "relevo_modeldeployment_version",
            "Model version by role: desired (marked by the alias), served, failed (given up)",
            ["namespace", "name", "role"],
            registry=registry,
        )
        self.objects = Gauge("relevo_operator_objects", "ModelDeployments looked after", registry=registry)
        self.reconcile_seconds = Histogram(
            "relevo_operator_reconcile_seconds", "Time of one look at one ModelDeployment", registry=registry
        )
        self.reconcile_errors = Counter(
            "relevo_operator_reconcile_errors", "Looks that failed and are tried again", registry=registry
        )
        self.registry_calls = Counter(
            "relevo_operator_registry_calls",
            "Requests to a registry",
            ["registry", "kind", "outcome"],
            registry=registry,
        )
        self.airflow_calls = Counter(
            "relevo_operator_airflow_calls", "Requests to Airflow", ["airflow", "kind", "outcome"], registry=registry
        )
        self.deliveries = Counter(
            "relevo_operator_webhook_deliveries",
            "Webhook deliveries by what became of them: accepted, or why it was refused",
            ["outcome"],
            registry=registry,
        )
        self.webhook = Gauge(
            "relevo_operator_webhook_registered",
            "1 if the registry tells us by webhook, 0 if it is polled alone",
            ["registry"],
            registry=registry,
        )
        self.handover_seconds = Histogram(
            "relevo_operator_handover_seconds",
            "From the start of a hand-over until every replica of the new version is available",
            buckets=(1, 2, 3, 5, 8, 13, 21, 34, 55, 90, 180, 300, 600),
            registry=registry,
        )
        self.last_pass = Gauge(
            "relevo_operator_last_pass_timestamp_seconds",
            "When the last pass over all objects ended",
            registry=registry,
        )
        self._batches = _Batches(registry)
        self.observe_batch, self.forget_batch = self._batches.observe, self._batches.forget

    def observe(self, namespace: str, name: str, status: Manifest) -> None:
        """Set what a ModelDeployment's status says."""
        for condition in status.get("conditions") or ():
            for one in _STATUSES:
                self.condition.labels(namespace, name, condition["type"], one).set(condition["status"] == one)
        for role, field in _VERSIONS.items():
            self.version.labels(namespace, name, role).set(status.get(field, 0))

    def forget(self, namespace: str, name: str) -> None:
        """A ModelDeployment is gone."""
        labels = {"namespace": namespace, "name": name}
        self.condition.remove_by_labels(labels)
        self.version.remove_by_labels(labels)

    def text(self) -> bytes:
        """The exposition."""
        return generate_latest(self.registry)
