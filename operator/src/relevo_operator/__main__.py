"""`relevo-operator`: the operator as a process. Settings from the environment; `--help` lists them."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import kopf
from aiohttp import web
from lightkube.core.exceptions import ConfigError

from relevo_contract import logs
from relevo_contract.settings import read, table
from relevo_operator import handlers
from relevo_operator.batch_polling import BatchPolling
from relevo_operator.cluster import Cluster
from relevo_operator.controller import Controller
from relevo_operator.credentials import Credentials
from relevo_operator.dag_runs import DagRuns
from relevo_operator.errors import SettingsError
from relevo_operator.following import Following
from relevo_operator.metrics import Metrics
from relevo_operator.settings import Settings
from relevo_operator.signature import Verifier
from relevo_operator.web import create_app
from relevo_operator.workqueue import WorkQueue

log = logging.getLogger("relevo.operator")
WRONG_SETTING = 2


def _parser() -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog="relevo-operator",
        description="Looks after ModelDeployments: a promotion in MLflow becomes the serving version. Answers "
        "/healthz, /metrics and MLflow's webhook at /webhooks/mlflow. The cluster is the pod's own, or KUBECONFIG's.",
        epilog=f"settings, from the environment:\n{table(Settings)}\n\nexit codes: 0 stopped, 2 a setting is "
        "missing or wrong, or the port is taken, 1 anything else",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


async def _listen(settings: Settings, app: web.Application) -> web.AppRunner:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.host, settings.port).start()
    except OSError as error:
        await runner.cleanup()
        raise SettingsError(
            f"RELEVO_HOST, RELEVO_PORT: expected to listen on {settings.host}:{settings.port}, got: "
            f"{error.strerror or error}; stop what listens there or name another port (0 takes a free one)"
        ) from error
    host, port = runner.addresses[0][:2]
    log.info("listening", extra={"host": host, "port": port})
    return runner


async def _watch(
    settings: Settings, controller: Controller, queue: WorkQueue, finish: Callable[[], Awaitable[None]]
) -> None:
    """Let kopf watch, until told to stop."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    stopped = asyncio.create_task(stop.wait())
    # kopf does not notice a definition that is applied after it started, unless it may list all definitions.
    passed = asyncio.create_task(controller.passed.wait())
    await asyncio.wait({passed, stopped}, return_when=asyncio.FIRST_COMPLETED)
    passed.cancel()

    async def end() -> None:
        stop.set()  # kopf, which hears the signal by now, gives whoever still waits for this 5 s
        await finish()

    if not stop.is_set():
        await kopf.operator(
            registry=handlers.registry(controller, queue, end),
            settings=handlers.settings(),
            standalone=True,
            clusterwide=not settings.watched(),
            namespaces=settings.watched(),
            stop_flag=stop,  # set, if the signal comes before kopf's own handlers are there
        )
    stopped.cancel()


async def run(settings: Settings) -> None:
    """Operate until told to stop. Raises SettingsError."""
    try:
        cluster = Cluster()
    except (ConfigError, OSError) as error:
        raise SettingsError(f"expected a pod's credentials or a kubeconfig (KUBECONFIG), got: {error}") from error
    metrics, queue = Metrics(), WorkQueue()
    promoted = partial(queue.add, urgent=True)
    credentials = Credentials(cluster, settings.listed(), settings.webhook_secret)
    timeout, webhook_url = settings.registry_timeout, settings.webhook_url
    following = Following(metrics, promoted, credentials, timeout=timeout, webhook_url=webhook_url)
    runs, inclusions = DagRuns(credentials, metrics, queue.add), DagRuns(credentials, metrics, queue.add)
    watched = settings.watched()
    controller = Controller(cluster, following, runs, queue, metrics, inclusions=inclusions, namespaces=watched)

    def healthy() -> str | None:
        silent = time.monotonic() - controller.last_pass
        if silent <= settings.stale_seconds:
            return None
        return f"expected a pass every {settings.pass_seconds:g} s, the last one ended {silent:.0f} s ago"

    verifier = Verifier(following.secrets)
    runner = await _listen(settings, create_app(metrics, healthy, verifier, following.delivered))
    working = asyncio.create_task(controller.run(settings.workers, settings.pass_seconds))
    polling = BatchPolling(following, metrics, settings.batch_seconds)
    asking = asyncio.create_task(polling.run()) if settings.batch_seconds else None

    async def finish() -> None:
        tasks = [working] if asking is None else [working, asking]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await following.aclose()
        await runs.aclose()
        await inclusions.aclose()
        await runner.cleanup()  # an open connection is a task that kopf would wait for, too

    watching = asyncio.create_task(_watch(settings, controller, queue, finish))
    try:
        done, _ = await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            if not task.cancelled():
                task.result()  # raises what ended it
        await watching  # it ends by itself when told to stop
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await finish()
        await cluster.aclose()


def main(arguments: Sequence[str] | None = None) -> int:
    """Operate until told to stop; returns the exit code."""
    _parser().parse_args(arguments)
    try:
        settings = read(Settings, SettingsError)
        # A line for each request and each event watched, and kopf's settings in each, would hide what matters.
        logs.configure(quiet=("httpx", "httpx2", "kopf.objects"), hidden=("settings", "k8s_ref", "k8s_skip"))
        asyncio.run(run(settings))
    except SettingsError as error:
        print(f"relevo-operator: {error}", file=sys.stderr)  # noqa: T201
        return WRONG_SETTING
    return 0


if __name__ == "__main__":
    sys.exit(main())
