# SPDX-License-Identifier: GPL-3.0-or-later
"""A room of machines, and whole modules that work on it, on the rack's clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.tests.conformance.rack_on_clock import RackOnClock
from ansible_collections.baremetal.bcm.tests.unit.plugins.action.acting import Actions
from ansible_collections.baremetal.bcm.tests.unit.plugins.running import Modules

# A head node that takes its time, and servers that test their memory and are copied a large image.
CALL_S = 0.3
TIMES = {"post": 180, "boot": 60, "install_full": 1020, "install_sync": 900, "init": 90}


class Room:
    """A rack of ten slots whose nodes are registered, and modules that work on it."""

    def __init__(
        self, nodes: int, capsys: pytest.CaptureFixture[str], *, power: str = "off", bulk_calls: bool = True
    ) -> None:
        self.names = [f"node{number:02d}" for number in range(1, nodes + 1)]
        self.rack = RackOnClock(_content(self.names, power, bulk_calls), call_s=CALL_S)
        self.modules, self.actions = Modules(self.rack, capsys), Actions(self.rack, capsys)
        self.up_s: dict[str, float] = {}
        self.rack.bench.head.board.listen(self._note)

    def now_s(self) -> float:
        return self.rack.clock.now_s()

    def register(self, options: Mapping[str, Mapping[str, Any]] = {}) -> None:
        """Make the devices, as a first run does; `options` are those of some of them."""
        devices = [{**make_device(name, number), **options.get(name, {})} for number, name in enumerate(self.names, 1)]
        self.modules.good("bcm_devices", devices=devices)

    def provision(self, *names: str, **options: Any) -> dict[str, Any]:
        result: dict[str, Any] = self.actions.run(
            "bcm_provision", names=list(names), enable_power_action=True, **options
        )
        assert {node["outcome"] for node in result["nodes"].values()} == {"successful"}, result
        return result

    def _note(self, seen: Any) -> None:
        if seen.status == "UP":
            self.up_s[seen.device] = self.now_s()


def _content(names: list[str], power: str, bulk_calls: bool) -> dict[str, Any]:
    machines = [
        {
            "name": name,
            "mac": f"02:00:00:00:00:{number:02X}",
            "management_ip": f"10.141.0.{number}",
            "power": power,
            "bmc": {"address": f"10.148.0.{number}", "username": "bmcadmin", "password": "bmc-secret"},
        }
        for number, name in enumerate(names, 1)
    ]
    networks = [
        {"name": "internalnet", "base_address": "10.141.0.0", "netmask_bits": 16, "management": True, "bootable": True},
        {"name": "ipminet", "base_address": "10.148.0.0", "netmask_bits": 16},
    ]
    head_node: dict[str, Any] = {
        "slots": 10,
        "bulk_calls": bulk_calls,
        "users": [{"username": "admin", "password": "head-secret"}],
        "images": ["default-image", "other-image"],
        "networks": networks,
        "devices": "all" if power == "on" else [],
    }
    return {"head_node": head_node, "machines": machines, "times": TIMES}


def make_device(name: str, number: int) -> dict[str, Any]:
    interfaces = [
        {
            "name": "BOOTIF",
            "type": "physical",
            "mac": f"02:00:00:00:00:{number:02X}",
            "ip": f"10.141.0.{number}",
            "network": "internalnet",
            "bootable": True,
        },
        {"name": "ipmi0", "type": "bmc", "ip": f"10.148.0.{number}", "network": "ipminet"},
    ]
    return {
        "hostname": name,
        "mac": f"02:00:00:00:00:{number:02X}",
        "category": "default",
        "power_control": "ipmi0",
        "interfaces": interfaces,
        "bmc_settings": {"username": "bmcadmin", "password": "bmc-secret"},
    }
