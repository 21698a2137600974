"""Names that several parts must spell the same way: the registry's, the tags', the files'."""

from __future__ import annotations

from typing import Final

MODEL: Final = "house-prices"
"""Default name of the registered model and of its experiment."""

ALIAS: Final = "production"
"""Marks the version to serve."""

MISSING: Final = "RESOURCE_DOES_NOT_EXIST"
EXISTS: Final = "RESOURCE_ALREADY_EXISTS"
ABSENT: Final = frozenset({MISSING, "INVALID_PARAMETER_VALUE"})
"""MLflow's codes for an alias, model or version that is not there (an alias of an unknown model is "invalid")."""

STAGE_TAG: Final = "stage"
"""Tag on a model version that mirrors the alias for people who look at tags."""
STAGE_PRODUCTION: Final = "Production"
STAGE_ARCHIVED: Final = "Archived"

TAG_SERVING: Final = "serving"
"""Tag on a model version that the operator handed over to, or gave up: one of these."""
SERVING_READY: Final = "ready"
SERVING_FAILED: Final = "failed"
TAG_SERVING_AT: Final = "serving_at"
"""When that was, ISO 8601 in UTC."""

# Tags on the MLflow run of a batch and on the model version that came of it. Values are strings.
TAG_GROUP: Final = "relevo.group"
TAG_BATCH: Final = "relevo.batch"
TAG_BATCH_SHA256: Final = "relevo.batch_sha256"
TAG_BATCHES_SEEN: Final = "relevo.batches_seen"
"""On a version: the batch numbers it was trained on, as a JSON list."""
TAG_TRAIN: Final = "relevo.train"
"""`true` or `false`: what `decide` said."""
TAG_WHY: Final = "relevo.why"
"""The sentence of `decide`."""
TAG_REASON: Final = "relevo.reason"
TAG_ASKED: Final = "relevo.asked"
"""On a run: the id of the ask that its training honours."""
TAG_EXCLUDED: Final = "relevo.excluded"
"""On the run of a broken batch: the batch numbers that no training uses, as a JSON list."""
TAG_INCLUDED: Final = "relevo.included"
"""On the same run: those of them that somebody took back, as a JSON list."""
TAG_VERSION: Final = "relevo.version"
"""On a run: the version it registered."""
TAG_OUTCOME: Final = "relevo.outcome"
"""What became of the batch: one of these."""
OUTCOME_PROMOTED: Final = "promoted"
OUTCOME_REJECTED: Final = "rejected"
OUTCOME_KEPT: Final = "kept"
"""Nothing was trained: the champion, if there is one, stays."""
TAG_CRITERION: Final = "relevo.criterion"
TAG_PROMOTION_WHY: Final = "relevo.promotion_why"
TAG_PROMOTED_AT: Final = "relevo.promoted_at"
"""On a version: when it was promoted, ISO 8601 in UTC."""

TAG_PAIR: Final = "relevo.pair"
"""On a run: the version before and the champion of which it holds a figure, `2 before 3`."""
TAG_ROLL_BACK: Final = "relevo.roll_back"
"""On a run that asks promote to give the alias back: one of these."""
ROLL_BACK_DUE: Final = "due"
ROLL_BACK_DONE: Final = "done"
ROLL_BACK_VOID: Final = "void"
"""The alias had moved on, or the decision was made anew."""
TAG_ROLLED_BACK_AT: Final = "relevo.rolled_back_at"
"""On the version that lost the alias by evidence: when; it never gets it back by itself."""
TAG_GIVEN_BACK_AT: Final = "relevo.given_back_at"
"""On the version that got it back."""
TAG_ROLL_BACK_WHY: Final = "relevo.roll_back_why"
"""On both."""

TAG_OUTLINE: Final = "relevo.outline"
"""On a run: `DecisionRecord.outline()` as JSON, so that one search tells a whole history."""

RECORD_FILE: Final = "decision.json"
"""Artifact of a batch's run: the whole DecisionRecord."""

# A model version's files, all in the artifact folder `model/` of the run that registered it: an MLflow model, and
# below `relevo/` what Relevo's parts need of it and no other client does.
MODEL_FOLDER: Final = "model"
MLMODEL_FILE: Final = "MLmodel"
ONNX_FILE: Final = "model.onnx"
MANIFEST_FILE: Final = "relevo/manifest.json"
"""The files that serving reads, with their sizes and digests."""
DATA_SET_FILE: Final = "relevo/data_set.json"
PROFILE_FILE: Final = "relevo/profile.json"
SELF_TEST_FILE: Final = "relevo/self_test.json"
TYPICAL_FILE: Final = "relevo/typical.json"
RESIDUALS_FILE: Final = "relevo/residuals.json"
HOLDOUT_FILE: Final = "relevo/holdout.json"
VOCABULARY_FILE: Final = "relevo/vocabulary.json"
SHAPLEY_FILE: Final = "relevo/shapley.json"
SHAPLEY_PICTURES: Final = ("relevo/shapley_importance.png", "relevo/shapley_beeswarm.png")

TAG_MANIFEST: Final = "relevo.manifest"
"""On a version: the SHA-256 of its manifest, so that no file of it can be exchanged in the artifact store alone."""
