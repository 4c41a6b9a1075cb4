# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A NetBox in memory with what the loader of MAC addresses asks of it, in both forms, with troubles on demand."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from tempfile import TemporaryDirectory
from typing import Any

from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.client import (
    DEVICES,
    INTERFACES,
    JOURNAL,
    MAC_ADDRESSES,
    NetBox,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.errors import NetBoxApiError, NetBoxError
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.ledger import Ledger
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.bmc_macs.loader import (
    LoadOptions,
    MacLoader,
    RowResult,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.bmc_macs.manifest import parse_manifest

Raw = dict[str, Any]
VM_INTERFACES = "virtualization/interfaces/"
FIRST = "A0:36:9F:00:00:00"


def mac_of(number: int) -> str:
    return f"A0:36:9F:00:{number >> 8:02X}:{number & 255:02X}"


class MemoryNetBox:
    """Devices S0, S1, … with a port named iLO each; `trouble` is asked before every request with its verb and path."""

    url = "https://netbox.example"
    has_written = False

    def __init__(self, devices: int = 3, *, has_mac_objects: bool = True) -> None:
        self.has_mac_objects = has_mac_objects
        self.devices: list[Raw] = []
        self.ports: dict[int, Raw] = {}
        self.macs: dict[int, Raw] = {}
        self.vm_ports: list[Raw] = []
        self.journal: list[Raw] = []
        self.requests: list[tuple[str, str]] = []
        self.trouble: Callable[[str, str], None] = lambda _verb, _path: None
        self._lock = threading.RLock()
        for number in range(devices):
            self.add_device(f"S{number}")

    def add_device(self, serial: str, *ports: str, name: str = "") -> Raw:
        number = len(self.devices) + 1
        device = {"id": number, "name": name or f"node{number:03}", "display": f"node{number:03}", "serial": serial}
        self.devices.append(device)
        for port in ports or ("eth0", "iLO"):
            identity = 1000 + len(self.ports)
            self.ports[identity] = {
                "id": identity,
                "name": port,
                "device": {"id": number, "name": device["name"], "display": device["display"]},
                "mac_address": None,
                "last_updated": "once",
                **({"mac_addresses": [], "primary_mac_address": None} if self.has_mac_objects else {}),
            }
        return device

    def port(self, serial: str, name: str = "iLO") -> Raw:
        """The port of a device as NetBox has it."""
        device = next(each for each in self.devices if each["serial"] == serial)
        return next(
            each for each in self.ports.values() if each["device"]["id"] == device["id"] and each["name"] == name
        )

    def give(self, serial: str, mac: str, name: str = "iLO") -> None:
        """Let a port have a MAC address."""
        identity = self.port(serial, name)["id"]
        if not self.has_mac_objects:
            self._change(INTERFACES, identity, {"mac_address": mac})
            return
        made = self._make(MAC_ADDRESSES, {"mac_address": mac, **_assigned(identity)})
        self._change(INTERFACES, identity, {"primary_mac_address": made["id"]})

    # -- what the client offers -----------------------------------------------------------------------------------

    def find(self, path: str, /, **filters: Any) -> list[Raw]:
        with self._lock:
            self._note("GET", path)
            if path == JOURNAL:
                wanted = {(str(each)) for each in filters["assigned_object_id"]}
                return [each for each in self.journal if str(each["assigned_object_id"]) in wanted]
            if path == DEVICES:
                serials = {serial.casefold() for serial in filters["serial"]}
                return [each for each in self.devices if each["serial"].casefold() in serials]
            if path == MAC_ADDRESSES:
                return [dict(each) for each in self.macs.values() if each["mac_address"] in filters["mac_address"]]
            if "id" in filters:
                return [dict(self.ports[identity]) for identity in filters["id"]]
            ports = self.vm_ports if path == VM_INTERFACES else list(self.ports.values())
            return [dict(each) for each in ports if _matches(each, filters)]

    def update_many(self, path: str, changes: Mapping[int, Mapping[str, Any]]) -> dict[int, Raw | NetBoxError]:
        with self._lock:
            if changes:
                self._note("PATCH", path)
            return {identity: self._change(path, identity, fields) for identity, fields in changes.items()}

    def create_many(self, path: str, entities: Sequence[Mapping[str, Any]]) -> list[Raw | NetBoxError]:
        with self._lock:
            if entities:
                self._note("POST", path)
            return [self._make(path, fields) for fields in entities]

    def require(self, needed: Iterable[tuple[str, str]]) -> None:
        """All is allowed here."""

    # -- inside ---------------------------------------------------------------------------------------------------

    @property
    def writes(self) -> list[tuple[str, str]]:
        return [request for request in self.requests if request[0] != "GET"]

    def _note(self, verb: str, path: str) -> None:
        self.trouble(verb, path)
        self.requests.append((verb, path))

    def _make(self, path: str, fields: Mapping[str, Any]) -> Raw:
        if path == JOURNAL:
            self.journal.append({"id": len(self.journal) + 1, **fields})
            return self.journal[-1]
        identity = 5000 + len(self.macs)
        port = self.ports[fields["assigned_object_id"]]
        self.macs[identity] = {"id": identity, **fields, "assigned_object": port}
        port["mac_addresses"].append({"id": identity, "mac_address": fields["mac_address"]})
        return self.macs[identity]

    def _change(self, path: str, identity: int, fields: Mapping[str, Any]) -> Raw | NetBoxError:
        if path == MAC_ADDRESSES:
            port = self.ports[fields["assigned_object_id"]]
            self.macs[identity].update(fields, assigned_object=port)
            port["mac_addresses"].append({"id": identity, "mac_address": self.macs[identity]["mac_address"]})
            return self.macs[identity]
        port = self.ports[identity]
        if port["name"] == "iLO locked":
            return NetBoxApiError("could not change dcim/interfaces/: NetBox answered HTTP 400: locked")
        if not self.has_mac_objects:
            port["mac_address"] = fields["mac_address"]
        elif "primary_mac_address" in fields:  # the field of old is read-only: answered 200 and ignored
            port["primary_mac_address"] = {"id": fields["primary_mac_address"]}
            port["mac_address"] = self.macs[fields["primary_mac_address"]]["mac_address"]
        return dict(port)


def _assigned(identity: int) -> Raw:
    return {"assigned_object_type": "dcim.interface", "assigned_object_id": identity}


def _matches(port: Raw, filters: Mapping[str, Any]) -> bool:
    if "device_id" in filters and port["device"]["id"] not in filters["device_id"]:
        return False
    if "name__ie" in filters and port["name"].lower() not in {name.lower() for name in filters["name__ie"]}:
        return False
    has = {port["mac_address"], *(each["mac_address"] for each in port.get("mac_addresses", []))}
    return "mac_address" not in filters or bool(has & set(filters["mac_address"]))


class Loading:
    """Loads manifests into one such NetBox; each look at the clock takes `tick_s`."""

    def __init__(self, netbox: MemoryNetBox, *, tick_s: float = 0.0) -> None:
        self.netbox = netbox
        self.said: list[str] = []
        self._tick_s = tick_s
        self._time_s = 0.0

    def load(self, *lines: str, **options: Any) -> list[RowResult]:
        manifest = parse_manifest("\n".join(["server_serial,server_bmc_mac", *lines]))
        netbox: Any = self.netbox
        client: NetBox = netbox
        given = LoadOptions("order.csv", **options)
        with TemporaryDirectory() as directory, closing(Ledger(directory, self.netbox.url, "test")) as ledger:
            loader = MacLoader(client, given, ledger=ledger, now_s=self._now_s, say=self.said.append)
            return loader.load(manifest)

    def _now_s(self) -> float:
        self._time_s += self._tick_s
        return self._time_s
