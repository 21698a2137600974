"""As whom a registry or Airflow is asked: a credential goes only to the address that its owner wrote beside it.

    spec.registry.secretName     the Secret's login goes to the Secret's `url`
    RELEVO_REGISTRIES            the operator's own login goes to these addresses, whoever asks for one of them
    neither                      asked without a login, and told of no webhook
    spec.retraining.secretName   the Secret's login goes to the Secret's `url`

Whoever writes a ModelDeployment may write any address into it, and so may choose no address for what others own.
"""

from __future__ import annotations

import base64
import binascii
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

import httpx

from relevo_contract.mlflow_login import basic, bearer, login, trust
from relevo_operator.addresses import normal
from relevo_operator.airflow_api import Login
from relevo_operator.errors import AddressRefused, CredentialMissing, RefusedByCluster
from relevo_operator.rights import missing_rule
from relevo_operator.values import RegistryRef, RetrainingRef, SecretRef

URL, USERNAME, PASSWORD, TOKEN, WEBHOOK, CA = "url", "username", "password", "token", "webhook-secret", "ca.crt"
"""The keys of a Secret."""
LONGEST: Final = 65_536
"""Characters of a value."""
SHORTEST_WEBHOOK: Final = 16
_REGISTRY_KEYS: Final = f"the keys {URL}, and {USERNAME} and {PASSWORD}, or {TOKEN}"
_AIRFLOW_KEYS: Final = f"the keys {URL}, {USERNAME} and {PASSWORD}"


class Secrets(Protocol):
    """Where Secrets are read: the cluster. Raises ClusterAway, or RefusedByCluster."""

    async def secret(self, namespace: str, name: str) -> Mapping[str, str] | None:
        """A Secret's data, in base64; None if there is none."""


@dataclass(frozen=True, slots=True)
class Access:
    """A registry's address, and as whom it is asked there; a representation shows no credential."""

    url: str
    """In its one spelling (addresses.normal)."""
    denied: str
    """What to do if it answers that we may not."""
    own: bool = False
    """As the operator, by its own variables."""
    authorization: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Headers."""
    ca: str = ""
    """Certificates to believe, in PEM; empty is the system's."""
    webhook_secret: str = field(default="", repr=False)
    """What its webhook is signed with; empty: it is told of none."""
    keys: tuple[str, ...] = ()
    """What the ModelDeployment's Secret holds that a pod needs."""

    def verify(self) -> ssl.SSLContext:
        """Whom to believe. Raises CredentialMissing."""
        try:
            if self.own:
                return trust()
            return ssl.create_default_context(cadata=self.ca) if self.ca else httpx.create_ssl_context()
        except (ssl.SSLError, ValueError):
            raise CredentialMissing(f"expected certificates in PEM as {CA} beside {self.url}: correct them") from None


