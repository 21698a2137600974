"""The UI asks an inference API that wants a key."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from relevo_ui.api import Api
from relevo_ui.errors import ApiAway
from tests.serving_process import serving
from tests.versions import Versions

KEY = "the-key-of-the-ui"


def test_with_its_key_it_is_answered_and_without_it_is_told_what_to_set(
    versions: Versions, bundles: tuple[Path, Path], tmp_path: Path
) -> None:
    versions.promote(versions.register(bundles[0]))
    keys = f"ui={KEY},batch={'b' * 32}"
    with serving(tmp_path, versions.tracking_uri, versions.model, RELEVO_API_KEYS=keys) as running:
        ends = time.monotonic() + 60
        while running.get("/readyz").status_code != 200 and time.monotonic() < ends:
            time.sleep(0.1)
        api = Api(running.url, timeout=10, key=KEY)
        assert api.status().serving is not None
        assert len(api.predict([{"bed": 3}]).predictions) == 1
        for key in (None, "another-key-of-somebody"):
            with pytest.raises(ApiAway, match="RELEVO_API_KEY") as refused:
                Api(running.url, timeout=10, key=key).status()
            assert KEY not in str(refused.value)
