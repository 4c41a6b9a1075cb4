# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers on the loopback interface, for one test."""

from __future__ import annotations

import http.server
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any


class Answering(http.server.BaseHTTPRequestHandler):
    """Answers every request with `value`, in JSON."""

    protocol_version = "HTTP/1.0"
    value = b"true"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.value)

    def do_GET(self) -> None:
        self.do_POST()

    def log_message(self, *_args: Any) -> None:
        """Say nothing."""


class _TlsServer(http.server.HTTPServer):
    def get_request(self) -> tuple[Any, Any]:
        # A refused handshake is the client's to report.
        try:
            return super().get_request()
        except ssl.SSLError as error:
            raise OSError(str(error)) from error


def server_context(pem: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


@contextmanager
def serving_tls(pem: Path, handler: type[Answering], context: ssl.SSLContext | None = None) -> Iterator[int]:
    """Serve HTTPS with this certificate; gives the port."""
    context = context or server_context(pem)
    server = _TlsServer(("127.0.0.1", 0), handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join(30)
        server.server_close()


def say_true(connection: socket.socket, _over: threading.Event) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\ntrue")


@contextmanager
def speaking(speak: Callable[[socket.socket, threading.Event], None]) -> Iterator[int]:
    """Let `speak` have the first connection until it is closed, or until the event says that the test is over."""
    over = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            connection, _address = listener.accept()
            with connection:
                speak(connection, over)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        over.set()
        # Wakes an accept that nobody came to.
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)
        listener.close()
