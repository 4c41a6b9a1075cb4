# SPDX-License-Identifier: GPL-3.0-or-later
"""The Redfish side of a BMC that speaks IPMI in memory too: one machine, whichever way it is powered."""

from __future__ import annotations

from dataclasses import dataclass, field

import httpx

from ansible_collections.baremetal.bcm.plugins.module_utils._bmc.flow import Ask
from ansible_collections.baremetal.bcm.plugins.module_utils._values.clock import Clock

from .fake_bmc import ROOT, SYSTEM, FakeBmc, refusal
from .fake_clock import FakeClock
from .module_utils._bmc.fake_sessions import FakeBmc as Machine

_CODES = {"ForceOff": 0, "On": 1, "GracefulShutdown": 5}
_STATUS, _CONTROL = 0x01, 0x02


@dataclass
class RedfishFace(FakeBmc):
    """Power is that of `machine`, logins too; `clock` is the time in which it shuts down."""

    machine: Machine = field(default_factory=Machine)
    clock: Clock = field(default_factory=FakeClock)

    def handle(self, request: httpx.Request) -> httpx.Response:
        if self.machine.silent:
            raise httpx.ConnectTimeout("no answer", request=request)
        if request.url.path == f"{ROOT}/SessionService/Sessions" and request.method == "POST":
            self.machine.opened += 1
            if self.machine.logins[0]:
                self.failed_logins += 1
                return refusal(401, "NoValidSession")
        self.machine.answer(Ask(0, _STATUS), self.clock.now_s())
        self.resources[SYSTEM]["PowerState"] = self.machine.power.capitalize()
        return super().handle(request)

    def _reset(self, kind: str) -> None:
        if kind in _CODES:
            self.machine.answer(Ask(0, _CONTROL, (_CODES[kind],)), self.clock.now_s())
        else:
            self.boot()
