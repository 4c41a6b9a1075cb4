# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Posts events to a webhook, a rule engine's for instance: each until it was taken, in their order."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from .._https.client import HttpsClient
from .._https.errors import HttpsError, NoAnswer
from .._https.exchange import HttpRequest, Patience
from .._https.retry import Retry
from .._https.tls import Tls
from .notices import CONTENT_TYPE
from .settings import Settings, SettingsError
from .state import State

_PATIENCE = Patience(5.0, 10.0, 20.0)
_ONCE = Retry()
_AT_ONCE = 50
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 5.0, 300.0


class Refused(Exception):
    """A webhook that did not take an event; trying again is safe, for its receivers know it by its id."""


class Post(Protocol):
    """What carries one event."""

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Send an event. Raises Refused."""

    def close(self) -> None:
        """Send no more."""


class Messenger:
    """Sends what waits in the state; while the webhook refuses, results go on to NetBox, and events wait."""

    def __init__(self, state: State, post: Post, clock: Callable[[], float], say: Callable[[str], None]) -> None:
        self._state = state
        self._post = post
        self._clock = clock
        self._say = say
        self._due = 0.0
        self._pause_s = 0.0

    def close(self) -> None:
        """Send no more."""
        self._post.close()

    def turn(self) -> int:
        """Send what is due; returns how many were taken. Raises SpoolError."""
        if self._clock() < self._due:
            return 0
        taken: list[str] = []
        try:
            for event in self._state.outgoing(_AT_ONCE):
                self._post(event)
                taken.append(str(event["id"]))
        except Refused as error:
            if not self._pause_s:
                self._say(f"{error}; it is tried again, and events wait")
            self._pause_s = min(max(2 * self._pause_s, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)
            self._due = self._clock() + self._pause_s
        else:
            self._pause_s = 0.0
        self._state.sent(taken)
        return len(taken)


class Webhook:
    """A webhook, as the settings name it. Raises SettingsError."""

    def __init__(self, settings: Settings) -> None:
        parts, token = urlsplit(settings.event_url), _token(settings)
        host = parts.hostname or ""
        is_near = host in ("localhost", "::1") or host.startswith("127.")
        if parts.scheme not in ("http", "https") or not host:
            raise SettingsError("event_url takes an address such as https://eda.example.com/endpoint")
        if token and parts.scheme == "http" and not is_near:
            raise SettingsError("event_url is http, so that its token would cross the network in clear text; use https")
        self._name = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        base, _slash, self._path = settings.event_url.rpartition("/") if parts.path else (settings.event_url, "", "")
        headers = {"Content-Type": CONTENT_TYPE, **({"Authorization": f"Bearer {token}"} if token else {})}
        try:
            tls = Tls(ca_path=settings.event_ca_path or None)
            secrets = [token] if token else []
            self._client = HttpsClient(f"{base}/", tls, patience=_PATIENCE, headers=headers, secrets=secrets)
        except HttpsError as error:
            raise SettingsError(f"event_url can't be used: {error}") from error

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Post an event. Raises Refused."""
        content = json.dumps(event, separators=(",", ":")).encode()
        request = HttpRequest("POST", self._path, "POST event", {}, content)
        try:
            reply = self._client.send(request, _ONCE)
        except NoAnswer as error:
            raise Refused(f"could not send an event to {self._name}: {error}") from error
        if not 200 <= reply.status < 300:
            raise Refused(f"could not send an event to {self._name}: it answered HTTP {reply.status}")

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def _token(settings: Settings) -> str:
    if not settings.event_token_file:
        return ""
    try:
        return Path(settings.event_token_file).read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise SettingsError(f"could not read event_token_file: {error}") from error
