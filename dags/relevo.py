"""The loop in Airflow: collect → clean → decide → train → promote, each a pod; then the next run by itself.

Wiring only. What a pod is (image, resources, security, the Secrets it may read) stands in one manifest per step, which
the chart mounts in RELEVO_STEPS; what it does stands in the image (`relevo-job STEP --help`). Each step finds its work
by itself in what the steps before it wrote, so nothing is handed over from one to the next, and any may be run again.
Each use case that RELEVO_DAGS names has a DAG of this name, whose manifests are in a folder of this name.

- Exit 99, "nothing to do", is a skipped task. clean and decide run even if collect was skipped: a pod that was killed
  after it had written its batch may have left them work.
- `next` emits the asset that starts the next run, if this one did anything at all: so the loop goes on until the source
  is exhausted, then it rests until RELEVO_SCHEDULE wakes it, or a person or the operator triggers a run.
- A failure that no retry can help (a wrong setting, an answer that breaks its contract) is not retried: the step says
  so in its last words, which Kubernetes keeps as the termination message.
"""

from __future__ import annotations

import json
import os
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from airflow.providers.cncf.kubernetes.callbacks import KubernetesPodOperatorCallback
from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.providers.cncf.kubernetes.utils.container import container_is_running
from airflow.providers.cncf.kubernetes.utils.pod_manager import PodManager, PodPhase
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import (
    DAG,
    Asset,
    AssetOrTimeSchedule,
    BaseOperatorLink,
    CronTriggerTimetable,
    Param,
    RetryDecision,
    RetryPolicy,
)
from kubernetes.client import ApiException
from kubernetes.watch import Watch
from urllib3.exceptions import HTTPError

NAMES = os.environ.get("RELEVO_DAGS", "relevo").split()
STEPS = os.environ.get("RELEVO_STEPS", "/etc/relevo/steps")
MLFLOW = os.environ.get("RELEVO_MLFLOW_UI", "").rstrip("/")
"""Where a person's browser finds MLflow."""


class RetryIfItCanHelp(RetryPolicy):
    """A step's last words say whether a retry can help; a pod that was killed has none, and is tried again."""

    def evaluate(self, exception: BaseException, *_: Any, **__: Any) -> RetryDecision:
        """Fail at once, or leave it to the task's number of retries and its backoff."""
        if '"retry": false' in str(exception):
            return RetryDecision.fail("the step says that no retry can help; its last words say what to do")
        return RetryDecision.default()

    def serialize(self) -> dict[str, Any]:
        """The scheduler never evaluates it: it only needs to know that there is one."""
        return {"__type": type(self).__name__}


class LastWords(KubernetesPodOperatorCallback):
    """What the step came to, where people look in Airflow: the task's XComs and its link to the MLflow run."""

    @staticmethod
    def on_pod_completion(*, pod: Any, operator: Any, context: Any, **_: Any) -> None:
        """Keep the sentence and the run that the termination message holds."""
        for one in pod.status.container_statuses or ():
            ended = one.state.terminated
            try:
                said = json.loads(ended.message if ended and ended.message else "{}")
            except ValueError:  # Kubernetes' own words about a pod that was killed
                continue
            if "sentence" in said:
                context["ti"].xcom_push(key="sentence", value=said["sentence"])
                operator.log.info("%s: %s", said["step"], said["sentence"])
            if "run_id" in said:
                operator.mlflow_run = f"{MLFLOW}/#/runs/{said['run_id']}"


class MlflowRun(BaseOperatorLink):
    """The MLflow run that holds the batch's decision record."""

    name = "MLflow run"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Empty for a step that has none."""
        return str(getattr(operator, "mlflow_run", ""))


class WatchedPods(PodManager):
    """Is told of a pod's end by a watch; the provider's own looks again after one second, and then after two."""

    def container_is_running(self, pod: Any, container_name: str) -> bool:
        """Asked when the log has ended, which is a second or so before the pod's status says that its container has."""
        self._wait(pod, lambda now: not container_is_running(now, container_name))
        return super().container_is_running(pod, container_name)

    def await_pod_completion(self, pod: Any, *arguments: Any, **named: Any) -> Any:
        """The pod's phase follows its container's state a moment later."""
        self._wait(pod, lambda now: now.status.phase in PodPhase.terminal_states)
        return super().await_pod_completion(pod, *arguments, **named)

    def _wait(self, pod: Any, until: Callable[[Any], bool]) -> None:
        """Wait at most as long as Kubernetes usually takes. What holds then, the provider looks up itself."""
        metadata = pod.metadata
        with suppress(ApiException, HTTPError):
            for event in Watch().stream(
                self._client.list_namespaced_pod,
                metadata.namespace,
                field_selector=f"metadata.name={metadata.name}",
                timeout_seconds=5,
            ):
                if event["type"] == "DELETED" or until(event["object"]):
                    return


