# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom a connection trusts, against a real handshake on the loopback interface."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from ansible_collections.baremetal.bcm.plugins.module_utils._https.client import HttpsClient
from ansible_collections.baremetal.bcm.plugins.module_utils._https.errors import (
    BadFingerprint,
    BadTlsFile,
    Doubt,
    TlsRefused,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._https.exchange import HttpRequest, Patience
from ansible_collections.baremetal.bcm.plugins.module_utils._https.retry import Retry
from ansible_collections.baremetal.bcm.plugins.module_utils._https.tls import Tls

from .certificates import Certificate, make_certificate
from .loopback import Answering, server_context, serving_tls

NAME = "head.cluster"


@dataclass
class TlsServer:
    """Answers every POST with true."""

    port: int
    certificate: Certificate
    ca_path: str
    requests: list[str] = field(default_factory=list)

    def call(self, **options: Any) -> Any:
        client = HttpsClient(f"https://127.0.0.1:{self.port}", Tls(**options), patience=Patience())
        try:
            return client.send(HttpRequest("POST", "/json", "call", content=b'{"password": "secret"}'), Retry()).json()
        finally:
            client.close()

    def refused(self, **options: Any) -> TlsRefused:
        """Why the handshake was refused, before anything was sent."""
        with pytest.raises(TlsRefused) as caught:
            self.call(**options)
        assert not self.requests
        return caught.value


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsServer]:
    certificate = make_certificate(NAME)
    pem = certificate.write(tmp_path_factory.mktemp("tls"))
    requests: list[str] = []

    class Noting(Answering):
        def do_POST(self) -> None:
            requests.append(self.path)
            super().do_POST()

    with serving_tls(pem, Noting) as port:
        yield TlsServer(port, certificate, str(pem), requests)


@pytest.fixture(autouse=True)
def _nothing_was_said_before(server: TlsServer) -> None:
    server.requests.clear()


def test_a_certificate_of_an_unknown_issuer_is_refused_and_nothing_is_sent(server: TlsServer) -> None:
    assert server.refused().doubt is Doubt.ISSUER


def test_a_certificate_for_another_name_is_refused_and_nothing_is_sent(server: TlsServer) -> None:
    assert server.refused(ca_path=server.ca_path).doubt is Doubt.NAME


def test_the_name_in_the_certificate_can_be_given(server: TlsServer) -> None:
    assert server.call(ca_path=server.ca_path, server_name=NAME) is True


@pytest.mark.parametrize("form", ["plain", "colons", "prefix"])
def test_a_fingerprint_trusts_exactly_that_certificate(server: TlsServer, form: str) -> None:
    digest = server.certificate.sha256
    colons = ":".join(digest[index : index + 2] for index in range(0, 64, 2)).upper()
    fingerprint = {"plain": digest, "colons": colons, "prefix": f"sha256:{digest}"}[form]

    assert server.call(fingerprint=fingerprint) is True


def test_of_several_fingerprints_each_is_trusted_and_no_other(server: TlsServer) -> None:
    assert server.call(fingerprint=f"{'0' * 64} {server.certificate.sha256}") is True
    server.requests.clear()
    assert server.refused(fingerprint=f"{'0' * 64} {'1' * 64}").doubt is Doubt.FINGERPRINT


@pytest.mark.parametrize("validate", [True, False])
def test_another_fingerprint_is_refused_before_anything_is_sent(server: TlsServer, validate: bool) -> None:
    refused = server.refused(fingerprint="0" * 64, validate=validate)

    assert refused.doubt is Doubt.FINGERPRINT
    assert refused.reason == f"the certificate's SHA-256 is {server.certificate.sha256}"


def test_checking_can_be_switched_off(server: TlsServer) -> None:
    assert server.call(validate=False) is True


def test_certificates_are_checked_unless_told_otherwise() -> None:
    strict, loose = Tls().context(), Tls(validate=False).context()

    assert (strict.verify_mode, strict.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert (loose.verify_mode, loose.check_hostname) == (ssl.CERT_NONE, False)


@pytest.mark.parametrize("options", [{}, {"validate": False}, {"fingerprint": "0" * 64}])
def test_nothing_older_than_tls_1_2_is_spoken(options: dict[str, Any]) -> None:
    assert Tls(**options).context().minimum_version == ssl.TLSVersion.TLSv1_2


@pytest.fixture
def old_server(tmp_path: Path) -> Iterator[TlsServer]:
    """A server that speaks nothing newer than TLS 1.1."""
    certificate = make_certificate(NAME)
    pem = certificate.write(tmp_path)
    context = server_context(pem)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLS"):
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    requests: list[str] = []

    class Noting(Answering):
        def do_POST(self) -> None:
            requests.append(self.path)
            super().do_POST()

    with serving_tls(pem, Noting, context) as port:
        yield TlsServer(port, certificate, str(pem), requests)


def test_a_server_that_speaks_only_older_tls_is_told_nothing(old_server: TlsServer) -> None:
    lax = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    lax.check_hostname, lax.verify_mode = False, ssl.CERT_NONE
    lax.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLS"):
        lax.minimum_version = ssl.TLSVersion.TLSv1
    try:
        with socket.create_connection(("127.0.0.1", old_server.port), 5) as plain, lax.wrap_socket(plain) as spoken:
            assert spoken.version() == "TLSv1.1"
    except ssl.SSLError:
        pytest.skip("this OpenSSL speaks no older TLS at all")

    for options in ({"validate": False}, {"fingerprint": old_server.certificate.sha256}):
        assert old_server.refused(**options).doubt is Doubt.OTHER


def test_a_key_with_a_passphrase_is_refused_and_nobody_is_asked_for_it(tmp_path: Path) -> None:
    made = make_certificate("client")
    pem = tmp_path / "client.pem"
    key = made.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"a passphrase"),
    )
    pem.write_bytes(made.pem + key)

    with pytest.raises(BadTlsFile, match="the client's key is encrypted, and there is no option for its passphrase"):
        Tls(client_cert=str(pem)).context()


@pytest.mark.parametrize("option", ["ca_path", "client_cert"])
def test_a_path_that_can_be_none_is_a_file_that_can_not_be_used(option: str) -> None:
    options: dict[str, Any] = {option: "a\0b"}

    with pytest.raises(BadTlsFile):
        Tls(**options).context()


@pytest.mark.parametrize("option", ["ca_path", "client_cert"])
@pytest.mark.parametrize(("path", "is_missing"), [("/nowhere.pem", True), (__file__, False)])
def test_a_file_that_can_not_be_used_says_whether_it_is_there(option: str, path: str, is_missing: bool) -> None:
    options: dict[str, Any] = {option: path}

    with pytest.raises(BadTlsFile) as caught:
        Tls(**options).context()

    assert caught.value.is_missing is is_missing


@pytest.mark.parametrize("fingerprint", ["12:34", "g" * 64, " ", f"{'0' * 64} 12:34"])
def test_a_fingerprint_that_is_none_is_refused(fingerprint: str) -> None:
    with pytest.raises(BadFingerprint, match="64 hexadecimal digits"):
        Tls(fingerprint=fingerprint).context()
