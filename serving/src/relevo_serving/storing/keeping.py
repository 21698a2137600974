"""What the routes ask of the storage: keep these houses, is there room, how does it go."""

from __future__ import annotations

import logging
import time

from relevo_contract.listing import House
from relevo_serving.pricing import Priced
from relevo_serving.settings import Settings
from relevo_serving.state import Served
from relevo_serving.storing.delivery import Delivery
from relevo_serving.storing.record import RequestIds, line, version_fields
from relevo_serving.storing.spool import Spool
from relevo_serving.storing.store import InferenceStore

log = logging.getLogger("relevo.inferences")


class Keeper:
    """Keeps inferences in a spool that is delivered; without `RELEVO_RAW_URL` it keeps none, and says so."""

    def __init__(self, settings: Settings) -> None:
        """Raises SettingsError if the spool cannot be used or the address cannot be read."""
        self._settings = settings
        self._ids = RequestIds()
        self._of: tuple[Served | None, bytes] = None, b""
        self.spool: Spool | None = None
        self.delivery: Delivery | None = None
        self.rows = 0
        """Houses kept."""
        self.lost = 0
        """Houses priced and not kept, for there was no room."""
        if settings.raw_url is not None:
            store = InferenceStore(settings.raw_url)
            self.spool = Spool(settings.spool, settings.spool_bytes)
            self.delivery = Delivery(self.spool, store, settings.store_seconds)

    def keep(self, houses: list[House], priced: Priced, served: Served) -> tuple[bytes, bool]:
        """Keep a request before it is answered; returns its id and whether it is kept."""
        now = time.time_ns() // 1000
        request = self._ids.at(now)
        if self.spool is None:
            return request, False
        if self._of[0] is not served:
            target = served.target
            self._of = served, version_fields(self._settings.model, target.version, target.run_id)
        kept = self.spool.append(line(request, now, self._of[1], priced.houses, priced.json))
        if kept:
            self.rows += len(houses)
        else:
            self.lost += len(houses)
        return request, kept

    def start(self) -> None:
        """Begin to deliver."""
        if self.delivery is not None:
            self.delivery.start()

    def stop(self) -> None:
        """Deliver what waits, within the settings' patience; what is left stays in the folder."""
        if self.delivery is not None:
            left = self.delivery.stop(self._settings.drain_seconds)
            if left:
                log.warning("inferences_left", extra={"bytes": left, "folder": str(self._settings.spool)})
