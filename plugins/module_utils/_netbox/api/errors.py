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
    """No usable response: connection, time-out, a server error. Trying again is safe for requests that only read.

    `may_be_performed` says that it was a write, of which nobody knows whether it was performed.
    """

    def __init__(self, message: str, *, may_be_performed: bool = False) -> None:
        super().__init__(message)
        self.may_be_performed = may_be_performed


class NetBoxProtocolError(NetBoxError):
    """A response that can't be read."""


class NetBoxApiError(NetBoxError):
    """NetBox refused. `status` is the HTTP status, `complaints` are its reasons by field ("" for the whole).

    Of a request for many objects, `of_objects` has the errors of those at fault, as far as NetBox names them: by
    ("index", its place in the request) or ("id", its id).
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        complaints: dict[str, str] | None = None,
        of_objects: dict[tuple[str, int], NetBoxApiError] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.complaints = complaints or {}
        self.of_objects = of_objects or {}

    @property
    def is_lasting(self) -> bool:
        """Return whether the same would be refused again until somebody has changed NetBox."""
        return self.status in (400, 403, 409)


class NetBoxForbidden(NetBoxAuthError, NetBoxApiError):
    """The token's user may not do this, in general or with this object."""


class NetBoxNotFound(NetBoxApiError):
    """An object that NetBox does not have, or does not have any more, or does not show to the token's user."""


class NetBoxStale(NetBoxApiError):
    """The object was changed since it was read: read it again and plan again. Nothing was written."""
