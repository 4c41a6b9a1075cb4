# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Certificates and signing requests, read and signed; what is wrong with one is BadX509, without its contents."""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._values.text import cut, printable
from .certificate import Certificate, Key, untimely
from .errors import RedfishConfigError

try:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

    _IMPORT_ERROR: ImportError | None = None
except ImportError as missing:
    _IMPORT_ERROR = missing

_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")
_LONGEST_NAME = 200
_UNREADABLE = (ValueError, TypeError)
# Clocks of BMCs are wrong: from the beginning on a certificate is old enough for them.
_EARLIER = datetime.timedelta(hours=1)


class BadX509(Exception):
    """A text that can't be used as what it should be; its message follows on the name of that."""


@dataclass(frozen=True)
class Request:
    """A signing request whose signature was checked: its names, its key, and all of it."""

    common_name: str
    key: Key
    pem: str = field(repr=False)


def check_library() -> None:
    """Raise RedfishConfigError where the library is missing."""
    if _IMPORT_ERROR is not None:
        raise RedfishConfigError(
            "the Python package cryptography is missing where this task runs: pip install cryptography"
        ) from _IMPORT_ERROR


def read_certificate(der: bytes) -> Certificate:
    """Read a certificate in DER. Raises BadX509."""
    try:
        found = x509.load_der_x509_certificate(der)
        begins, ends = _times(found)
        return Certificate(
            subject=_text(found.subject.rfc4514_string()),
            common_name=_common_name(found.subject),
            issuer=_text(found.issuer.rfc4514_string()),
            names=_names(found),
            begins_s=begins.timestamp(),
            ends_s=ends.timestamp(),
            ends=ends.strftime("%Y-%m-%dT%H:%M:%SZ"),
            sha256=hashlib.sha256(der).hexdigest(),
            key=_key(found.public_key()),
            der=der,
        )
    except (*_UNREADABLE, x509.DuplicateExtension, UnsupportedAlgorithm):
        raise BadX509("is no certificate that can be read") from None


def read_certificates(text: str) -> list[Certificate]:
    """Read all certificates of a text in PEM, in their order. Raises BadX509 where there is none."""
    blocks = _BLOCK.findall(text)
    if not blocks:
        raise BadX509("has no certificate in PEM")
    try:
        ders = [x509.load_pem_x509_certificate(block.encode()) for block in blocks]
    except _UNREADABLE:
        raise BadX509("is no certificate that can be read") from None
    return [read_certificate(each.public_bytes(serialization.Encoding.DER)) for each in ders]


def read_request(pem: str) -> Request:
    """Read a signing request, and check that whoever made it has the key. Raises BadX509."""
    try:
        found = x509.load_pem_x509_csr(pem.encode())
        is_signed = found.is_signature_valid
        key = _key(found.public_key())
        name = _common_name(found.subject)
    except (*_UNREADABLE, UnsupportedAlgorithm):
        raise BadX509("is no signing request in PEM") from None
    if not is_signed:
        raise BadX509("is not signed by its own key")
    text = found.public_bytes(serialization.Encoding.PEM).decode()
    return Request(name, key, text)


def is_issued_by(certificate: Certificate, authorities: Iterable[Certificate], *, now_s: float) -> bool:
    """Return whether one of these has signed a certificate, and is an authority that has not ended."""
    found = x509.load_der_x509_certificate(certificate.der)
    for authority in authorities:
        issuer = x509.load_der_x509_certificate(authority.der)
        if issuer.subject == found.issuer and authority.begins_s <= now_s < authority.ends_s and _is_authority(issuer):
            try:
                _verify(issuer.public_key(), found)
            except (InvalidSignature, *_UNREADABLE):
                continue
            return True
    return False


