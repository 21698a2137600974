"""`relevo-job prepare`: the bucket is made if it is missing, the schemas of RAW and CLEAN are brought up to date, and
the inference API's login in RAW is made. Where a column's type is another one by now, CLEAN is derived anew.

Run at every installation and upgrade, beside the servers it waits for and before the first step that needs them. What
is there already stays as it is, so it may be killed and run again at any line, and by several at once.
"""

from __future__ import annotations

import sys
from functools import partial

from relevo_jobs.clean.step import follow
from relevo_jobs.outcome import Outcome
from relevo_jobs.prepare.patience import Patience
from relevo_jobs.settings import PrepareSettings
from relevo_jobs.stores import clean, logins, raw
from relevo_jobs.stores.bucket import Bucket
from relevo_jobs.stores.postgres import Schema, bring_up_to_date
from relevo_jobs.use_case import UseCase


def _say(what: str) -> None:
    print(f"prepare: {what}", file=sys.stderr, flush=True)  # noqa: T201


def run(settings: PrepareSettings, use_case: UseCase) -> Outcome:
    """Make what is missing. Done also if everything was there: the Kubernetes Job it runs as would call 99 a failure.

    Raises Unavailable if a server is away for longer than it may be, SettingsError if one refuses.
    """
    patience = Patience(settings.wait, _say)
    raw_schema, clean_schema = raw.schema(use_case.data), clean.schema(use_case.data)
    schemas = []
    for name, url, schema in (("RAW", settings.raw_url, raw_schema), ("CLEAN", settings.clean_url, clean_schema)):
        anew = 0
        if name == "CLEAN":
            following = partial(follow, settings.raw_url, settings.clean_url, use_case)
            anew = patience.until_it_answers(name, following)
        found = patience.until_it_answers(name, partial(bring_up_to_date, url, schema))
        derived = f", {anew} batches derived anew, for a column's type has changed" if anew else ""
        schemas.append(f"{name} {_brought(found, schema)}{derived}")
        _say(schemas[-1])
    login = None
    if settings.serving_url is not None:
        admit = partial(logins.admit, settings.raw_url, settings.serving_url, use_case.data)
        login = patience.until_it_answers("RAW", admit)
        _say(f"the inference API adds to RAW as {login}")
    bucket = Bucket(settings.bucket, settings.s3_endpoint_url)
    made = patience.until_it_answers("the bucket", bucket.prepare)
    return Outcome.done(
        "prepare",
        f"bucket {settings.bucket} {'made' if made else 'was there'}; {', '.join(schemas)}"
        + (f"; login {login}" if login else ""),
        bucket_made=made,
        raw_version=len(raw_schema.migrations),
        clean_version=len(clean_schema.migrations),
    )


def _brought(found: int, schema: Schema) -> str:
    newest = len(schema.migrations)
    before = "" if found == newest else f" (was {found})" if found else " (new)"
    return f"at schema version {newest}{before}"
