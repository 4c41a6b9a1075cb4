# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What can go wrong with NetBox, sorted by what the caller can do about it."""

from __future__ import annotations


class NetBoxError(Exception):
    """Any error that this package raises on purpose; its text is one sentence for the user."""


class NetBoxConfigError(NetBoxError):
    """Options that do not fit together. Trying again without changing them is pointless."""


class NetBoxAuthError(NetBoxError):
    """Token or permission refused, or TLS not trusted. Never tried again."""


class NetBoxTransportError(NetBoxError):
    """No usable response: connection, time-out, a server error. Trying again is safe for requests that only read."""


class NetBoxProtocolError(NetBoxError):
    """A response that can't be read."""


class NetBoxApiError(NetBoxError):
    """NetBox refused. `status` is the HTTP status, `complaints` are its reasons by field ("" for the whole)."""

    def __init__(self, message: str, *, status: int = 400, complaints: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.complaints = complaints or {}


class NetBoxNotFound(NetBoxApiError):
    """An object that NetBox does not have, or does not have any more."""


class NetBoxStale(NetBoxApiError):
    """The object was changed since it was read: read it again and plan again. Nothing was written."""
