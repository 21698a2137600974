"""The steps as Airflow runs them, and what must hold of them whatever the source sends."""

from __future__ import annotations

import json
from itertools import count
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, currently_in_test_context, note, settings

from relevo_contract.texts import legible
from relevo_jobs.cli import main
from tests.jobs.chain.strangers import Stranger, good
from tests.jobs.scripted_source import serving

SOURCE_IS_WRONG: Final = 65
_groups = count(1000)


def chains(number: int) -> settings:
    """So many chains, the same at every run; to make an example smaller takes longer than to read it."""
    checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(
        max_examples=number,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=checks,
    )


def answer(group: int, number: int, data: list[Any]) -> bytes:
    """A batch as the source sends it."""
    return json.dumps({"group_number": group, "day": "", "batch_number": number, "data": data}).encode()


class Chain:
    """The steps of one group of its own: a step that has nothing to do ends the run."""

    def __init__(self, environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.group = next(_groups)
        self._environment, self._capsys = environment, capsys
        environment.setenv("RELEVO_GROUP", str(self.group))
        environment.setenv("RELEVO_MODEL", f"chain-{self.group}")

    def step(self, name: str) -> tuple[int, dict[str, Any]]:
        """A step's exit code and its last line."""
        code = main([name])
        line: dict[str, Any] = json.loads(self._capsys.readouterr().out.splitlines()[-1])
        if currently_in_test_context():
            note(f"{name}: {code} {line['sentence']}")
        assert legible(line["sentence"]) == line["sentence"]
        return code, line

    def run(self) -> dict[str, dict[str, Any]]:
        """One run; what each of its steps said. A step after collect ends with 0 or 99."""
        told: dict[str, dict[str, Any]] = {}
        for name in ("collect", "clean", "decide", "train", "promote"):
            code, told[name] = self.step(name)
            if name == "collect" and code == SOURCE_IS_WRONG:
                assert "batch" in told[name]["sentence"] or "source" in told[name]["sentence"]
                return told
            assert code in {0, 99}, told[name]
            if code == 99:
                return told
        return told

    def goes_on_after(self, stranger: Stranger) -> None:
        """A stranger's batch fails no step, and the run after it takes the next batch."""
        try:
            body = answer(self.group, 1, stranger.data)
        except (ValueError, OverflowError):  # Python cannot write it, so no source of ours can send it
            return
        with serving([body, answer(self.group, 2, good(40, 99))]) as script:
            self._environment.setenv("RELEVO_SOURCE_URL", script.url)
            first = self.run()
            if "clean" not in first:  # the answer is none; once the source has mended it, the run goes on
                script.bodies[0] = answer(self.group, 1, good(5, 1))
                assert self.run()["clean"]["status"] == "done"
            second = self.run()
        assert second["collect"]["batch"] == 2, second
        assert second["clean"]["status"] == "done"
        assert second["clean"]["kept"] == 40
        assert second["decide"]["status"] in {"done", "nothing"}
