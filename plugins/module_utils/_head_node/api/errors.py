# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Errors of a head node and of the way to it, sorted by what the caller can do about them."""

from __future__ import annotations

from dataclasses import dataclass


class BcmError(Exception):
    """The base of all errors that this collection raises on purpose; its text is one clear sentence for the user."""


class BcmConfigError(BcmError):
    """Options that do not fit together. Trying again without changing them is pointless."""


class BcmAuthError(BcmError):
    """Login, certificate or profile refused. Never tried again: it could lock the account."""


class CallDenied(BcmAuthError):
    """The profile of the account or certificate forbids this call; others may be allowed."""


class BcmTransportError(BcmError):
    """No usable answer: connection, TLS, time-out, half an answer. A call that only reads may be tried again."""


class BcmUnreachable(BcmTransportError):
    """No connection was made, so nothing was sent: any call may be tried again."""


class BcmProtocolError(BcmError):
    """An answer that can't be read. Trying again is safe for reads, but rarely helps."""


@dataclass(frozen=True)
class Complaint:
    """One entry of a validation list (bcm-api.md 4.9, Validation)."""

    field: str
    error_code: str
    message: str
    severity: str = "ERROR"
    ref_entity_uuid: str = ""

    def __str__(self) -> str:
        where = f"{self.field}: " if self.field else ""
        code = f" ({self.error_code})" if self.error_code else ""
        return f"{where}{self.message.strip()}{code}"


class BcmApiError(BcmError):
    """The head node refused a call. Trying again without a change rarely helps; read the state before.

    `call` names the call, `complaints` holds its validation list, `http_status` is None unless it was the reason.
    """

    def __init__(
        self,
        message: str,
        *,
        call: str = "",
        complaints: tuple[Complaint, ...] = (),
        http_status: int | None = None,
    ) -> None:
        super().__init__(message)
        self.call = call
        self.complaints = complaints
        self.http_status = http_status


class BcmNotFound(BcmApiError):
    """A name that the head node does not know."""


class BcmConflict(BcmApiError):
    """The object belongs to something else, or is in use."""
