# SPDX-License-Identifier: GPL-3.0-or-later
"""A rack without HTTP and without real time: for tests, which step the clock themselves."""

from __future__ import annotations

import itertools
import json
import time
import uuid as uuids
from collections.abc import Callable
from typing import Any

from virtual_rack.clock import Clock
from virtual_rack.entities.fields import Entity
from virtual_rack.head_node import HeadNode
from virtual_rack.rack_file import MachineSpec, RackSpec
from virtual_rack.services.calls import Args
from virtual_rack.services.directory import Directory


class Bench:
    """A rack on the workbench. Its date moves on by one second a question."""

    def __init__(
        self,
        rack: RackSpec,
        *,
        state: dict[str, Any] | None = None,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clock = Clock(wall=itertools.count(1_763_006_515).__next__)
        self.head = HeadNode(rack, clock=self.clock, monotonic_s=monotonic_s)
        if state is None:
            self.head.fill()
        else:
            self.head.load_state(state)
        self._directory = Directory(self.head)

    def call(self, service: str, call: str, *args: Any) -> Any:
        """Call the head node. Raises LookupError for what it does not have."""
        found = self._directory.find(service)
        handler = found.handler(call) if found else None
        if handler is None:
            raise LookupError(f"{service}::{call}")
        # Through JSON, so that a caller never holds what is stored.
        return json.loads(json.dumps(handler(Args(tuple(json.loads(json.dumps(args)))))))

    def step(self, seconds: float) -> None:
        """Let simulated time pass."""
        self.clock.advance(seconds)

    def status(self, name: str) -> Entity:
        """Give the DeviceStatus of a device by its host name."""
        status: Entity = self.call("cmstatus", "getStatus", self.device(name)["uuid"])
        return status

    def device(self, name: str) -> Entity:
        """Give a device by its host name, as a client gets it."""
        device: Entity = self.call("cmdevice", "getDevice", name)
        return device

    def power(self, name: str, operation: str, **options: Any) -> Entity:
        """Ask for a power operation on one device."""
        asked = {
            "baseType": "PowerOperation",
            "operation": operation,
            "devices": [self.device(name)["uuid"]],
            **options,
        }
        answer: Entity = self.call("cmdevice", "powerOperation", asked)
        return answer

    def update(self, name: str, **fields: Any) -> Entity:
        """Change a few fields of a device the way clients do: get, change, send everything back."""
        answer: Entity = self.call("cmdevice", "updateDevice", {**self.device(name), **fields}, 0)
        return answer

    def new_device(self, name: str, **fields: Any) -> Entity:
        """Make the body that registers a machine, as a client would send it."""
        machine = self.head.machines.named(name)
        if machine is None:
            raise LookupError(name)
        return _device_body(self, machine.spec) | fields

    def register(self, *names: str, **fields: Any) -> None:
        """Register machines. Raises ValueError when the head node refuses."""
        for name in names:
            answer = self.call("cmdevice", "addDevice", self.new_device(name, **fields), 0)
            if not answer["success"]:
                raise ValueError(answer["validation"])


def _device_body(bench: Bench, machine: MachineSpec) -> Entity:
    boot = _interface("NetworkPhysicalInterface", "BOOTIF", machine.management_ip or "0.0.0.0")
    bmc = _interface("NetworkBmcInterface", "ipmi0", machine.bmc.address)
    account = {"userName": machine.bmc.username, "password": machine.bmc.password, "uuid": str(uuids.uuid4())}
    return {
        "baseType": "Device",
        "childType": "PhysicalNode",
        "uuid": str(uuids.uuid4()),
        "hostname": machine.name,
        "mac": machine.mac,
        "category": bench.call("cmdevice", "getCategory", machine.category)["uuid"],
        "partition": bench.call("cmpart", "getPartitions")[0]["uuid"],
        "interfaces": [boot, bmc],
        "provisioningInterface": boot["uuid"],
        "powerControl": "ipmi0",
        "bmcSettings": {"baseType": "BMCSettings", "childType": "", **account},
        "modified": True,
    }


def _interface(child: str, name: str, address: str) -> Entity:
    uuid = str(uuids.uuid4())
    return {"baseType": "NetworkInterface", "childType": child, "name": name, "ip": address, "uuid": uuid}
