# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The HTTPS client for every API of this collection: bounds, retries, hidden secrets, one line per attempt."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .._values.text import cut, printable
from .blanking import blank
from .body import BodyReader
from .call_log import CallLine, OnCall
from .errors import NeverSent, NoAnswer, TlsRefused
from .exchange import Bounds, HttpRequest, Patience, Reply
from .retry import Retry
from .tls import Tls
from .wire import Wire

# An answer that is no HTTP stands in the library's error, up to 100 KiB of it.
_LONGEST_REASON = 500


class HttpsClient:
    """A sender of calls to one server; safe to share between threads.

    `secrets` are blanked in the text of every error and in every line of `on_call`, which is given one line per
    attempt. Raises NoLibrary, BadAddress, BadTlsFile and BadFingerprint. An exchange ends within `patience.limit_s` and
    holds at most `limits` of its answer in memory, whatever the server does.
    """

    def __init__(
        self,
        base_url: str,
        tls: Tls,
        *,
        patience: Patience,
        limits: Bounds | None = None,
        headers: Mapping[str, str] | None = None,
        secrets: Iterable[str] = (),
        keep_alive_s: float = 5.0,
        on_call: OnCall | None = None,
        sleep: Callable[[float], None] = time.sleep,
        now_s: Callable[[], float] = time.monotonic,
        http_transport: Any = None,
    ) -> None:
        self._patience = patience
        self._limits = limits or Bounds()
        self._secrets = set(secrets)
        self._on_call = on_call
        self._sleep = sleep
        self._now_s = now_s
        self._wire = Wire(
            base_url, tls, headers=headers or {}, keep_alive_s=keep_alive_s, now_s=now_s, http_transport=http_transport
        )

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

    @property
    def peer_certificate(self) -> bytes | None:
        """Return the server's certificate, in DER; None before the first answer."""
        return self._wire.peer_certificate

    def hide(self, secret: str) -> None:
        """Blank one more secret from now on."""
        self._secrets = self._secrets | {secret}

    def clean(self, text: str) -> str:
        """Blank the secrets in a text."""
        return blank(text, self._secrets)

    def send(self, request: HttpRequest, retry: Retry, patience: Patience | None = None) -> Reply:
        """Send one call, again as `retry` allows; `patience` replaces the client's, for long polls.

        Returns an answer of any HTTP status. Raises NoAnswer after the last attempt, whose class says whether the call
        may have been performed.
        """
        attempt = 1
        while True:
            outcome = self._attempt(request, attempt, patience or self._patience)
            if not retry.is_due(attempt, outcome):
                break
            self._sleep(retry.pause_s(attempt, outcome))
            attempt += 1
        if isinstance(outcome, NoAnswer):
            raise outcome
        return outcome

    def _attempt(self, request: HttpRequest, attempt: int, patience: Patience) -> Reply | NoAnswer:
        body = BodyReader(self._limits, request.sink)
        begun_s = self._now_s()
        outcome: Reply | NoAnswer
        try:
            outcome = self._wire.exchange(request, patience, body)
        except NoAnswer as error:
            outcome = self._cleaned(error)
        self._note(request, attempt, self._now_s() - begun_s, body.received_bytes, outcome)
        return outcome

    def _cleaned(self, error: NoAnswer) -> NoAnswer:
        text = cut(printable(self.clean(str(error))), _LONGEST_REASON)
        if text != str(error):
            error.args = (text,)
            # Its cause has the same text, with the secret or the whole length in it.
            error.__cause__ = None
        return error

    def _note(
        self, request: HttpRequest, attempt: int, seconds: float, received_bytes: int, outcome: Reply | NoAnswer
    ) -> None:
        if self._on_call is None:
            return
        nothing_sent = isinstance(outcome, (NeverSent, TlsRefused))
        line = CallLine(
            label=self.clean(request.label),
            method=request.method,
            attempt=attempt,
            milliseconds=round(seconds * 1000),
            sent_bytes=0 if nothing_sent else request.sent_bytes,
            received_bytes=received_bytes,
            outcome=f"HTTP {outcome.status}" if isinstance(outcome, Reply) else type(outcome).__name__,
        )
        self._on_call(line)
