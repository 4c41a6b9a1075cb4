# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificate of a BMC in memory, and authorities that sign requests; for tests of what replaces certificates."""

from __future__ import annotations

import datetime
import functools
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Body = dict[str, Any]
PASSPHRASE = "demo-authority-passphrase"
_PEM = serialization.Encoding.PEM


def named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


@dataclass(frozen=True)
class Authority:
    """An authority of a site. What it signs is good from 2020 on, for so many days of its own or of a certificate."""

    name: str = "BMC authority"
    days: int = 20_000
    is_authority: bool = True
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @functools.cached_property
    def pem(self) -> str:
        return self.issue(self.name, self.key.public_key(), days=self.days, is_authority=self.is_authority)

    @property
    def key_pem(self) -> str:
        """Its key, which PASSPHRASE opens."""
        secret = serialization.BestAvailableEncryption(PASSPHRASE.encode())
        return self.key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, secret).decode()

    def issue(self, name: str, key: Any, *alternatives: str, days: int = 20_000, is_authority: bool = False) -> str:
        """Give a certificate in PEM."""
        begins = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
        builder = x509.CertificateBuilder().subject_name(named(name)).issuer_name(named(self.name)).public_key(key)
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(begins)
        builder = builder.not_valid_after(begins + datetime.timedelta(days=days))
        builder = builder.add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        if alternatives:
            names = x509.SubjectAlternativeName([x509.DNSName(each) for each in alternatives])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(_PEM).decode()

    def sign(self, request: str, *alternatives: str, **options: Any) -> str:
        """Sign a request, as somebody elsewhere would."""
        asked = x509.load_pem_x509_csr(request.encode())
        name = str(asked.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
        return self.issue(name, asked.public_key(), *alternatives, **options)


class FakeCertificate:
    """What a BMC shows, and the key of the last request that it made."""

    def __init__(self) -> None:
        self.key: Any = None
        self.pem = factory_certificate()

    def request(self, body: Body) -> str:
        self.key = ec.generate_private_key(ec.SECP256R1())
        builder = x509.CertificateSigningRequestBuilder().subject_name(named(body["CommonName"]))
        return builder.sign(self.key, hashes.SHA256()).public_bytes(_PEM).decode()

    def take(self, pem: str) -> bool:
        """Take a certificate that belongs to the last request."""
        public = x509.load_pem_x509_certificate(pem.encode()).public_key()
        if self.key is None or public != self.key.public_key():
            return False
        self.pem, self.key = pem, None
        return True


@functools.lru_cache(maxsize=1)
def factory_certificate() -> str:
    factory = Authority("factory")
    return factory.issue("factory", factory.key.public_key())