class StepOperator(KubernetesPodOperator):
    """A step as a pod."""

    operator_extra_links = (MlflowRun(),)

    @cached_property
    def hook(self) -> KubernetesHook:
        """With the rights of Airflow's pod. The operator's `kubernetes_conn_id=None` would not do: its hook takes it
        for the default connection, asks Airflow for that, and loads the whole database model to make an empty one.
        """
        return KubernetesHook(kubernetes_conn_id=None)

    @cached_property
    def pod_manager(self) -> PodManager:
        """The one that watches."""
        return WatchedPods(kube_client=self.client, callbacks=self.callbacks)


def literal(text: object) -> str:
    """Text as the value of a pod's variable: the kubelet takes $(NAME) for a variable's value, and $$ for a $.

    It is on one line, composed and without what cannot be seen, as relevo_contract.texts.tidy keeps it: a control
    character may keep the pod from starting.
    """
    kept = (letter for letter in str(text) if letter.isspace() or not unseen(letter))
    return " ".join(unicodedata.normalize("NFC", "".join(kept)).split()).replace("$", "$$")


def unseen(letter: str) -> bool:
    """A control or format character, or half of a pair; the two joiners are parts of words and of pictures."""
    return unicodedata.category(letter) in ("Cc", "Cf", "Cs") and letter not in "\u200c\u200d"


def step(dag: str, name: str, trigger_rule: str = "all_success") -> StepOperator:
    """One step of a DAG."""
    return StepOperator(
        task_id=name,
        name=f"relevo-{name}",
        pod_template_file=f"{STEPS}/{dag}/{name}.yaml",
        env_vars={
            "RELEVO_RETRAIN": "{{ params.retrain | literal }}",
            "RELEVO_RETRAIN_ID": "{{ run_id | literal if params.retrain else '' }}",
            "RELEVO_AIRFLOW_RUN": "{{ run_id | literal }}",
            "RELEVO_INCLUDE": "{{ params.include | literal }}",
            "RELEVO_INCLUDE_BY": "{{ (params.include_by or 'Airflow run ' ~ run_id) | literal }}",
        },
        trigger_rule=trigger_rule,
        skip_on_exit_code=99,
        retry_policy=RetryIfItCanHelp(),
        callbacks=[LastWords],
        # The task's log has its output; kept pods would only fill the namespace.
        on_finish_action="delete_pod",
        startup_timeout_seconds=600,  # a node may have to pull the image first
        startup_check_interval_seconds=0.5,  # a short step has ended by the time that a second look would come
        log_events_on_failure=True,
        log_pod_spec_on_failure=False,
    )


def loop(name: str) -> DAG:
    """The DAG of a use case."""
    batch = Asset(f"{name}-batch")  # it went through the loop
    with DAG(
        name,
        description="One batch through the whole loop; the next run starts by itself until the source is exhausted",
        doc_md=__doc__,
        tags=["relevo"],
        schedule=AssetOrTimeSchedule(
            timetable=CronTriggerTimetable(
                os.environ.get("RELEVO_SCHEDULE", "0 * * * *"), timezone="UTC", run_immediately=True
            ),
            assets=[batch],
        ),
        start_date=datetime(2025, 1, 1),
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=False,
        user_defined_filters={"literal": literal},
        params={
            "retrain": Param(
                "", type="string", maxLength=1024, title="Train anyway", description="Why, if you ask for it."
            ),
            "include": Param(
                "",
                type="string",
                maxLength=1024,
                pattern=r"^\s*((all|\d{1,9}([\s,]+\d{1,9})*)\s*(:.*)?)?$",
                title="Take batches back",
                description='Batches that were left out for a broken column: "all" or numbers, then a colon and why.',
            ),
            "include_by": Param("", type="string", maxLength=250, title="Who takes them back"),
        },
        default_args={
            "retries": 5,
            "retry_delay": timedelta(seconds=10),
            "retry_exponential_backoff": 2,
            "max_retry_delay": timedelta(minutes=5),
        },
    ) as made:
        collect = step(name, "collect")
        clean = step(name, "clean", trigger_rule="none_failed")
        decide = step(name, "decide", trigger_rule="none_failed")
        train = step(name, "train")
        promote = step(name, "promote")
        next_run = EmptyOperator(task_id="next", outlets=[batch], trigger_rule="none_failed_min_one_success")
        collect >> clean >> decide >> train >> promote
        [collect, clean, decide, train, promote] >> next_run
    return made


DAGS = {name: loop(name) for name in NAMES}
