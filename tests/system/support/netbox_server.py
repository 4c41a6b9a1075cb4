# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real NetBox that tests read and fill, and one that a test may stop."""

from __future__ import annotations

import json
import os
import shlex
import socket
import urllib.parse
import urllib.request
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ansible_collections.baremetal.bcm.tests.system.support.gate import Gate
from ansible_collections.baremetal.bcm.tests.unit.child_process import run

ROOT = Path(__file__).parents[3]
_TOOL = ROOT / "tests/tools/netbox"
Raw = dict[str, Any]


@dataclass(frozen=True)
class Server:
    """A server in NetBox: its name, and the MAC address of its BMC."""

    name: str
    mac: str
    state: str = "offline"


class NetBoxView:
    """The content of a NetBox."""

    def __init__(self, url: str, token: str) -> None:
        self.url, self._token = url, token

    @property
    def environment(self) -> dict[str, str]:
        """Give the variables that the collection reads."""
        return {"NETBOX_URL": self.url, "NETBOX_TOKEN": self._token}

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @cached_property
    def version(self) -> tuple[int, int]:
        """Return the first two numbers of its version."""
        headers = {"Authorization": f"Token {self._token}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/api/", headers=headers)  # noqa: S310 - the URL is ours
        with urllib.request.urlopen(request, timeout=300) as answer:  # noqa: S310
            major, minor = answer.headers["API-Version"].split(".")[:2]
        return int(major), int(minor)

    def call(self, method: str, path: str, content: Any = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 - the URL is ours
            f"{self.url}/api/{path}",
            data=None if content is None else json.dumps(content).encode(),
            headers={"Authorization": f"Token {self._token}", "Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=300) as answer:  # noqa: S310
            body = answer.read()
        return json.loads(body) if body else None

    def add(self, servers: Sequence[Server]) -> None:
        """Add servers, each with an interface iLO that has its BMC's MAC address."""
        shelf = {"site": self._site(), "device_type": self._device_type(), self._role_field(): self._role()}
        for start in range(0, len(servers), 200):
            part = servers[start : start + 200]
            devices = [{"name": server.name, "status": server.state, **shelf} for server in part]
            made = self.call("POST", "dcim/devices/", devices)
            port = {"name": "iLO", "type": "1000base-t", "mgmt_only": True}
            ports = self.call("POST", "dcim/interfaces/", [{**port, "device": device["id"]} for device in made])
            macs = [server.mac for server in part]
            if not self._has_mac_objects():
                # The field became read-only with NetBox 4.2, where a MAC address is an object.
                fields = [{"id": each["id"], "mac_address": mac} for each, mac in zip(ports, macs, strict=True)]
            else:
                kind = {"assigned_object_type": "dcim.interface"}
                bodies = [
                    {**kind, "assigned_object_id": each["id"], "mac_address": mac}
                    for each, mac in zip(ports, macs, strict=True)
                ]
                objects = self.call("POST", "dcim/mac-addresses/", bodies)
                fields = [
                    {"id": each["id"], "primary_mac_address": mac["id"]}
                    for each, mac in zip(ports, objects, strict=True)
                ]
            self.call("PATCH", "dcim/interfaces/", fields)

    def remove(self, names: Iterable[str]) -> None:
        """Remove servers, and the addresses of their BMCs; many at once."""
        wanted = list(names)
        for start in range(0, len(wanted), 50):
            devices = self._all("dcim/devices/", name=wanted[start : start + 50])
            ids = [device["id"] for device in devices]
            if ids:
                self._delete("ipam/ip-addresses/", self._all("ipam/ip-addresses/", device_id=ids))
                self._delete("dcim/devices/", devices)

    def _delete(self, path: str, found: Sequence[Raw]) -> None:
        if found:
            self.call("DELETE", path, [{"id": each["id"]} for each in found])

    def state(self, name: str) -> str:
        return str(self._device(name)["status"]["value"])

    def fields(self, name: str) -> Raw:
        """Give the custom fields of a server."""
        fields: Raw = self._device(name)["custom_fields"]
        return fields

    def states(self, prefix: str) -> dict[str, str]:
        """Give the states of all servers whose names begin so."""
        found = self._all("dcim/devices/", name__isw=prefix)
        return {device["name"]: device["status"]["value"] for device in found}

    def addresses(self, name: str) -> list[str]:
        """Give the addresses of a server's BMC."""
        found = self._all("ipam/ip-addresses/", device_id=self._device(name)["id"])
        return sorted(address["address"] for address in found)

    def journal(self, name: str) -> list[str]:
        """Give the entries in a server's journal, oldest first."""
        device = self._device(name)
        found = self._all(
            "extras/journal-entries/", assigned_object_type="dcim.device", assigned_object_id=device["id"]
        )
        return [entry["comments"] for entry in sorted(found, key=lambda entry: int(entry["id"]))]

    def _device(self, name: str) -> Raw:
        (device,) = self._all("dcim/devices/", name=name)
        return device

    def _all(self, path: str, **filters: Any) -> list[Raw]:
        query = urllib.parse.urlencode(filters, doseq=True)
        found: list[Raw] = self.call("GET", f"{path}?limit=0&{query}")["results"]
        return found

    def _site(self) -> int:
        return self._ensured("dcim/sites/", name="Intake", slug="intake")

    def _role(self) -> int:
        return self._ensured("dcim/device-roles/", name="Server", slug="intake-server", color="ff0000")

    def _device_type(self) -> int:
        maker = self._ensured("dcim/manufacturers/", name="Maker", slug="intake-maker")
        return self._ensured("dcim/device-types/", manufacturer=maker, model="Server", slug="intake-server")

    def _has_mac_objects(self) -> bool:
        return "mac-addresses" in self.call("GET", "dcim/")

    def _role_field(self) -> str:
        """Name the field that NetBox renamed in 3.6."""
        fields = self.call("OPTIONS", "dcim/devices/")["actions"]["POST"]
        return "role" if "role" in fields else "device_role"

    def _ensured(self, path: str, **fields: Any) -> int:
        found = self._all(path, slug=fields["slug"])
        return int((found[0] if found else self.call("POST", path, fields))["id"])


def start_netbox() -> NetBoxView:
    """Start the NetBox that all tests share, unless it runs or another one is named by the environment."""
    if "NETBOX_URL" in os.environ:
        return NetBoxView(os.environ["NETBOX_URL"].rstrip("/"), os.environ["NETBOX_TOKEN"])
    done = run([str(_TOOL), "start"], limit_s=900)
    assert done.returncode == 0, done.stderr
    words = dict(word.split("=", 1) for word in shlex.split(done.stdout)[1:])
    return NetBoxView(words["NETBOX_URL"], words["NETBOX_TOKEN"])


class OwnNetBox:
    """The shared NetBox at an address of its own, which a test may stop answering and let answer again.

    Whoever calls while it is stopped is refused a connection, as by a server that is down; connections end with it.
    """

    def __init__(self, shared: NetBoxView) -> None:
        parts = urllib.parse.urlsplit(shared.url)
        assert parts.scheme == "http", "NETBOX_URL must be http for tests that let NetBox go away"
        assert parts.hostname is not None
        self._address = (parts.hostname, parts.port or 80)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        self.view = NetBoxView(f"http://127.0.0.1:{port}", shared.environment["NETBOX_TOKEN"])
        self._gate: Gate | None = None

    def start(self) -> None:
        self._gate = Gate(socket.create_server(("127.0.0.1", self.view.port)), self._address)

    def stop(self) -> None:
        if self._gate is not None:
            self._gate.close()
            self._gate = None