class Credentials:
    """Every credential that there is, and the addresses that they are for."""

    def __init__(self, secrets: Secrets, registries: frozenset[str], webhook_secret: str | None) -> None:
        """`registries` are the addresses, in their one spelling, that the operator's own login is for."""
        self._secrets, self._registries, self._webhook_secret = secrets, registries, webhook_secret or ""

    async def registry(self, ref: RegistryRef) -> Access:
        """As whom to ask. Raises UnusableCredential, ClusterAway."""
        if ref.secret is None:
            url = _normal(ref.tracking_uri, "spec.registry.trackingUri")
            return self._own(url, ()) if url in self._registries else Access(url, _nobody(url))
        found = await self._opened(ref.secret, _REGISTRY_KEYS)
        url = _beside(found, ref.secret, ref.tracking_uri, "spec.registry.trackingUri")
        keys = tuple(key for key in (USERNAME, PASSWORD, TOKEN, CA) if key in found)
        authorization = _authorization(found, ref.secret)
        if url in self._registries:
            return self._own(url, keys)
        if WEBHOOK in found and len(found[WEBHOOK]) < SHORTEST_WEBHOOK:
            raise CredentialMissing(
                f"{_expected(ref.secret, WEBHOOK)} of at least {SHORTEST_WEBHOOK} characters, it is shorter: correct it"
            )
        denied = (
            f"correct the login in the Secret {ref.secret[1]}, or what MLflow lets it do, or MLflow's allowed hosts"
        )
        return Access(
            url, denied, authorization=authorization, ca=found.get(CA, ""), webhook_secret=found.get(WEBHOOK, ""),
            keys=keys,
        )  # fmt: skip

    async def airflow(self, namespace: str, ref: RetrainingRef) -> tuple[str, Login]:
        """Airflow's address and the login for it. Raises UnusableCredential, ClusterAway."""
        secret = (namespace, ref.secret)
        found = await self._opened(secret, _AIRFLOW_KEYS)
        url = _beside(found, secret, ref.url, "spec.retraining.url")
        for key in (USERNAME, PASSWORD):
            if key not in found:
                raise CredentialMissing(f"{_expected(secret, _AIRFLOW_KEYS)}, it lacks '{key}': add it")
        return url, Login(found[USERNAME], found[PASSWORD])

    def _own(self, url: str, keys: tuple[str, ...]) -> Access:
        denied = (
            "correct the operator's MLFLOW_TRACKING_USERNAME and _PASSWORD, or _TOKEN, or what MLflow lets it do, or "
            "MLflow's allowed hosts"
        )
        try:
            headers = login()  # a file that was changed is read anew
        except ValueError as error:
            raise CredentialMissing(str(error)) from error
        return Access(url, denied, own=True, authorization=headers, webhook_secret=self._webhook_secret, keys=keys)

    async def _opened(self, secret: SecretRef, needed: str) -> dict[str, str]:
        """What a Secret holds. Raises CredentialMissing, whose sentence never quotes a value."""
        expected = _expected(secret, needed)
        try:
            data = await self._secrets.secret(*secret)
        except RefusedByCluster as error:
            rule = missing_rule(str(error))
            raise CredentialMissing(
                f"{expected} that the operator may read: {error}" + (f"; {rule}" if rule else "")
            ) from error
        if data is None:
            raise CredentialMissing(f"{expected}, there is none: make it")
        found = {}
        for key in (URL, USERNAME, PASSWORD, TOKEN, WEBHOOK, CA):
            if key in data:
                found[key] = _text(data[key], key, expected)
        return found


def _expected(secret: SecretRef, needed: str) -> str:
    return f"expected a Secret {secret[1]} in the namespace {secret[0]} with {needed}"


def _text(encoded: str, key: str, expected: str) -> str:
    try:
        text = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise CredentialMissing(f"{expected}, '{key}' is no text: correct it") from None
    if len(text) > LONGEST:
        raise CredentialMissing(f"{expected}, '{key}' has more than {LONGEST:,} characters: correct it")
    if key != CA:
        text = text.strip("\r\n")  # a file's last newline is no part of it
        if text and not text.isprintable():
            raise CredentialMissing(f"{expected}, '{key}' has characters that cannot be seen: correct it")
    if not text:
        raise CredentialMissing(f"{expected}, '{key}' is empty: correct it")
    return text


def _normal(url: str, where: str) -> str:
    try:
        return normal(url)
    except ValueError as error:
        raise AddressRefused(f"{where}: {error}") from None


def _beside(found: Mapping[str, str], secret: SecretRef, given: str, where: str) -> str:
    """The address that the credential is for; one that the spec gives, too, must be the same."""
    if URL not in found:
        raise CredentialMissing(
            f"{_expected(secret, f'the key {URL}')}, it lacks '{URL}': add the address beside the login"
        )
    url = _normal(found[URL], f"'{URL}' in the Secret {secret[1]}")
    if given and _normal(given, where) != url:
        raise AddressRefused(
            f"expected {where} to be the address that the Secret {secret[1]} is for, {url}, got another: its login "
            "goes nowhere else; correct one of the two, or leave the field out"
        )
    return url


def _authorization(found: Mapping[str, str], secret: SecretRef) -> dict[str, str]:
    pair = (USERNAME in found, PASSWORD in found)
    if TOKEN in found and not any(pair):
        if not found[TOKEN].isascii() or " " in found[TOKEN]:
            raise CredentialMissing(f"{_expected(secret, _REGISTRY_KEYS)}, '{TOKEN}' cannot be sent: correct it")
        return bearer(found[TOKEN])
    if TOKEN not in found and all(pair):
        return basic(found[USERNAME], found[PASSWORD])
    has = ", ".join(key for key in (USERNAME, PASSWORD, TOKEN) if key in found) or "none of them"
    raise CredentialMissing(f"{_expected(secret, _REGISTRY_KEYS)}, it has {has}: make it one of the two")


def _nobody(url: str) -> str:
    return (
        f"no login is sent to it: name a Secret with {_REGISTRY_KEYS} in spec.registry.secretName, or list {url} in "
        "the operator's RELEVO_REGISTRIES; or correct MLflow's allowed hosts"
    )