class Signer:
    """The site's authority with its key, which never leaves this object. Raises RedfishConfigError.

    What it signs ends with it at the latest, so it must last longer than `renew_within_days`.
    """

    def __init__(
        self,
        authorities: Sequence[Certificate],
        key: str,
        passphrase: str | None,
        *,
        renew_within_days: int,
        now_s: float,
    ) -> None:
        secret = None if passphrase is None else passphrase.encode()
        try:
            self._key: Any = serialization.load_pem_private_key(key.encode(), password=secret)
        except (*_UNREADABLE, UnsupportedAlgorithm):
            # What the library says may quote the key.
            raise RedfishConfigError(
                "authority_key is no private key in PEM, or authority_passphrase does not open it"
            ) from None
        public = _key(self._key.public_key()).public
        own = [each for each in authorities if each.key.public == public]
        if not own:
            raise RedfishConfigError("authority_key is not the key of a certificate in authority")
        # One that was renewed with its key may be there twice.
        problems = {each: untimely(each, renew_within_days, now_s=now_s) for each in own}
        certificate = min(own, key=lambda each: len(problems[each]))
        if problems[certificate]:
            raise RedfishConfigError(
                f"authority: {certificate.subject} {problems[certificate][0]}, so that whatever it signs would be due "
                "again at once (renew_within_days): renew it first"
            )
        self._issuer = x509.load_der_x509_certificate(certificate.der)
        if not _is_authority(self._issuer):
            raise RedfishConfigError(f"authority: {certificate.subject} may not sign certificates")

    def sign(self, request: Request, names: Sequence[str], *, now_s: float, days: int) -> str:
        """Sign a request for these names; return a certificate in PEM that ends with the authority at the latest.

        Raises BadX509 where the library refuses to.
        """
        try:
            return self._sign(request, names, now_s=now_s, days=days)
        except (*_UNREADABLE, UnsupportedAlgorithm) as error:
            raise BadX509(f"could not be signed: {_text(str(error))}") from None

    def _sign(self, request: Request, names: Sequence[str], *, now_s: float, days: int) -> str:
        asked = x509.load_pem_x509_csr(request.pem.encode())
        now = datetime.datetime.fromtimestamp(now_s, datetime.timezone.utc)
        ends = min(now + datetime.timedelta(days=days), _times(self._issuer)[1])
        builder = x509.CertificateBuilder().subject_name(asked.subject).issuer_name(self._issuer.subject)
        builder = builder.public_key(asked.public_key()).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - _EARLIER).not_valid_after(ends)
        for extension, is_critical in self._extensions(asked, names):
            builder = builder.add_extension(extension, critical=is_critical)
        # Ed25519 and Ed448 have their hash built in.
        is_hashed = isinstance(self._key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey))
        signed = builder.sign(self._key, hashes.SHA256() if is_hashed else None)
        return signed.public_bytes(serialization.Encoding.PEM).decode()

    def _extensions(self, asked: Any, names: Sequence[str]) -> list[tuple[Any, bool]]:
        usage = dict.fromkeys(
            ("content_commitment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign"), False
        )
        is_rsa = isinstance(asked.public_key(), rsa.RSAPublicKey)
        return [
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (
                x509.KeyUsage(
                    digital_signature=True, key_encipherment=is_rsa, encipher_only=False, decipher_only=False, **usage
                ),
                True,
            ),
            (x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]), False),
            (x509.SubjectAlternativeName([_general_name(name) for name in names]), False),
            (x509.SubjectKeyIdentifier.from_public_key(asked.public_key()), False),
            (x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), False),
        ]


def _general_name(name: str) -> Any:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _names(found: Any) -> tuple[str, ...]:
    try:
        extension = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    named = [*extension.get_values_for_type(x509.DNSName), *extension.get_values_for_type(x509.IPAddress)]
    return tuple(_text(str(each)) for each in named)


def _common_name(name: Any) -> str:
    found = name.get_attributes_for_oid(x509.oid.NameOID.COMMON_NAME)
    return _text(str(found[0].value)) if found else ""


def _text(text: str) -> str:
    return cut(printable(text), _LONGEST_NAME)


def _key(key: Any) -> Key:
    kind = type(key).__name__.strip("_").replace("PublicKey", "")
    kind = "RSA" if isinstance(key, rsa.RSAPublicKey) else "EC" if isinstance(key, ec.EllipticCurvePublicKey) else kind
    public = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return Key(kind, getattr(key, "key_size", 256), public)


def _times(found: Any) -> tuple[datetime.datetime, datetime.datetime]:
    """Return when a certificate begins and ends; before cryptography 42 the library gave no time zone."""
    if hasattr(found, "not_valid_after_utc"):
        return found.not_valid_before_utc, found.not_valid_after_utc
    utc = datetime.timezone.utc
    return found.not_valid_before.replace(tzinfo=utc), found.not_valid_after.replace(tzinfo=utc)


def _is_authority(found: Any) -> bool:
    try:
        return bool(found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except (x509.ExtensionNotFound, *_UNREADABLE):
        return False


def _verify(key: Any, found: Any) -> None:
    """Check a certificate's signature. Raises InvalidSignature, ValueError and TypeError."""
    if isinstance(key, rsa.RSAPublicKey):
        how = getattr(found, "signature_algorithm_parameters", None) or padding.PKCS1v15()
        key.verify(found.signature, found.tbs_certificate_bytes, how, found.signature_hash_algorithm)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(found.signature, found.tbs_certificate_bytes, ec.ECDSA(found.signature_hash_algorithm))
    else:
        key.verify(found.signature, found.tbs_certificate_bytes)
