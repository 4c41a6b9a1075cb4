# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What can go wrong with a BMC's Redfish service, sorted by what the caller can do about it."""

from __future__ import annotations

from .._values.word import Word


class Failure(Word):
    """Why nothing, or not all, came of the talk with one BMC."""

    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed_out"
    CREDENTIALS = "credentials"
    CERTIFICATE = "certificate"
    NOT_TRIED = "not_tried"
    PROTOCOL = "protocol"
    REFUSED = "refused"
    NOT_KEPT = "not_kept"
    STORE = "store"


class RedfishError(Exception):
    """Any error that this package raises on purpose; its text is one sentence for the user."""

    failure = Failure.PROTOCOL


class RedfishConfigError(RedfishError):
    """Options that do not fit together. Trying again without changing them is pointless."""


class ClaimLost(RedfishError):
    """Another run may be changing this BMC by now: nothing more is written to it."""

    failure = Failure.REFUSED


class WriteRefused(RedfishError):
    """A request that writes was about to be sent where only reading is allowed: a bug, not a user's error."""


class RedfishAuthError(RedfishError):
    """The login was refused. Never tried again: a few more of these lock an account."""

    failure = Failure.CREDENTIALS


class RedfishTlsError(RedfishError):
    """The BMC's certificate is not trusted, or is not the pinned one. Nothing was sent."""

    failure = Failure.CERTIFICATE


class RedfishTransportError(RedfishError):
    """No usable answer. `may_be_performed` says that it was a write, of which nobody knows whether it was performed."""

    failure = Failure.UNREACHABLE

    def __init__(self, message: str, *, may_be_performed: bool = False) -> None:
        super().__init__(message)
        self.may_be_performed = may_be_performed


class SessionLost(RedfishTransportError):
    """The BMC does not know the session any more, as after it has started anew: log in again."""

    failure = Failure.REFUSED


class RedfishTimeout(RedfishError):
    """The time that this BMC had is over."""

    failure = Failure.TIMED_OUT


class RedfishProtocolError(RedfishError):
    """An answer that can't be read, or that leads somewhere no Redfish service may lead."""


class RedfishApiError(RedfishError):
    """The BMC refused. `status` is the HTTP status, `codes` are the names of its messages, such as PropertyUnknown."""

    failure = Failure.REFUSED

    def __init__(self, message: str, *, status: int = 400, codes: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.codes = codes


class RedfishNotFound(RedfishApiError):
    """A resource that the BMC does not have."""


class RedfishStale(RedfishApiError):
    """The resource was changed since it was read: read it again. Nothing was written."""


class NotKept(RedfishError):
    """The BMC answered success to a write, and shows another value afterwards."""

    failure = Failure.NOT_KEPT


class Unfinished(RedfishError):
    """Some of what was to be done was not; `failure` is that of the first problem."""

    def __init__(self, message: str, failure: Failure) -> None:
        super().__init__(message)
        # What was refused is as little there as what was not kept.
        self.failure = Failure.NOT_KEPT if failure is Failure.REFUSED else failure
