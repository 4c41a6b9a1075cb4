# SPDX-License-Identifier: GPL-3.0-or-later
"""The system a BMC manages: its power and what it boots from."""

from __future__ import annotations

from virtual_rack.redfish.documents import Paths
from virtual_rack.redfish.hands import Hands
from virtual_rack.redfish.messages import Json, message, refused
from virtual_rack.redfish.modes import Mode
from virtual_rack.redfish.rules import Text, words
from virtual_rack.redfish.tree import Answer, Caller, Tree

# What the rack's boards call the sources that Redfish names.
_SOURCES = {"None": "none", "Pxe": "pxe", "Hdd": "default", "Cd": "cdrom", "BiosSetup": "bios"}
_RESETS = (
    *("On", "ForceOn", "ForceOff", "GracefulShutdown", "GracefulRestart", "ForceRestart", "PowerCycle"),
    "PushPowerButton",
)
_ACTION = "ComputerSystem.Reset"


class System:
    """The power of one machine and its next boot."""

    def __init__(self, tree: Tree, mode: Mode, paths: Paths, hands: Hands) -> None:
        self._mode, self._hands = mode, hands
        self._lasting = "Disabled"
        self._target = "None"
        self._by = "UEFI"
        resource = tree.resources[paths.system]
        resource.live, resource.patch = self.show, self._patch
        resource.privilege = "ConfigureComponents"
        resource.rules = {
            "AssetTag": Text(),
            "HostName": Text(64),
            "Boot": {
                "BootSourceOverrideTarget": words(*_SOURCES),
                "BootSourceOverrideEnabled": words("Disabled", "Once", "Continuous"),
                "BootSourceOverrideMode": words("UEFI", "Legacy"),
            },
        }
        allowed = {"ResetType": _RESETS}
        tree.action(paths.system, _ACTION, self._reset, privilege="ConfigureComponents", values=allowed)
        tree.action(paths.chassis, "Chassis.Reset", self._reset, privilege="ConfigureComponents", values=allowed)
        tree.resources[paths.chassis].live = lambda: {"PowerState": self._power()}

    def begin_boot(self) -> None:
        """Choose again what every boot shall use."""
        if self._lasting == "Continuous":
            self._hands.set_boot_device(_SOURCES[self._target])

    def _power(self) -> str:
        return "On" if self._hands.machine.power else "Off"

    def show(self) -> Json:
        """Give what is known only at the moment: power and next boot."""
        machine = self._hands.machine
        # What was chosen for one boot, by whatever way to the board, ends with that boot.
        if self._lasting != "Continuous":
            self._target = next(name for name, word in _SOURCES.items() if word == machine.boot_device)
            self._lasting = "Disabled" if self._target == "None" else "Once"
        progress = "OSRunning" if machine.running else "SystemHardwareInitializationComplete"
        return {
            "PowerState": self._power(),
            "BootProgress": {"LastState": progress if machine.power else "None"},
            "Boot": {
                "BootSourceOverrideEnabled": self._lasting,
                "BootSourceOverrideTarget": self._target,
                "BootSourceOverrideTarget@Redfish.AllowableValues": list(_SOURCES),
                "BootSourceOverrideMode": self._by,
            },
        }

    def _patch(self, _body: Json, changes: Json, _caller: Caller) -> Json:
        boot = changes.pop("Boot", {})
        if boot:
            self.show()
            self._by = boot.get("BootSourceOverrideMode", self._by)
            self._target = boot.get("BootSourceOverrideTarget", self._target)
            chosen = "Once" if self._lasting == "Disabled" and "BootSourceOverrideTarget" in boot else self._lasting
            self._lasting = boot.get("BootSourceOverrideEnabled", chosen)
            if self._lasting == "Disabled":
                self._target = "None"
            self._hands.set_boot_device(_SOURCES[self._target])
        return changes

    def _reset(self, body: Json, _caller: Caller) -> Answer:
        kind = body.get("ResetType", "On" if not self._hands.machine.power else "ForceRestart")
        if kind not in _RESETS:
            raise refused(400, "ActionParameterValueNotInList", kind, "ResetType", _ACTION)
        is_on = self._hands.machine.power
        has_it = is_on if kind in ("On", "ForceOn") else not is_on and kind != "PushPowerButton"
        if has_it and self._mode.strict_power and kind != "PowerCycle":
            raise refused(409, "GeneralError", f"Server is already powered {'ON' if is_on else 'OFF'}.")
        if not is_on and kind in ("GracefulRestart", "ForceRestart"):
            raise refused(409, "GeneralError", "The system is off.")
        if not has_it and not self._hands.strikes("bmc_accepts_and_ignores"):
            self._switch(kind, is_on=is_on)
        return self._done()

    def _done(self) -> Answer:
        if self._mode.patch_answer == "messages":
            return Answer(200, {"@Message.ExtendedInfo": [message("Success")]})
        return Answer(204)

    def _switch(self, kind: str, *, is_on: bool) -> None:
        hands = self._hands
        if kind in ("On", "ForceOn") or (kind == "PushPowerButton" and not is_on):
            hands.power_on()
        elif kind == "ForceOff":
            hands.power_off()
        elif kind in ("GracefulShutdown", "PushPowerButton"):
            hands.soft_off()
        elif kind == "GracefulRestart":
            hands.soft_restart()
        elif kind == "PowerCycle":
            hands.power_off()
            hands.power_on()
        else:
            hands.reset()
