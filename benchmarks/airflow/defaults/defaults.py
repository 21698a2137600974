"""The same pods in the same order, by an operator that is given nothing but the pod's manifest. Runs in Airflow."""

from __future__ import annotations

import os
from datetime import datetime

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk import DAG, chain

with DAG(
    "defaults",
    schedule="@continuous",
    start_date=datetime(2025, 1, 1),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
):
    steps = ("collect", "clean", "decide", "train", "promote")
    chain(
        *(
            KubernetesPodOperator(task_id=one, pod_template_file=f"{os.environ['RELEVO_STEPS']}/defaults/{one}.yaml")
            for one in steps
        )
    )
