# SPDX-License-Identifier: GPL-3.0-or-later
"""The head node's own certificate authority, and the certificates it gives out."""

from __future__ import annotations

import datetime
import ipaddress
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from virtual_rack.state_file import StateFileError

_DAYS = 3650
# ASSUMED: where a certificate carries its profile. An admin.pem of a live head node settles it.
_PROFILE_ATTRIBUTE = NameOID.ORGANIZATIONAL_UNIT_NAME
_PROFILE_KEY = "organizationalUnitName"


@dataclass(frozen=True)
class Pair:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def open_authority(directory: Path) -> Pair:
    """Load the authority of a directory, or make it there."""
    certificate, key = directory / "ca.pem", directory / "ca.key"
    if certificate.exists() and key.exists():
        private = serialization.load_pem_private_key(key.read_bytes(), password=None)
        if not isinstance(private, ec.EllipticCurvePrivateKey):
            raise StateFileError(f"{key}: not a key of this program; remove it and ca.pem to begin anew")
        return Pair(x509.load_pem_x509_certificate(certificate.read_bytes()), private)
    authority = _make_authority()
    write_pair(authority, directory, "ca")
    return authority


def write_pair(pair: Pair, directory: Path, name: str) -> None:
    """Write NAME.pem, and NAME.key for its owner only."""
    (directory / f"{name}.pem").write_bytes(pair.certificate.public_bytes(serialization.Encoding.PEM))
    content = pair.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    descriptor = os.open(directory / f"{name}.key", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def issue_server(authority: Pair, *, hostname: str, matching: bool, days: int = _DAYS) -> Pair:
    """Make the head node's certificate; one that does not match names a host that nobody calls it by."""
    names: list[x509.GeneralName] = [x509.DNSName("somewhere-else.invalid")]
    if matching:
        names = [
            x509.DNSName("localhost"),
            x509.DNSName(hostname),
            *(x509.IPAddress(ipaddress.IPv4Address(address)) for address in ("127.0.0.1", "127.0.0.2")),
        ]
    subject = _name(hostname if matching else "somewhere-else.invalid")
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    return _issue(authority, subject, days, usage, x509.SubjectAlternativeName(names))


def issue_bmc(authority: Pair | None, *, address: str) -> Pair:
    """Make the certificate of a BMC, signed by itself without an authority."""
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.IPv4Address(address))])
    return _issue(authority, _name(address), _DAYS, x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), names)


def issue_client(authority: Pair, *, user: str, profile: str, days: int = _DAYS) -> Pair:
    """Make a client's certificate that carries a profile."""
    subject = x509.Name([*_name(user), x509.NameAttribute(_PROFILE_ATTRIBUTE, profile)])
    return _issue(authority, subject, days, x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]))


def profile_of(peer_certificate: Mapping[str, Any]) -> tuple[str, str]:
    """Read user and profile out of a verified client certificate, as the ssl module shows it."""
    attributes = {name: value for part in peer_certificate.get("subject", ()) for name, value in part}
    return attributes.get("commonName", ""), attributes.get(_PROFILE_KEY, "")


class _SayingWhy(ssl.SSLObject):
    """A TLS connection that tells the other side why it is refused.

    asyncio drops a connection whose handshake fails, with the alert that OpenSSL has ready. So the failure waits for
    one more round, before which asyncio sends what is there; by then the other side has mostly hung up by itself.
    """

    _told = False

    def do_handshake(self) -> None:
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            if self._told:
                raise
            self._told = True
            raise ssl.SSLWantReadError(*error.args) from error


def server_context(directory: Path) -> ssl.SSLContext:
    """Make the TLS side of the head node: client certificates are welcome, not required."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sslobject_class = _SayingWhy
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(directory / "server.pem", directory / "server.key")
    context.load_verify_locations(directory / "ca.pem")
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int = _DAYS
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, for_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=for_authority,
        crl_sign=for_authority,
        encipher_only=False,
        decipher_only=False,
    )


def _make_authority() -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("virtual rack")
    builder = _builder(name, name, key)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(for_authority=True), critical=True)
    return Pair(builder.sign(key, hashes.SHA256()), key)


def _issue(authority: Pair | None, subject: x509.Name, days: int, *extensions: x509.ExtensionType) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    issuer, signer = (authority.certificate.subject, authority.key) if authority else (subject, key)
    builder = _builder(subject, issuer, key, days)
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    builder = builder.add_extension(identifier, critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(for_authority=False), critical=True)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return Pair(builder.sign(signer, hashes.SHA256()), key)
