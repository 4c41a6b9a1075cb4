# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Requests to the receiver: signed, bounded, never redirected, never by a proxy."""

from __future__ import annotations

import http.client
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..messages import MAX_BODY_BYTES, SEQUENCE_HEADER, SIGNATURE_HEADER, sign, signing_key

_TIMEOUT_S = 15.0


class LinkError(OSError):
    """No answer came: safe to send again, the receiver knows a request by its number."""


@dataclass(frozen=True)
class Answer:
    """What the receiver said. `retry_after_s` is 0 where it gave none."""

    status: int
    body: bytes
    retry_after_s: float = 0.0


class Link:
    """The way to one receiver, with the token of one run."""

    def __init__(self, server: str, token: str, *, ca_file: str = "", timeout_s: float = _TIMEOUT_S) -> None:
        """`server` is http://HOST:PORT or https://HOST:PORT. Raises ValueError, or OSError for the CA's file."""
        parts = urlsplit(server)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("the receiver's address takes the form http://HOST:PORT")
        self._host, self._port = parts.hostname, parts.port
        self._tls = ssl.create_default_context(cafile=ca_file or None) if parts.scheme == "https" else None
        self._key = signing_key(token)
        self._timeout_s = timeout_s

    def request(self, method: str, path: str, sequence: int, body: bytes = b"") -> Answer:
        """Send one request on a connection of its own. Raises LinkError."""
        headers = {
            SEQUENCE_HEADER: str(sequence),
            SIGNATURE_HEADER: sign(self._key, method, path, sequence, body),
            "Content-Type": "application/octet-stream" if method == "PUT" else "application/json",
        }
        connection = self._connection()
        try:
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            read = answer.read(MAX_BODY_BYTES + 1)
            return Answer(answer.status, read[:MAX_BODY_BYTES], _seconds(answer.getheader("Retry-After")))
        except (OSError, http.client.HTTPException) as error:
            raise LinkError(f"no answer from {self._host}: {type(error).__name__}: {error}") from None
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if self._tls is None:
            return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)
        return http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout_s, context=self._tls)


def _seconds(text: str | None) -> float:
    return min(float(text), 60.0) if text and text.isascii() and text.isdigit() else 0.0
