# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The power path straight to the BMCs, by Redfish."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .._bmc import power
from .._bmc.power import STATE_AFTER, STEPS, Progress, plan_power
from .._bmc.straight_power import DETAILS, SHUTDOWN, STATUS, StraightPower
from .connection import BmcLogin, link_in
from .errors import (
    Failure,
    NotKept,
    RedfishApiError,
    RedfishProtocolError,
    RedfishTransportError,
)
from .fleet import Batch, talk_to_all
from .session import Redfish
from .values import at, text_at
from .view import Resource

# What each step is called, the one that is preferred first (DSP2046, ResetType).
RESET_TYPES: Mapping[str, tuple[str, ...]] = {
    "ON": ("On", "ForceOn"),
    "OFF": ("ForceOff",),
    "RESET": ("ForceRestart", "PowerCycle"),
    "SHUTDOWN": ("GracefulShutdown",),
}
BOOT_TARGETS: Mapping[str, str] = {"pxe": "Pxe", "disk": "Hdd", "bios": "BiosSetup"}
_BOOT_MODES = {power.UEFI: "UEFI", power.LEGACY: "Legacy"}
_BOOT_NAMES = {"None": "none", "Pxe": "pxe", "Hdd": "disk", "BiosSetup": "bios", "Cd": "cdrom", "Diags": "diagnostic"}
_STATES = {"On": "ON", "Off": "OFF", "PoweringOn": "OFF", "PoweringOff": "ON", "Paused": "ON"}
# How long a power command whose answer was lost may take to show before it is sent once more.
_LOST_S = 10.0
_FAILURES = {
    Failure.UNREACHABLE: power.Failure.UNREACHABLE,
    Failure.TIMED_OUT: power.Failure.TIMED_OUT,
    Failure.CREDENTIALS: power.Failure.CREDENTIALS,
    Failure.CERTIFICATE: power.Failure.CERTIFICATE,
    Failure.NOT_TRIED: power.Failure.NOT_TRIED,
    Failure.NOT_KEPT: power.Failure.NOT_CONFIRMED,
}


@dataclass
class RedfishPower(StraightPower[BmcLogin, Batch]):
    """StraightPower by Redfish. `systems` names, by node, the system of a BMC that has several."""

    systems: Mapping[str, str] = field(default_factory=dict)

    def ask(self, words: Mapping[str, str], progress: Mapping[str, Progress], *, tries: int) -> dict[str, power.End]:
        """Talk to BMCs, as StraightPower.ask; each state is read and acted on in one session."""

        def work(name: str, redfish: Redfish) -> None:
            machine = Machine(redfish, progress[name], self.systems.get(name, ""))
            if words[name] == STATUS:
                machine.read_power()
            elif words[name] == SHUTDOWN:
                machine.ask_to_shut_down()
            elif words[name] == DETAILS:
                machine.read_details()
            else:
                machine.switch(words[name], self.timeout_s, self.interval_s, self.boot_device, self.boot_mode)

        batch = replace(self.engine, tries=tries or self.engine.tries)
        ends = talk_to_all({name: self.bmcs[name] for name in words}, work, batch, self.clock)
        return {
            name: power.End(
                None if end.failure is None else _FAILURES.get(end.failure, power.Failure.REFUSED),
                end.message,
                end.tries,
                end.seconds,
            )
            for name, end in ends.items()
        }


