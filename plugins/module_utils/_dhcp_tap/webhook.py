# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Notifications to a rule engine's webhook. Never waits for it: the newest replaces one that was not delivered yet."""

from __future__ import annotations

import http.client
import ipaddress
import json
import logging
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from .log_line import log_line
from .recorder import Notification

_logger = logging.getLogger("dhcp_tap")

_TIMEOUT_S = 10.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 60.0

Post = Callable[[bytes], None]


class WebhookConfigError(ValueError):
    """The webhook can't be used as configured."""


class Webhook:
    """Delivers notifications, one at a time, trying again with growing pauses for as long as it takes.

    `post` raises OSError where the notification did not arrive; `webhook_post` makes one.
    """

    def __init__(self, post: Post, clock: Callable[[], float] = time.monotonic) -> None:
        self._post = post
        self._clock = clock
        self._changed = threading.Condition()
        self._undelivered: Notification | None = None
        self._stopping = threading.Event()
        self._failures = 0
        self._due_s = clock()
        self.replaced = 0

    def notify(self, notification: Notification) -> None:
        """Have a notification delivered, in the place of one that was not delivered yet. Returns at once."""
        with self._changed:
            self.replaced += self._undelivered is not None
            self._undelivered = notification
            self._changed.notify()

    def step(self) -> float | None:
        """Deliver if it is due; give the seconds until it is, None where nothing is to be delivered."""
        with self._changed:
            notification = self._undelivered
        if notification is None:
            return None
        wait_s = self._due_s - self._clock()
        if wait_s > 0:
            return wait_s
        try:
            self._post(json.dumps(notification).encode())
        except OSError as error:
            return self._failed(error)
        if self._failures:
            _logger.info(log_line("webhook_answers", after_failures=self._failures))
        self._failures = 0
        with self._changed:
            if self._undelivered is notification:
                self._undelivered = None
        return 0.0

    def run(self) -> None:
        """Deliver until stopped."""
        while not self._stopping.is_set():
            wait_s = self.step()
            with self._changed:
                if not self._stopping.is_set() and (wait_s or (wait_s is None and self._undelivered is None)):
                    self._changed.wait(wait_s)

    def stop(self) -> None:
        """End `run` after the delivery that is under way; from any thread."""
        with self._changed:
            self._stopping.set()
            self._changed.notify()

    def _failed(self, error: OSError) -> float:
        pause_s = min(_FIRST_PAUSE_S * 2.0 ** min(self._failures, 10), _LONGEST_PAUSE_S)
        self._failures += 1
        self._due_s = self._clock() + pause_s
        _logger.warning(
            log_line("webhook_failed", reason=error.strerror or error, failures=self._failures, again_in_s=int(pause_s))
        )
        return pause_s


def webhook_post(url: str, *, token: str = "", ca_file: str = "") -> Post:
    """Make the function that posts JSON to a URL. Raises WebhookConfigError; the function raises OSError.

    Proxies of the environment are not used: a rule engine is a neighbour. A token goes over TLS, or stays on this host.
    """
    parts = urlsplit(url)
    host, port = parts.hostname, _port(parts)
    if parts.scheme not in ("http", "https") or not host or port == 0:
        raise WebhookConfigError(f"could not use the webhook {_shown(url)}: it must be an http or https URL")
    if token and parts.scheme == "http" and not _is_loopback(host):
        raise WebhookConfigError(
            f"could not use the webhook {_shown(url)}: the token would be sent in clear; use https"
        )
    if any(ord(character) < 0x21 or ord(character) > 0x7E for character in token):
        raise WebhookConfigError("could not use the webhook's token: it has characters that no header can carry")
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:
        raise WebhookConfigError(f"could not read the CA file {ca_file}: {error.strerror or error}") from error
    headers = {"Content-Type": "application/json", "User-Agent": "dhcp-tap"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def post(body: bytes) -> None:
        if parts.scheme == "https":
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                host, port, timeout=_TIMEOUT_S, context=context
            )
        else:
            connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
        try:
            connection.request("POST", target, body, headers)
            status = connection.getresponse().status
        except http.client.HTTPException as error:
            raise OSError(f"no HTTP answer: {type(error).__name__}") from error
        finally:
            connection.close()
        # Redirections are failures: following one would carry the token to another place.
        if not 200 <= status < 300:
            raise OSError(f"HTTP {status}")

    return post


def read_token(path: str) -> str:
    """Read a token from a file, without the white space around it. Raises WebhookConfigError."""
    try:
        token = Path(path).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not ASCII"
        raise WebhookConfigError(f"could not read the token from {path}: {reason}") from None
    if not token:
        raise WebhookConfigError(f"could not read the token from {path}: the file is empty")
    return token


def _port(parts: SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError:
        return 0


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _shown(url: str) -> str:
    """The URL without what may be a secret in it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
