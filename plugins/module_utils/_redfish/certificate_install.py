# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Installing one certificate: it is given to the BMC, and counts once the BMC shows it on a new connection."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass

from .certificate_wire import CertificateWire
from .errors import (
    NotKept,
    RedfishApiError,
    RedfishError,
    RedfishTimeout,
    RedfishTlsError,
    RedfishTransportError,
    SessionLost,
)
from .session import ROOT, Redfish

_POLL_S = 5.0
# How long a BMC may take to show what it has taken before it is reset: Dell speaks of 10 to 20 seconds.
_SETTLE_S = 30.0
# What says nothing of a task itself.
_AWAY = frozenset({404, 502, 503, 504})


@dataclass
class Installation:
    """What is done with the certificate of one BMC. `old` and `new` are SHA-256; `done` are the steps so far."""

    redfish: Redfish
    wire: CertificateWire
    old: str
    new: str
    may_reset: bool
    done: list[str]

    def run(self, pem: str) -> None:
        """Install, reset where that is needed and allowed, and prove. Raises RedfishError.

        NotKept where the BMC goes on showing the old one; a new run is safe after any error.
        """
        lost = self._install(pem)
        self.done.append("install")
        self.redfish.phase = "verify"
        self._wait(lost)
        self._log_in_again()

    def _install(self, pem: str) -> RedfishError | None:
        """Give the BMC the certificate; return what was lost of its answer, where what it shows will tell."""
        try:
            answer = self.wire.install(pem)
        except RedfishTransportError as error:
            # Its server may have started anew before it answered.
            if not error.may_be_performed:
                raise
            return error
        try:
            self.redfish.finish(answer)
        except (RedfishTlsError, RedfishTransportError) as error:
            # It has taken it, and shows the new one, starts anew, or has no session any more.
            return error
        except RedfishApiError as error:
            # Nor the task, or its Redfish service is not up again behind its web server.
            if error.status not in _AWAY:
                raise
            return error
        return None

    def _wait(self, lost: RedfishError | None) -> None:
        """Wait until the BMC shows the new one; one that has had its time is reset, unless its answer was `lost`."""
        old_since_s: float | None = None
        while (seen := self._look()) != self.new:
            now_s = self.redfish.clock.now_s()
            old_since_s = (old_since_s or now_s) if seen else None
            if old_since_s is not None and now_s - old_since_s >= _SETTLE_S and "reset" not in self.done:
                if lost is not None:
                    raise lost
                self._reset()
            try:
                self.redfish.pause(_POLL_S)
            except RedfishTimeout:
                if seen:
                    raise NotKept("the BMC took the certificate and goes on showing the old one") from None
                raise

    @property
    def _has_tls(self) -> bool:
        return self.redfish.bmc.base.startswith("https:")

    def _look(self) -> str:
        """Return the SHA-256 of what the BMC shows now, as far as it is one of the two; "" where it is away."""
        if not self._has_tls:
            with suppress(RedfishTransportError, RedfishApiError):
                return hashlib.sha256(self.wire.shown()).hexdigest()
            return ""
        try:
            self.redfish.trust(self.new)
            self.redfish.get(f"{ROOT}/")
        except RedfishTlsError:
            return self.old
        except SessionLost:
            return self.new
        except (RedfishTransportError, RedfishApiError):
            return ""
        return self.new

    def _reset(self) -> None:
        if not self.may_reset:
            raise NotKept(
                "the BMC took the certificate and shows it only once it was reset: set allow_bmc_reset, or reset it"
            )
        if self._has_tls:
            self.redfish.trust(self.old)
        # It may have restarted by itself, and know no session any more.
        self._log_in_again()
        try:
            self.wire.reset()
        except RedfishTransportError as error:
            if not error.may_be_performed:
                raise
        self.done.append("reset")

    def _log_in_again(self) -> None:
        """Prove that the BMC lets us in behind the new certificate; one that has just started may take its time."""
        while True:
            try:
                return self.redfish.log_in_again()
            except RedfishTransportError:
                self.redfish.pause(_POLL_S)
