# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What can go wrong between us and NetBox, sorted by what the caller can do about it."""

from __future__ import annotations


class NetBoxError(Exception):
    """Anything this package raises on purpose; its text is one clear sentence for the user."""


class NetBoxConfigError(NetBoxError):
    """Options that do not fit together. Trying again without changing them is pointless."""


class NetBoxAuthError(NetBoxError):
    """Token or permission refused, or no trusted TLS. Never tried again."""


class NetBoxTransportError(NetBoxError):
    """No usable answer: connection, time-out, a server in trouble. Trying again is safe for what only reads."""


class NetBoxProtocolError(NetBoxError):
    """An answer that can't be read."""


class NetBoxApiError(NetBoxError):
    """NetBox said no. `status` is the HTTP status, `complaints` what it said, by field ("" for the whole)."""

    def __init__(self, message: str, *, status: int = 400, complaints: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.complaints = complaints or {}


class NetBoxNotFound(NetBoxApiError):
    """An object that NetBox does not have (any more)."""


class NetBoxStale(NetBoxApiError):
    """The object was changed by somebody else since it was read: read again and decide anew. Nothing was written."""
