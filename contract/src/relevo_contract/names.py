"""Names that several parts must spell the same way: the registry's, the tags', the files'."""

from __future__ import annotations

from typing import Final

MODEL: Final = "house-prices"
"""Default name of the registered model and of its experiment."""

ALIAS: Final = "production"
"""The alias that marks the version to serve."""

STAGE_TAG: Final = "stage"
"""Tag on a model version that mirrors the alias for people who look at tags."""
STAGE_PRODUCTION: Final = "Production"
STAGE_ARCHIVED: Final = "Archived"

TAG_SERVING: Final = "serving"
"""Tag on a model version that the operator handed over to, or gave up: one of these."""
SERVING_READY: Final = "ready"
SERVING_FAILED: Final = "failed"
TAG_SERVING_AT: Final = "serving_at"
"""Tag beside it: when that was, ISO 8601 in UTC."""

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
"""The TrainReason of `decide`."""
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
"""The sentence of `promote`."""
TAG_PROMOTED_AT: Final = "relevo.promoted_at"
"""On a version: when it was promoted, ISO 8601 in UTC."""

TAG_OUTLINE: Final = "relevo.outline"
"""On a run: `DecisionRecord.outline()` as JSON, so that one search tells a whole history."""

RECORD_FILE: Final = "decision.json"
"""Artifact of a batch's run: the whole DecisionRecord."""

# A model version's files, all in the artifact folder `model/` of the run that registered it.
MODEL_FOLDER: Final = "model"
XGBOOST_FILE: Final = "model.ubj"
ONNX_FILE: Final = "model.onnx"
ENCODER_FILE: Final = "encoder.json"
PROFILE_FILE: Final = "profile.json"
SELF_TEST_FILE: Final = "self_test.json"
RESIDUALS_FILE: Final = "residuals.json"
HOLDOUT_FILE: Final = "holdout.json"
SHAP_FILE: Final = "shap.json"
SHAP_PICTURES: Final = ("shap_importance.png", "shap_beeswarm.png")
"""Pictures of the same run, beside the files."""

ONNX_INPUT: Final = "features"
"""float32 (n, features), in the order of Encoder.feature_names."""
ONNX_OUTPUT: Final = "log_price"
"""float32 (n, 1): natural logarithm of the price in US dollars."""
