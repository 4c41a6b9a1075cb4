# SPDX-License-Identifier: GPL-3.0-or-later
"""The TLS options against a real handshake on the loopback interface."""

from __future__ import annotations

import http.server
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.connection import Connection, Transport
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmAuthError

from .certificates import Certificate, make_certificate

NAME = "head.cluster"


@dataclass
class TlsServer:
    """Answers every POST with the login's answer."""

    port: int
    certificate: Certificate
    ca_path: str
    bodies: list[Any] = field(default_factory=list)

    def call(self, **options: Any) -> Any:
        connection = Connection("127.0.0.1", self.port, username="admin", password="secret", **options)
        transport = Transport(connection, attempts=1)
        try:
            return transport.call({"service": "s", "call": "c", "args": []}, name="s.c", reads=True).value
        finally:
            transport.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsServer]:
    certificate = make_certificate(NAME)
    pem = certificate.write(tmp_path_factory.mktemp("tls"))
    bodies: list[Any] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def do_POST(self) -> None:
            bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Set-Cookie", "cm-login-token=0123;path=/;Secure")
            self.end_headers()
            self.wfile.write(b"true")

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(http.server.HTTPServer):
        def get_request(self) -> tuple[Any, Any]:
            # A refused handshake is the client's to tell.
            try:
                return super().get_request()
            except ssl.SSLError as error:
                raise OSError(str(error)) from error

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    httpd = Server(("127.0.0.1", 0), Handler)
    httpd.socket = context.wrap_socket(httpd.socket, server_side=True)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield TlsServer(httpd.server_port, certificate, str(pem), bodies)
    httpd.shutdown()
    thread.join(timeout=30)
    httpd.server_close()


@pytest.fixture(autouse=True)
def _nothing_was_said_before(server: TlsServer) -> None:
    server.bodies.clear()


def test_a_certificate_of_an_unknown_issuer_is_refused_and_nothing_is_sent(server: TlsServer) -> None:
    with pytest.raises(BcmAuthError, match="ca_path must be the cluster's CA"):
        server.call()

    assert not server.bodies


def test_a_certificate_for_another_name_is_refused_with_the_way_out(server: TlsServer) -> None:
    with pytest.raises(BcmAuthError, match="tls_server_name"):
        server.call(ca_path=server.ca_path)

    assert not server.bodies


def test_the_name_in_the_certificate_can_be_given(server: TlsServer) -> None:
    assert server.call(ca_path=server.ca_path, tls_server_name=NAME) is True


@pytest.mark.parametrize("form", ["plain", "colons", "prefix"])
def test_a_fingerprint_trusts_exactly_that_certificate(server: TlsServer, form: str) -> None:
    digest = server.certificate.sha256
    colons = ":".join(digest[index : index + 2] for index in range(0, 64, 2)).upper()
    fingerprint = {"plain": digest, "colons": colons, "prefix": f"sha256:{digest}"}[form]

    assert server.call(tls_fingerprint=fingerprint) is True


def test_another_fingerprint_is_refused_before_the_password_is_sent(server: TlsServer) -> None:
    with pytest.raises(BcmAuthError, match=f"SHA-256 is {server.certificate.sha256}, not tls_fingerprint"):
        server.call(tls_fingerprint="0" * 64)

    assert not server.bodies


def test_a_fingerprint_holds_although_checking_is_switched_off(server: TlsServer) -> None:
    with pytest.raises(BcmAuthError, match="not tls_fingerprint"):
        server.call(tls_fingerprint="0" * 64, validate_certs=False)


def test_checking_can_be_switched_off(server: TlsServer) -> None:
    assert server.call(validate_certs=False) is True
