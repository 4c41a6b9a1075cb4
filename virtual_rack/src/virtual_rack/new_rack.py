# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a rack file to begin with."""

from __future__ import annotations

import ipaddress
from typing import Any

import yaml

MAX_NODES = 10_000
# As many engines as two cores carry well.
MAX_IPMI = 200
_MANAGEMENT = ipaddress.IPv4Address("10.141.0.0")
# Network and number 0 of the BMCs, by engine.
_BMCS = {
    "direct": (ipaddress.IPv4Address("10.148.0.0"), ipaddress.IPv4Address("10.148.0.0")),
    "ipmi": (ipaddress.IPv4Address("127.0.0.0"), ipaddress.IPv4Address("127.0.20.0")),
}
_HEADER = "# SPDX-License-Identifier: GPL-3.0-or-later\n# A rack for `virtual-rack serve`. Change what you like.\n---\n"


def new_rack_text(nodes: int, *, engine: str = "direct", redfish: str = "") -> str:
    """Write a rack file with a number of machines, all switched off, whose BMCs have one engine.

    `redfish` is the mode in which they speak Redfish, empty: they do not.
    """
    # What others can reach has an address of this computer's.
    bmc_network, first = _BMCS["ipmi" if redfish else engine]
    head_node: dict[str, Any] = {
        "hostname": "bcm-head",
        "version": "11",
        "update_mode": "strict",
        "bulk_calls": True,
        "slots": 10,
        "users": [{"username": "admin", "password": "demo-head-node"}],
        "images": ["default-image"],
        "networks": [
            _network("internalnet", _MANAGEMENT, management=True, bootable=True),
            _network("ipminet", bmc_network, management=False, bootable=False),
        ],
    }
    rack: dict[str, Any] = {"head_node": head_node, "machines": [_machine(number) for number in range(1, nodes + 1)]}
    for number, machine in enumerate(rack["machines"], start=1):
        machine["bmc"] |= {"engine": engine, "address": str(first + number)}
        machine["bmc"] |= {"redfish": {"mode": redfish}} if redfish else {}
    return _HEADER + yaml.safe_dump(rack, sort_keys=False)


def _network(name: str, base: ipaddress.IPv4Address, *, management: bool, bootable: bool) -> dict[str, Any]:
    return {
        "name": name,
        "base_address": str(base),
        "netmask_bits": 16,
        "management": management,
        "bootable": bootable,
    }


def _machine(number: int) -> dict[str, Any]:
    return {
        "name": f"node{number:03d}",
        "mac": f"02:00:00:00:{number >> 8:02X}:{number & 255:02X}",
        "serial": f"VR{number:06d}",
        "management_ip": str(_MANAGEMENT + number),
        "bmc": {"username": "bmcadmin", "password": "demo-bmc-password"},
    }
