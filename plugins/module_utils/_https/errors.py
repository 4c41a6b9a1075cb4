# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Errors of one HTTPS exchange, sorted by whether the server may have performed the call.

None of these reaches a user: the client of each API turns them into its own errors, with its own words.
"""

from __future__ import annotations

from enum import Enum


class HttpsError(Exception):
    """The base of all errors of this package; the text is a reason without a subject, to be put in a sentence."""


class NoLibrary(HttpsError):
    """The Python package httpx is missing."""


class BadAddress(HttpsError):
    """A host name, port, URL or header that can't be used as one."""


class BadTlsFile(HttpsError):
    """A certificate or key that can't be used; `is_missing` where one of the files does not exist."""

    def __init__(self, reason: str, *, is_missing: bool) -> None:
        super().__init__(reason)
        self.is_missing = is_missing


class BadFingerprint(HttpsError):
    """A text that is no SHA-256 fingerprint."""


class NotJson(HttpsError):
    """An answer whose body is not JSON."""


class Unsound(HttpsError):
    """An answer in JSON that is not taken; the text follows on "the answer"."""


class NoAnswer(HttpsError):
    """No usable answer came; the classes below say whether the call may have been performed."""


class NeverSent(NoAnswer):
    """No connection was made, so nothing was sent: any call may be sent again."""


class NotAccepted(NeverSent):
    """No connection was made within `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no connection within {seconds:g} s")
        self.seconds = seconds


class Doubt(str, Enum):
    """Why the other side of a TLS connection is not trusted."""

    NAME = "name"
    ISSUER = "issuer"
    FINGERPRINT = "fingerprint"
    OTHER = "other"


class TlsRefused(NoAnswer):
    """One of the two sides does not trust the other. The call is never sent again: it would fail again.

    `reason` is OpenSSL's short reason, `detail` its message about a certificate, or else its whole text.
    """

    def __init__(self, doubt: Doubt, *, reason: str, detail: str) -> None:
        super().__init__(reason)
        self.doubt = doubt
        self.reason = reason
        self.detail = detail


class MaybePerformed(NoAnswer):
    """It was sent, at least in part: only a call that reads may be sent again."""


class Silent(MaybePerformed):
    """Nothing came for `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no answer within {seconds:g} s")
        self.seconds = seconds


class TookTooLong(MaybePerformed):
    """The exchange had not ended after `seconds`. Not sent again: it would take as long."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the answer did not end within {seconds:g} s")
        self.seconds = seconds


class TooLarge(MaybePerformed):
    """The answer is larger than allowed. Not sent again: it would be as large."""

    def __init__(self, limit_bytes: int) -> None:
        mib, rest = divmod(limit_bytes, 1024 * 1024)
        self.limit = f"{limit_bytes} bytes" if rest else f"{mib} MiB"
        super().__init__(f"the answer is larger than {self.limit}")
