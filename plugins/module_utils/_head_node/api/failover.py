# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""A pair of head nodes as if it were one: calls go to the active one, and to the other when that takes over."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, Protocol

from ..._values.shape import list_of, object_of, word
from .answer import Answer
from .connection import Connection
from .errors import BcmAuthError, BcmTransportError, BcmUnreachable
from .transport import Transport

NOT_ACTIVE = "NOT_ACTIVE"  # bcm-api.md 5
_UUIDS = list_of(word)
_VERSION = object_of({"ref_node_uuid": word})


class Link(Protocol):
    """What calls are sent through: one head node, or a pair."""

    @property
    def connection(self) -> Connection:
        """Return the connection of the head node that is spoken to."""

    @property
    def server_certificate(self) -> bytes | None:
        """Return the certificate that this head node has shown, in DER; None before the first answer."""

    def call(self, body: dict[str, Any], *, name: str, reads: bool, read_timeout_s: float | None = None) -> Answer:
        """Send one call to /json; see Transport."""

    def close(self) -> None:
        """Close the connections."""


class HeadNodes:
    """Sends calls to the active one of several head nodes; safe to share between threads.

    `transports` are tried in their order, each once: the head node that says it is active is used until it can't be
    reached or says that it is active no more. Then the active one is looked for again, and a call that reads, or that
    was certainly not performed, is sent to it once more. Sessions and logins of the one are unknown to the other.
    """

    def __init__(self, transports: Sequence[Transport]) -> None:
        self._transports = tuple(transports)
        self._used: Transport | None = None
        self._lock = threading.Lock()

    @property
    def connection(self) -> Connection:
        """Return the connection of the head node in use; of the first one as long as none is."""
        return (self._used or self._transports[0]).connection

    @property
    def server_certificate(self) -> bytes | None:
        """Return the certificate that this head node has shown, in DER; None before the first answer."""
        return (self._used or self._transports[0]).server_certificate

    def close(self) -> None:
        """Close the connections to all of them."""
        for transport in self._transports:
            transport.close()

    def call(self, body: dict[str, Any], *, name: str, reads: bool, read_timeout_s: float | None = None) -> Answer:
        """Send one call to /json of the active head node. Raises as `Transport.call` does.

        Raises BcmUnreachable, after which nothing was sent, also where none of the head nodes is active.
        """
        used = self._active()
        try:
            answer = used.call(body, name=name, reads=reads, read_timeout_s=read_timeout_s)
        except BcmTransportError as error:
            self._leave(used)
            if not reads and not isinstance(error, BcmUnreachable):
                raise
        else:
            if not _refuses(answer):
                return answer
            self._leave(used)
        return self._active().call(body, name=name, reads=reads, read_timeout_s=read_timeout_s)

    def _leave(self, used: Transport) -> None:
        with self._lock:
            if self._used is used:
                self._used = None

    def _active(self) -> Transport:
        with self._lock:
            if self._used is None:
                self._used = self._find()
            return self._used

    def _find(self) -> Transport:
        seen = []
        for transport in self._transports:
            try:
                if _is_active(transport):
                    return transport
            except BcmTransportError as error:
                seen.append(str(error))
            else:
                seen.append(f"{transport.connection.url} is passive")
        raise BcmUnreachable(f"could not find the active head node: {'; '.join(seen)}")


def _is_active(transport: Transport) -> bool:
    """Ask a head node whether it is the active one (bcm-api.md 1.6). Raises as `Transport.call` does.

    # ASSUMED: the first uuid of getActivePassiveUuids is the active head node's, and `ref_node_uuid` of getVersion is
    # that of the head node which answers. Both calls to both head nodes of a live pair would settle it. Where a release
    # does not have them, the first that answers is used, and left where it refuses a write with NOT_ACTIVE.
    """
    uuids = _ask(transport, "getActivePassiveUuids")
    own = _ask(transport, "getVersion")
    if _UUIDS(uuids) or _VERSION(own) or not uuids:
        return True
    return bool(uuids[0] == own["ref_node_uuid"])


def _ask(transport: Transport, call: str) -> Any:
    name = f"cmmain.{call}"
    answer = transport.call({"service": "cmmain", "call": call, "args": []}, name=name, reads=True)
    denied = isinstance(answer.value, dict) and "does not allow access" in str(answer.value.get("errormessage"))
    if denied:
        raise BcmAuthError(
            f"could not find the active head node: {transport.connection.url} does not allow {name}; "
            "with several head nodes, the profile of this account or certificate must"
        )
    return answer.value


def _refuses(answer: Answer) -> bool:
    """Return whether a call was refused, and not performed, because the head node is passive."""
    validation = answer.value.get("validation") if isinstance(answer.value, dict) else None
    if not isinstance(validation, list) or answer.value.get("success") is not False:
        return False
    return any(isinstance(entry, dict) and entry.get("error_code") == NOT_ACTIVE for entry in validation)
