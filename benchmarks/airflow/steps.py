"""A step's moments, on Airflow's clock, the cluster's and the pod's own; and what lies between them."""

from __future__ import annotations

from dataclasses import dataclass

STAGES = (
    "task begins → pod created",
    "pod created → its command begins",
    "its command ends → pod Succeeded",
    "pod Succeeded → task ends",
)


@dataclass(frozen=True)
class Pod:
    """A pod from its creation until the cluster said that it has succeeded; its command's begin and end in between."""

    created: float
    began: float
    ended: float
    succeeded: float

    @property
    def overhead(self) -> float:
        """Seconds beyond the command's own."""
        return self.succeeded - self.created - (self.ended - self.began)


@dataclass(frozen=True)
class Step:
    """A task and the pod it started."""

    run: str
    name: str
    began: float
    ended: float
    pod: Pod

    @property
    def overhead(self) -> float:
        """Seconds beyond the command's own."""
        return self.ended - self.began - (self.pod.ended - self.pod.began)

    @property
    def stages(self) -> tuple[float, float, float, float]:
        """Where the overhead went, in the order of STAGES."""
        pod = self.pod
        return (
            pod.created - self.began,
            pod.began - pod.created,
            pod.succeeded - pod.ended,
            self.ended - pod.succeeded,
        )
