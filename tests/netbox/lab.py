# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tests' own hands on a NetBox, real or not: puts servers into it, looks at what became of them."""

from __future__ import annotations

import itertools
import json
import secrets
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

Row = dict[str, Any]
CIDR = 24


class Answered(Exception):
    """NetBox said no to the tests themselves."""


@dataclass(frozen=True)
class Server:
    """A server that a test put in; `interface_id` and `mac` are its BMC's."""

    name: str
    id: int
    interface_id: int
    mac: str


class Lab:
    """One NetBox. Names, addresses and MAC addresses are new in every lab, so that many may share a NetBox."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.token = token
        self.version = self._read_version()
        seed = secrets.token_bytes(3)
        self.tag = seed.hex()
        self._mac = f"02:{seed[0]:02X}:{seed[1]:02X}:{seed[2]:02X}"
        self._network = ""
        self._numbers = itertools.count(1)
        self._hosts = itertools.count(10)
        self._kinds: Row = {}

    def rest(self) -> None:
        """Let none of its servers be `discovered` any more: who looks for those would find them in every test."""
        found = self.find("dcim/devices", name__ic=self.tag, status="discovered", brief="true")
        if found:
            self.call("PATCH", "dcim/devices", [{"id": row["id"], "status": "offline"} for row in found])

    def _free_network(self) -> str:
        """Three numbers of a network below 10.64.0.0/10 that this NetBox has no address in."""
        while True:
            network = f"10.{64 + secrets.randbelow(64)}.{secrets.randbelow(256)}"
            if not self.find("ipam/ip-addresses", parent=f"{network}.0/24"):
                return network

    @property
    def has_macs(self) -> bool:
        return self.version >= (4, 2)

    # -- raw ------------------------------------------------------------------------------------------------------

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Send a request; raises Answered for an error."""
        url = f"{self.url}/api/{path}/" + (f"?{urlencode(query, doseq=True)}" if query else "")
        content = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Token {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(url, data=content, method=method, headers=headers)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=300) as answer:  # noqa: S310
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise Answered(f"{method} {url}: {error.code} {error.read().decode()[:300]}") from error
        return json.loads(text) if text else None

    def _read_version(self) -> tuple[int, int]:
        headers = {"Authorization": f"Token {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/api/", headers=headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=300) as answer:  # noqa: S310
            major, minor = answer.headers["API-Version"].split(".")[:2]
        return int(major), int(minor)

    def add(self, path: str, **fields: Any) -> Row:
        """Create an object."""
        row: Row = self.call("POST", path, fields)
        return row

    def change(self, path: str, object_id: int, **fields: Any) -> Row:
        """Change an object."""
        row: Row = self.call("PATCH", f"{path}/{object_id}", fields)
        return row

    def get(self, path: str, object_id: int) -> Row:
        """Read an object."""
        row: Row = self.call("GET", f"{path}/{object_id}")
        return row

    def find(self, path: str, **query: Any) -> list[Row]:
        """Read objects."""
        rows: list[Row] = self.call("GET", path, limit=500, **query)["results"]
        return rows

    def restricted(self, *rights: str, constraints: Row | None = None) -> Lab:
        """The same NetBox, by the token of a new user who may do these only, such as dcim.change_device.

        `constraints` limit what a right is for, by right.
        """
        user = self.add("users/users", username=self.new_name("user"), password=f"Only-4-tests-{self.tag}")
        types = "object_types"
        for right in rights:
            model, action = right.partition(".")[0], right.partition(".")[2].partition("_")
            grant = {"name": self.new_name("right"), types: [f"{model}.{action[2]}"], "actions": [action[0]]}
            limits = (constraints or {}).get(right)
            self.add("users/permissions", **grant, users=[user["id"]], constraints=limits, enabled=True)
        form = {"version": 1} if self.version >= (4, 5) else {}
        made = self.add("users/tokens", user=user["id"], **form)
        return Lab(self.url, made.get("token") or made["key"])

    # -- servers --------------------------------------------------------------------------------------------------

    def new_name(self, kind: str = "server") -> str:
        return f"{kind}-{self.tag}-{next(self._numbers)}"

    def new_mac(self) -> str:
        number = next(self._numbers)
        return f"{self._mac}:{number >> 8:02X}:{number & 255:02X}"

    def new_ip(self) -> str:
        """An address that nothing in this NetBox has."""
        # A token with few rights may not look.
        self._network = self._network or self._free_network()
        return f"{self._network}.{next(self._hosts)}"

    def server(
        self,
        state: str = "offline",
        *,
        ip: str | None = None,
        interface: str = "iLO",
        others: int = 0,
        with_mac: bool = True,
        **fields: Any,
    ) -> Server:
        """Put a server in, its BMC with this address; `others` is the number of ports beside."""
        device = self.add("dcim/devices", **self._body(state), **fields)
        ports = [{"device": device["id"], "name": f"eth{n:03d}", "type": "1000base-t"} for n in range(others)]
        if ports:
            self.call("POST", "dcim/interfaces", ports)
        mac = self.new_mac() if with_mac else ""
        port = self.port(device["id"], interface, mac)
        server = Server(device["name"], device["id"], port, mac)
        if ip:
            self.give(server, ip)
        return server

    def servers(self, count: int, state: str = "offline") -> list[Server]:
        """Put many servers in, in few requests."""
        devices = self.call("POST", "dcim/devices", [self._body(state) for _number in range(count)])
        macs = [self.new_mac() for _number in range(count)]
        bodies: list[Row] = [{"device": each["id"], "name": "iLO", "type": "1000base-t"} for each in devices]
        if not self.has_macs:
            bodies = [{**body, "mac_address": mac} for body, mac in zip(bodies, macs, strict=True)]
        ports = self.call("POST", "dcim/interfaces", bodies)
        if self.has_macs:
            of_port = [{"mac_address": mac, **_assigned(port["id"])} for mac, port in zip(macs, ports, strict=True)]
            made = self.call("POST", "dcim/mac-addresses", of_port)
            primary = [{"id": p["id"], "primary_mac_address": m["id"]} for p, m in zip(ports, made, strict=True)]
            self.call("PATCH", "dcim/interfaces", primary)
        return [Server(d["name"], d["id"], p["id"], m) for d, p, m in zip(devices, ports, macs, strict=True)]

    def port(self, device_id: int, name: str, mac: str = "", **fields: Any) -> int:
        """Put an interface in; return its id."""
        body = {"device": device_id, "name": name, "type": "1000base-t", **fields}
        if mac and not self.has_macs:
            body["mac_address"] = mac
        port = self.add("dcim/interfaces", **body)
        if mac and self.has_macs:
            made = self.add("dcim/mac-addresses", mac_address=mac, **_assigned(port["id"]))
            self.change("dcim/interfaces", port["id"], primary_mac_address=made["id"])
        return int(port["id"])

    def give(self, server: Server, ip: str) -> Row:
        """Assign an address to a server's BMC."""
        return self.add("ipam/ip-addresses", address=f"{ip}/{CIDR}", **_assigned(server.interface_id))

    def _body(self, state: str) -> Row:
        if not self._kinds:
            slug = self.tag
            maker = self.add("dcim/manufacturers", name=f"m-{slug}", slug=f"m-{slug}")
            kind = {"manufacturer": maker["id"], "model": f"t-{slug}", "slug": f"t-{slug}", "u_height": 0}
            role = "role" if self.version >= (3, 6) else "device_role"
            self._kinds = {
                "site": self.add("dcim/sites", name=f"s-{slug}", slug=f"s-{slug}")["id"],
                "device_type": self.add("dcim/device-types", **kind)["id"],
                role: self.add("dcim/device-roles", name=f"r-{slug}", slug=f"r-{slug}", color="aa1409")["id"],
            }
        return {"name": self.new_name(), "status": state, **self._kinds}

    # -- what became of them --------------------------------------------------------------------------------------

    def state(self, server: Server) -> str:
        return str(self.get("dcim/devices", server.id)["status"]["value"])

    def ips(self, server: Server) -> list[str]:
        """The addresses of a server's BMC."""
        found = self.find("ipam/ip-addresses", interface_id=server.interface_id)
        return sorted(each["address"].partition("/")[0] for each in found)

    def objects_of(self, ip: str) -> list[Row]:
        """All objects of an address."""
        return self.find("ipam/ip-addresses", address=ip)

    def journal(self, server: Server) -> list[Row]:
        """A server's journal, oldest first."""
        found = self.find("extras/journal-entries", assigned_object_type="dcim.device", assigned_object_id=server.id)
        return sorted(found, key=lambda each: int(each["id"]))

    def kinds(self, server: Server) -> list[str]:
        """The kinds of a server's journal entries, oldest first."""
        return [
            each["kind"]["value"] if isinstance(each["kind"], dict) else each["kind"] for each in self.journal(server)
        ]

    def everything(self, server: Server) -> Row:
        """All of a server that could change, except when it was changed."""
        device = self.get("dcim/devices", server.id)
        return {
            "status": device["status"]["value"],
            "custom_fields": device["custom_fields"],
            "ips": self.ips(server),
            "journal": [each["comments"] for each in self.journal(server)],
        }


def _assigned(interface_id: int) -> Row:
    return {"assigned_object_type": "dcim.interface", "assigned_object_id": interface_id}
