"""What the operator answers over HTTP: the probe, the metrics, and MLflow's webhook."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

from aiohttp import web

from relevo_operator.errors import RefusedDelivery, Replayed
from relevo_operator.metrics import Metrics
from relevo_operator.signature import Delivery, Verifier

log = logging.getLogger("relevo.web")
WEBHOOK_PATH: Final = "/webhooks/mlflow"
LONGEST_DELIVERY: Final = 65_536
"""Bytes; MLflow's are under a thousand."""


def create_app(
    metrics: Metrics,
    healthy: Callable[[], str | None],
    verifier: Verifier,
    delivered: Callable[[Delivery], None],
) -> web.Application:
    """The application. `healthy` returns what is wrong, or None; `delivered` gets each delivery that was believed."""

    async def healthz(_: web.Request) -> web.Response:
        wrong = healthy()
        return web.json_response({"status": "ok"}) if wrong is None else web.json_response({"error": wrong}, status=503)

    async def figures(_: web.Request) -> web.Response:
        return web.Response(body=metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    async def webhook(request: web.Request) -> web.Response:
        if not verifier.secrets():
            return web.json_response(
                {"error": "no webhook is set up here: no registry has a secret for it"}, status=404
            )
        body = await request.read()
        try:
            delivery = verifier.check(request.headers, body, time.time())
        except (
            Replayed
        ) as error:  # MLflow's own repetition, if our answer got lost: a refusal would alarm it for nothing
            metrics.deliveries.labels(error.reason).inc()
            return web.json_response({"status": "accepted before"})
        except RefusedDelivery as error:
            metrics.deliveries.labels(error.reason).inc()
            log.warning("delivery_refused", extra={"reason": error.reason, "why": str(error)})
            return web.json_response({"error": str(error)}, status=403)
        try:
            delivered(delivery)
        except BaseException:
            verifier.forget(delivery.id)  # answered with 500, it comes again
            raise
        metrics.deliveries.labels("accepted").inc()
        return web.json_response({"status": "accepted"})

    app = web.Application(client_max_size=LONGEST_DELIVERY)
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/metrics", figures)
    app.router.add_post(WEBHOOK_PATH, webhook)
    return app