class Machine:
    """The machine behind one BMC, the system `uri` where that is known; every method may raise RedfishError.

    `progress` keeps what earlier tries did.
    """

    def __init__(self, redfish: Redfish, progress: Progress, system: str = "", *, uri: str = "") -> None:
        self._redfish = redfish
        self._progress = progress
        self._wanted = system
        self._uri = uri

    def read_power(self) -> Resource:
        """Read the power state into `progress`; returns the system. Trying again is safe."""
        system = self._redfish.get(self._uri) if self._uri else self._find()
        self._uri = system.uri
        state = _STATES.get(text_at(system.body, "PowerState"))
        if state is None:
            raise RedfishProtocolError(f"{self._redfish.bmc.base} does not say whether its system is on")
        self._progress.after = state
        if self._progress.before == "UNKNOWN":
            self._progress.before = state
        return system

    def ask_to_shut_down(self) -> None:
        """Ask the operating system of a machine that is on to shut down.

        A BMC that can't leaves SHUTDOWN out of `sent`; that is no failure. Trying again is safe.
        """
        system = self.read_power()
        if self._progress.after == "ON" and "SHUTDOWN" not in self._progress.sent:
            try:
                self._send("SHUTDOWN", system)
            except RedfishApiError:
                return

    def read_details(self) -> None:
        """Read firmware version, power state and device of the next boot into `progress`. Trying again is safe."""
        system = self.read_power()
        self._progress.boot_device = _boot_device_of(system.body)
        managers = at(system.body, "Links", "ManagedBy")
        uri = link_in(managers[0], system.uri) if isinstance(managers, list) and managers else None
        if uri is not None:
            self._progress.firmware = text_at(self._redfish.get(uri).body, "FirmwareVersion")

    def switch(
        self, action: str, timeout_s: float, interval_s: float, boot_device: str, boot_mode: str = power.UEFI
    ) -> None:
        """Perform on, off, cycle or reset and confirm each step; trying again does not send an accepted one twice.

        `boot_device`, a key of BOOT_TARGETS or "", is set before the step that gives power, by `boot_mode` where the
        BMC offers to choose it. The state may take `timeout_s` to follow each step and is read every `interval_s`.
        """
        progress = self._progress
        system = self.read_power()
        steps = STEPS.get(plan_power(action, progress.before), ())
        for step in steps[progress.confirmed :]:
            if boot_device and step != "OFF":
                system = self._set_boot_device(boot_device, boot_mode, system)
            is_lost = False
            if not (step in progress.sent or (step != "RESET" and progress.after == STATE_AFTER[step])):
                is_lost = self._send(step, system)
            system = self._confirm(step, system, timeout_s, interval_s, is_lost=is_lost)
            progress.confirmed += 1

    def _confirm(self, step: str, system: Resource, timeout_s: float, interval_s: float, *, is_lost: bool) -> Resource:
        waited_s = 0.0
        while True:
            seen = self.read_power()
            if self._progress.after == STATE_AFTER[step]:
                return seen
            if waited_s >= timeout_s:
                raise NotKept(
                    f"power {step} was accepted, but {timeout_s:g} s later the power state is {self._progress.after}"
                )
            if is_lost and waited_s >= min(_LOST_S, timeout_s / 2):
                is_lost = False
                self._send(step, system, again=True)
            self._redfish.pause(interval_s)
            waited_s += interval_s

    def _send(self, step: str, system: Resource, *, again: bool = False) -> bool:
        """Send a power command; returns whether its answer was lost, so that only the state shows what became of it."""
        action = at(system.body, "Actions", "#ComputerSystem.Reset")
        target = link_in(at(action, "target") or None, system.uri) or f"{system.uri}/Actions/ComputerSystem.Reset"
        kind = self._kind_of(step, action, system.uri)
        is_lost = False
        try:
            self._redfish.finish(self._redfish.post(target, {"ResetType": kind}))
        except RedfishTransportError as error:
            if not error.may_be_performed:
                raise
            is_lost = True
        except RedfishApiError:
            # Some refuse what is so already, as where somebody else was faster.
            self.read_power()
            if step not in ("ON", "OFF") or self._progress.after != STATE_AFTER[step]:
                raise
        if not again:
            self._progress.sent.append(step)
        return is_lost

    def _kind_of(self, step: str, action: Any, where: str) -> str:
        offered = at(action, "ResetType@Redfish.AllowableValues")
        about = link_in(at(action, "@Redfish.ActionInfo") or None, where)
        if not isinstance(offered, list) and about is not None:
            told = at(self._redfish.get(about).body, "Parameters")
            each = [one for one in told if at(one, "Name") == "ResetType"] if isinstance(told, list) else []
            offered = at(each[0], "AllowableValues") if each else None
        wanted = RESET_TYPES[step]
        kinds = [kind for kind in wanted if not isinstance(offered, list) or kind in offered]
        if not kinds:
            raise RedfishApiError(f"{self._redfish.bmc.base} offers no {' or '.join(wanted)}")
        return kinds[0]

    def _set_boot_device(self, name: str, mode: str, system: Resource) -> Resource:
        boot = {"BootSourceOverrideEnabled": "Once", "BootSourceOverrideTarget": BOOT_TARGETS[name]}
        offered = at(system.body, "Boot", "BootSourceOverrideMode@Redfish.AllowableValues")
        # Where it is not offered it may not be writable, and then the whole request is refused, as by iLO 5.
        if isinstance(offered, list) and _BOOT_MODES[mode] in offered:
            boot["BootSourceOverrideMode"] = _BOOT_MODES[mode]
        self._redfish.finish(self._redfish.patch(system, {"Boot": boot}))
        system = self.read_power()
        if _boot_device_of(system.body) != name:
            raise NotKept(f"the BMC answered success and did not keep {name} as boot device")
        self._progress.boot_device = name
        return system

    def _find(self) -> Resource:
        """Return the system: the one that was named, else the only one that can be powered."""
        where = link_in(at(self._redfish.root, "Systems") or None, "the root")
        systems = self._redfish.members(where) if where else []
        if self._wanted:
            fitting = [each for each in systems if text_at(each.body, "Id") == self._wanted]
        else:
            able = [each for each in systems if isinstance(at(each.body, "Actions", "#ComputerSystem.Reset"), dict)]
            fitting = able or systems
        if len(fitting) != 1:
            raise RedfishProtocolError(_which(self._redfish.bmc.base, self._wanted, systems))
        return fitting[0]


def _which(where: str, wanted: str, systems: Sequence[Resource]) -> str:
    known = ", ".join(text_at(each.body, "Id") or each.uri for each in systems[:10]) or "none"
    if wanted:
        return f"{where} has no system {wanted}; it has {known}"
    return f"{where} has not one system: {known}; name it as system in bmcs" if systems else f"{where} has no system"


def _boot_device_of(system: Any) -> str:
    target = text_at(system, "Boot", "BootSourceOverrideTarget")
    if text_at(system, "Boot", "BootSourceOverrideEnabled") == "Disabled":
        return "none"
    return _BOOT_NAMES.get(target, target)
