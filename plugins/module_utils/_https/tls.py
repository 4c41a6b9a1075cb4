# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Trust in TLS connections: which certificates are accepted, and why one was refused."""

from __future__ import annotations

import hashlib
import ssl
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from .errors import BadFingerprint, BadTlsFile, Doubt, TlsRefused


@dataclass(frozen=True)
class Tls:
    """The server certificates to trust, and the client certificate to send.

    `fingerprint` trusts exactly the certificate with this SHA-256, whatever `ca_path` and `validate` say; several with
    blanks between them are those of which a server shows one, while it changes its own.
    `server_name` is the name that the certificate carries, where it is not that of the address.
    """

    ca_path: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    validate: bool = True
    server_name: str | None = None
    fingerprint: str | None = None

    def context(self) -> ssl.SSLContext:
        """Return a context of TLS 1.2 or newer, the same for equal ones. Raises BadTlsFile and BadFingerprint."""
        return _shared_context(self, tuple(map(_stamp, (self.ca_path, self.client_cert, self.client_key))))

    def make_context(self) -> ssl.SSLContext:
        """Make a context of its own, as `context` says."""
        context = self._load()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.fingerprint:
            _pin(context, frozenset(map(_parse_fingerprint, self.fingerprint.split() or [""])))
        elif not self.validate:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def _load(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self.ca_path)
            if self.client_cert:
                # Without a password OpenSSL would ask for one at the terminal, and wait.
                context.load_cert_chain(self.client_cert, self.client_key, password=_no_password)
        except (OSError, ValueError) as error:
            # What OpenSSL refuses is an OSError too; a path with a null byte in it is a ValueError.
            raise BadTlsFile(str(error), is_missing=isinstance(error, FileNotFoundError)) from error
        return context


# Reading the authorities takes tens of milliseconds and a megabyte, for each of a thousand BMCs that share them.
@lru_cache(maxsize=16)
def _shared_context(tls: Tls, _stamps: tuple[int, ...]) -> ssl.SSLContext:
    return tls.make_context()


def _stamp(path: str | None) -> int:
    """Return what differs once a file was replaced."""
    with suppress(OSError, ValueError):
        return Path(path).stat().st_mtime_ns if path else 0
    return 0


def _no_password() -> str:
    raise BadTlsFile("the client's key is encrypted, and there is no option for its passphrase", is_missing=False)


class WrongFingerprint(ssl.SSLCertVerificationError):
    """The server's certificate is not the pinned one."""


def find_tls_error(error: BaseException | None) -> ssl.SSLError | None:
    """Find the TLS error among the causes of an error; None where there is none, or where the server hung up.

    A server that closes the connection in the middle of a handshake is an outage, not a question of trust.
    """
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return None if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)) else error
        error = error.__cause__ or error.__context__
    return None


def explain_refusal(error: ssl.SSLError) -> TlsRefused:
    """Return a TLS error as TlsRefused, sorted by what the user can do about it."""
    # Only errors raised by OpenSSL have these; WrongFingerprint has none.
    said = str(getattr(error, "verify_message", "") or "")
    reason = said or str(getattr(error, "reason", "") or "") or str(error)
    doubt = Doubt.OTHER
    if isinstance(error, WrongFingerprint):
        doubt = Doubt.FINGERPRINT
    elif "mismatch" in reason.lower() or "doesn't match" in reason.lower():
        doubt = Doubt.NAME
    elif isinstance(error, ssl.SSLCertVerificationError):
        doubt = Doubt.ISSUER
    return TlsRefused(doubt, reason=reason, detail=said or str(error))


def _parse_fingerprint(fingerprint: str) -> str:
    digits = fingerprint.replace(":", "").lower()
    if digits.startswith("sha256"):
        digits = digits[len("sha256") :].lstrip("=")
    if len(digits) != 64 or set(digits) - set("0123456789abcdef"):
        raise BadFingerprint("must be the SHA-256 of the certificate: 64 hexadecimal digits")
    return digits


def _pin(context: ssl.SSLContext, wanted: frozenset[str]) -> None:
    """Trust exactly these certificates, checked in the handshake, before anything of a request is sent."""

    class PinnedSocket(ssl.SSLSocket):
        def do_handshake(self, block: bool = False) -> None:
            super().do_handshake(block)
            seen = hashlib.sha256(self.getpeercert(binary_form=True) or b"").hexdigest()
            if seen not in wanted:
                raise WrongFingerprint(1, f"the certificate's SHA-256 is {seen}")

    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.sslsocket_class = PinnedSocket
