# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What NetBox has of a bench: its servers with serial numbers, ports, disks, and cables to its switch."""

from __future__ import annotations

from typing import Any

from ansible_collections.baremetal.bcm.tests.system.support.netbox_server import NetBoxView
from virtual_rack.servers.bench_file import BenchSpec, ServerSpec

RESULT_FIELD = "validation_result"
Raw = dict[str, Any]


class Inventory:
    """The servers of a bench in NetBox, and its switch, until they are removed."""

    def __init__(self, netbox: NetBoxView, bench: BenchSpec) -> None:
        self._netbox = netbox
        self._bench = bench
        self.names = [bench.switch, *(server.name for server in bench.servers)]

    def add(self) -> None:
        """Record all servers as discovered, and each as cabled to the port that the bench file says."""
        self._ensure_field()
        shelf = self._shelf()
        switch = self._make("dcim/devices/", name=self._bench.switch, status="active", **shelf)
        for server in self._bench.servers:
            device = self._make("dcim/devices/", name=server.name, serial=server.serial, status="discovered", **shelf)
            port = self._port(device, "eth0", server.mac)
            self._cable(port, self._port(switch, server.port))
            for disk in server.disks:
                self._make("dcim/inventory-items/", device=device, name=disk.serial, serial=disk.serial)

    def remove(self) -> None:
        """Remove them, and what hangs on them."""
        self._netbox.remove(self.names)

    def states(self) -> dict[str, str]:
        """Give the states of the servers by name."""
        return {server.name: self.state(server) for server in self._bench.servers}

    def state(self, server: ServerSpec) -> str:
        """Give the state of one server."""
        return self._netbox.state(server.name)

    def _ensure_field(self) -> None:
        if not self._netbox.call("GET", f"extras/custom-fields/?name={RESULT_FIELD}")["count"]:
            types = "object_types" if self._version >= (4, 0) else "content_types"
            self._make("extras/custom-fields/", name=RESULT_FIELD, type="json", **{types: ["dcim.device"]})

    def _port(self, device: int, name: str, mac: str = "") -> int:
        fields = {"mac_address": mac} if mac and self._version < (4, 2) else {}
        port = self._make("dcim/interfaces/", device=device, name=name, type="10gbase-t", **fields)
        if mac and self._version >= (4, 2):
            owner = {"assigned_object_type": "dcim.interface", "assigned_object_id": port}
            address = self._make("dcim/mac-addresses/", mac_address=mac, **owner)
            self._netbox.call("PATCH", f"dcim/interfaces/{port}/", {"primary_mac_address": address})
        return port

    def _cable(self, port: int, there: int) -> None:
        ends: Raw = {}
        for side, interface in (("a", port), ("b", there)):
            if self._version >= (3, 3):
                ends[f"{side}_terminations"] = [{"object_type": "dcim.interface", "object_id": interface}]
            else:
                ends |= {f"termination_{side}_type": "dcim.interface", f"termination_{side}_id": interface}
        self._make("dcim/cables/", **ends)

    def _shelf(self) -> Raw:
        maker = self._ensured("dcim/manufacturers/", name="Virtual Rack", slug="virtual-rack")
        kind = self._ensured("dcim/device-types/", manufacturer=maker, model="Bench Server", slug="bench-server")
        role = self._ensured("dcim/device-roles/", name="Bench Server", slug="bench-server", color="ff0000")
        return {
            "site": self._ensured("dcim/sites/", name="Bench", slug="bench"),
            "role" if self._version >= (3, 6) else "device_role": role,
            "device_type": kind,
        }

    @property
    def _version(self) -> tuple[int, int]:
        return self._netbox.version

    def _ensured(self, path: str, **fields: Any) -> int:
        found = self._netbox.call("GET", f"{path}?slug={fields['slug']}")["results"]
        return int(found[0]["id"]) if found else self._make(path, **fields)

    def _make(self, path: str, **fields: Any) -> int:
        return int(self._netbox.call("POST", path, fields)["id"])
