"""The steps' settings, read once from the environment; each step asks for what it needs and no more.

A password belongs in a file: all of RELEVO_RAW_URL in the one that RELEVO_RAW_URL_FILE names, or the password alone in
PGPASSFILE, which libpq reads by itself, so that it is in no environment and no log.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, ValidationInfo, field_validator

from relevo_contract import settings
from relevo_contract.inclusion import inclusion
from relevo_contract.texts import tidy

if TYPE_CHECKING:
    from relevo_jobs.decide.asking import Ask
    from relevo_jobs.decide.case import Limits as DecideLimits
    from relevo_jobs.decide.previous import Rule
    from relevo_jobs.promote.comparison import Limits as PromoteLimits
    from relevo_jobs.use_case import UseCase


class Settings(settings.Settings):
    """What every step knows."""

    use_case: Path = Field(
        default=Path("/etc/relevo/use_case.yaml"), description="what to work on: the columns, the target, the source"
    )
    deadline: float = Field(default=3600, gt=0, le=1_000_000, description="seconds the step may take in all")
    termination_log: Path = Field(
        default=Path("/dev/termination-log"), description="where Kubernetes reads a pod's last words, if it exists"
    )


class WithGroup(Settings):
    """A step of the loop, which is run for one group."""

    group: int = Field(ge=1, le=2**31 - 1, description="the group number the data source knows us by")


class WithRaw(Settings):
    """A step that reads or writes RAW."""

    raw_url: str = Field(pattern=r"^postgres(ql)?://", description="RAW DATA, e.g. postgresql://relevo@raw:5432/raw")


class WithClean(Settings):
    """A step that reads or writes CLEAN."""

    clean_url: str = Field(
        pattern=r"^postgres(ql)?://", description="CLEAN DATA, e.g. postgresql://relevo@clean:5432/clean"
    )


class WithRegistry(Settings):
    """A step that reads or writes MLflow."""

    tracking_uri: str = Field(
        alias="MLFLOW_TRACKING_URI", pattern=r"^https?://", description="MLflow, e.g. http://mlflow:5000"
    )
    model: str = Field(default="", description="registered model's (and experiment's) name; empty: the use case's")


class WithS3(Settings):
    """What speaks S3."""

    s3_endpoint_url: str | None = Field(default=None, description="S3 if it is not Amazon's, e.g. http://s3:8333")


class WithBucket(WithS3):
    """A step that writes to the bucket."""

    bucket: str = Field(default="relevo", min_length=3, description="bucket that keeps each body as it came")


class PrepareSettings(WithRaw, WithClean, WithBucket):
    """Settings of `relevo-job prepare`."""

    wait: float = Field(default=300, ge=0, description="seconds to wait in all for servers that are not up yet")
    serving_url: str | None = Field(
        default=None,
        pattern=r"^postgres(ql)?://",
        description="RAW as the inference API reaches it: its login is made if need be; none: no login",
    )


class SourceSettings(WithS3):
    """What takes batches of a source: collect, and `check`, which keeps none."""

    source_url: str | None = Field(
        default=None, pattern=r"^https?://", description="source.http, e.g. http://source:8000; none: its declared url"
    )
    source_day: str | None = Field(
        default=None, min_length=1, description="the day source.http is asked for; none: the declared one"
    )
    sql_url: str | None = Field(
        default=None,
        pattern=r"^postgres(ql)?://",
        description="the database of source.sql, e.g. postgresql://reader@warehouse:5432/sales",
    )
    files_endpoint_url: str | None = Field(
        default=None, pattern=r"^https?://", description="of source.files with a secretName: the S3 of its bucket"
    )
    files_access_key: str | None = Field(default=None, description="its key, sent to that address alone")
    files_secret_key: str | None = Field(default=None, description="the secret of that key")
    source_timeout: float = Field(default=300, gt=0, description="seconds to wait for one answer of the source")
    source_most_bytes: int = Field(
        default=2**30, ge=1, le=5 * 10**9, description="bytes that one batch of the source may have, unpacked"
    )
    repeat_wait: float = Field(
        default=30, ge=0, description="seconds to wait in all while the source repeats a batch, or a file is written"
    )


class CollectSettings(WithGroup, WithRaw, WithBucket, SourceSettings):
    """Settings of `relevo-job collect`."""


class CleanSettings(WithGroup, WithRaw, WithClean):
    """Settings of `relevo-job clean`."""


class IncludeSettings(WithGroup, WithRegistry):
    """Settings of `relevo-job include`."""

    include: str = Field(
        max_length=1024, description='batches left out to take back, "all" or numbers with commas, then ": why"'
    )
    include_by: str = Field(default="", max_length=250, description="who takes them back; empty: the user that runs it")

    @field_validator("include")
    @classmethod
    def _names_batches(cls, text: str) -> str:
        inclusion(text)
        return text

    @field_validator("include_by")
    @classmethod
    def _on_one_line(cls, who: str) -> str:
        return tidy(who)


class DecideSettings(WithGroup, WithClean, WithRegistry):
    """Settings of `relevo-job decide`; how to choose them: docs/decisions.md."""

    min_rows: int = Field(default=100, ge=100, description="rows enough to judge; fewer wait for the next batch")
    worth: float | None = Field(
        default=None,
        ge=0,
        lt=1,
        description="share of the loss that a training must be expected to take off; none: the use case's judge.worth",
    )
    least_gain: float | None = Field(
        default=None,
        ge=-1,
        lt=1,
        description="what that expectation's lower end must be above; none: the use case's judge.least_gain",
    )
    error_margin: float = Field(
        default=0.25, ge=0, description="relative rise of the error over its promise with which a column is broken"
    )
    live_gain: float = Field(
        default=0.05, gt=0, le=1, description="how much nearer to what is asked, relatively, rows must bring a training"
    )
    raw_url: str | None = Field(
        default=None,
        pattern=r"^postgres(ql)?://",
        description="RAW DATA, in which the inference API keeps what it is asked; none: that is left out",
    )
    roll_back: bool = Field(
        default=False, description="give the alias back to the version before if it would have done better since"
    )
    roll_back_rows: int = Field(
        default=400, ge=50, description="rows since the champion took over on which that must be so"
    )
    trusted_columns: str = Field(default="", description="columns never called broken, with commas between")
    retrain: str = Field(
        default="",
        max_length=1024,
        description="why somebody asks for a training, whatever the data say; at most 1024 characters",
    )
    retrain_id: str = Field(
        default="",
        validate_default=True,
        description="an id of that ask, which is honoured once: up to 250 letters, digits and any of _.~:+-",
    )

    include: str = Field(
        default="", max_length=1024, description="batches left out to take back first, as include's; empty: none"
    )
    include_by: str = Field(default="", max_length=250, description="who takes them back; empty: the user that runs it")
    airflow_run: str = Field(
        default="", max_length=250, description="id of the Airflow run that this is part of; kept in the record"
    )

    @field_validator("retrain", "include_by")
    @classmethod
    def _on_one_line(cls, reason: str) -> str:
        return tidy(reason)

    @field_validator("retrain_id")
    @classmethod
    def _names_the_ask(cls, ask: str, given: ValidationInfo) -> str:
        # Airflow's own rule for the ids of its runs. An id without an ask is any run's, and not looked at.
        if given.data.get("retrain") and not re.fullmatch(r"[A-Za-z0-9_.~:+-]{1,250}", ask):
            raise ValueError("RELEVO_RETRAIN needs an id")
        return ask

    @field_validator("include")
    @classmethod
    def _names_batches(cls, text: str) -> str:
        if text:
            inclusion(text)
        return text

    def ask(self) -> Ask | None:
        """The training that somebody asks for, None if nobody does."""
        from relevo_jobs.decide.asking import Ask  # noqa: PLC0415  # numpy only where a step decides

        return Ask(self.retrain_id, self.retrain) if self.retrain else None

    def limits(self, use_case: UseCase) -> DecideLimits:
        """The limits of the policy: those of the use case, where no setting says others."""
        from relevo_jobs.decide.case import Limits  # noqa: PLC0415  # numpy only where a step decides

        declared = use_case.judge
        return Limits(
            rows=self.min_rows,
            error_margin=self.error_margin,
            worth=declared.worth if self.worth is None else self.worth,
            least_gain=declared.least_gain if self.least_gain is None else self.least_gain,
            live_gain=self.live_gain,
            trusted=frozenset(name.strip() for name in self.trusted_columns.split(",") if name.strip()),
            leaves_out=use_case.leaves_out,
        )

    def roll_back_rule(self) -> Rule:
        """When the alias is given back."""
        from relevo_jobs.decide.previous import Rule  # noqa: PLC0415  # numpy only where a step decides

        return Rule(rows=self.roll_back_rows, roll_back=self.roll_back)


class TrainSettings(WithGroup, WithClean, WithRegistry):
    """Settings of `relevo-job train`."""

    seed: int = Field(default=0, ge=0, description="seed of everything random; same seed and batches, same model")
    threads: int = Field(default=0, ge=0, description="threads XGBoost may use; 0 is all there are")
    dask: str = Field(
        default="",
        pattern=r"^((tcp|tls)://.+:\d+)?$",
        description="a Dask cluster whose workers train, by its scheduler, e.g. tcp://dask:8786; empty: this process",
    )


class PromoteSettings(WithGroup, WithClean, WithRegistry):
    """Settings of `relevo-job promote`."""

    seed: int = Field(default=0, ge=0, description="seed of the bootstrap")
    confidence: float | None = Field(
        default=None,
        gt=0.5,
        lt=1,
        description="of the interval in which the challenger must be better; none: the use case's judge.confidence",
    )
    state_tolerance: float | None = Field(
        default=None,
        ge=0,
        description="rise of a state's mean loss, beyond noise, that rejects it; none: the use case's judge.tolerance",
    )
    raw_url: str | None = Field(
        default=None,
        pattern=r"^postgres(ql)?://",
        description="RAW DATA, whose newest inferences rehearse a promotion; none: the newest batch alone does",
    )
    rehearsal_most: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="share of requests that a challenger may answer much differently (by more than 25 %); none: any",
    )

    def limits(self, use_case: UseCase) -> PromoteLimits:
        """The limits of the comparison: those of the use case, where no setting says others."""
        from relevo_jobs.promote.comparison import Limits  # noqa: PLC0415

        declared = use_case.judge
        return Limits(
            confidence=declared.confidence if self.confidence is None else self.confidence,
            state_tolerance=declared.tolerance if self.state_tolerance is None else self.state_tolerance,
        )
