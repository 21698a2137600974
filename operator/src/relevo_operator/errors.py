"""Every error of the operator.

    OperatorError                     something nobody foresaw
    ├── SettingsError                 a setting is missing or wrong: the process ends with exit code 2
    ├── InvalidSpec                   a spec that the CustomResourceDefinition should have refused
    ├── RefusedByCluster              the API server refuses what is written: its rules, a policy, too few rights
    ├── ClusterAway                   the API server does not answer: tried again, later and later
    ├── UnusableCredential            what a ModelDeployment names to be let in with; nothing is sent
    │   ├── CredentialMissing         its Secret is not there, lacks a key, or may not be read
    │   └── AddressRefused            an address that is none, or another than the one beside the credential
    ├── MissingSecrets                Secrets that others make are missing: relevo-install ends before it makes anything
    └── RefusedDelivery               a webhook's delivery that is not acted upon; `reason` labels its metric
        ├── BadSignature              nobody who knows the secret signed it
        ├── OldTimestamp              signed too long ago, or the two clocks disagree
        ├── Replayed                  this very delivery was accepted before
        └── MalformedDelivery         not a delivery as MLflow makes them

Each message says what was expected, what came and what to do. What a registry or the cluster fails to do is no error
here but an answer (`values.Absent`, a sentence): it belongs in a condition, and nothing that serves is touched.
"""

from __future__ import annotations

from typing import ClassVar


class OperatorError(Exception):
    """The root."""


class SettingsError(OperatorError):
    """A setting is missing or wrong."""


class InvalidSpec(OperatorError):
    """A spec cannot be read."""


class RefusedByCluster(OperatorError):
    """The API server refuses what is written."""


class ClusterAway(OperatorError):
    """The API server does not answer, or failed."""


class UnusableCredential(OperatorError):
    """A credential cannot be used: nothing is asked with it, and nothing without it."""


class CredentialMissing(UnusableCredential):
    """The Secret is not there, lacks a key, or may not be read."""


class AddressRefused(UnusableCredential):
    """The address is none, or another than the one that the credential is for."""


class MissingSecrets(OperatorError):
    """Secrets that others make are missing, or lack keys."""


class RefusedDelivery(OperatorError):
    """A webhook's delivery is not acted upon."""

    reason: ClassVar[str] = "refused"
    """One short word for machines."""


class BadSignature(RefusedDelivery):
    """Nobody who knows the secret signed it."""

    reason = "bad_signature"


class OldTimestamp(RefusedDelivery):
    """It was signed too long ago, or the two clocks disagree."""

    reason = "old_timestamp"


class Replayed(RefusedDelivery):
    """The very same delivery was accepted before."""

    reason = "replayed"


class MalformedDelivery(RefusedDelivery):
    """It is not a delivery as MLflow makes them."""

    reason = "malformed"
