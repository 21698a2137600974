"""Keys and certificates for servers of the tests' own, made anew for each run."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALID = timedelta(days=2)


def private_key() -> ec.EllipticCurvePrivateKey:
    """A new key. Elliptic curves: an RSA key takes a noticeable part of a second to find."""
    return ec.generate_private_key(ec.SECP256R1())


def pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


@dataclass(frozen=True)
class Issued:
    """A certificate and its key, as PEM."""

    certificate: bytes
    key: bytes


class Authority:
    """Signs the servers' certificates and those of their users."""

    def __init__(self) -> None:
        self._key = private_key()
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "relevo-tests")])
        unsigned = self._certificate(self._name, self._key.public_key()).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        self.certificate = self._sign(unsigned)

    def server(self, address: str) -> Issued:
        """For a server at an IP address."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kube-apiserver")])
        names = x509.SubjectAlternativeName(
            [x509.IPAddress(ipaddress.ip_address(address)), x509.DNSName("localhost")],
        )
        return self._issue(name, ExtendedKeyUsageOID.SERVER_AUTH, names)

    def peer(self, address: str) -> Issued:
        """For one of several servers that are each other's clients."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "peer")])
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        return self._issue(name, ExtendedKeyUsageOID.SERVER_AUTH, names, ExtendedKeyUsageOID.CLIENT_AUTH)

    def client(self, user: str, groups: Sequence[str]) -> Issued:
        """For a user: Kubernetes takes the name from CN and the groups from O."""
        organisations = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
        name = x509.Name([*organisations, x509.NameAttribute(NameOID.COMMON_NAME, user)])
        return self._issue(name, ExtendedKeyUsageOID.CLIENT_AUTH)

    def _issue(
        self,
        name: x509.Name,
        usage: x509.ObjectIdentifier,
        names: x509.SubjectAlternativeName | None = None,
        *more: x509.ObjectIdentifier,
    ) -> Issued:
        key = private_key()
        unsigned = self._certificate(name, key.public_key()).add_extension(
            x509.ExtendedKeyUsage([usage, *more]), critical=False
        )
        if names is not None:
            unsigned = unsigned.add_extension(names, critical=False)
        return Issued(self._sign(unsigned), pem(key))

    def _certificate(self, name: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))  # clocks of virtual machines jump
            .not_valid_after(now + VALID)
        )

    def _sign(self, unsigned: x509.CertificateBuilder) -> bytes:
        return unsigned.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
