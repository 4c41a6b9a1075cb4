# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Checks of the networks that nodes boot from, and of addresses against those that BCM has. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..._values.names import shorten
from ..entities.fields import Raw
from ..entities.references import ZERO_UUID, References
from .preflight import Problem, Wanted
from .prerequisites import Findings

_NOT_SET = ("", "0.0.0.0", None)


def check_networks(nodes: Sequence[Wanted], devices: Mapping[str, Raw], references: References) -> Findings:
    """Check DNS and address ranges of the networks that the nodes boot from (bcm-api.md 4.5)."""
    problems, remarks = [], []
    for network, users in _boot_networks(nodes, devices, references).items():
        raw = references.networks.raw[network]
        lacks = list(_lacking(raw))
        remarks += [f"network '{raw['name']}', which {shorten(users, 3)} boot from, {text}" for text in lacks]
        block, start, end = _range_of(raw)
        if block is None or start is None or end is None:
            continue
        if start > end or start not in block or end not in block:
            text = f"the dynamic range {start} to {end} of network '{raw['name']}' is no part of {block}"
            problems.append(Problem("", text))
            continue
        booting = set(users)
        taken = _addresses_between(start, end, [node for node in nodes if str(node["hostname"]) in booting], devices)
        if taken:
            text = f"in the dynamic range {start} to {end} of network '{raw['name']}', which DHCP hands out to others"
            problems.append(Problem("", f"addresses {text}: {shorten(taken)}"))
    return Findings(problems=tuple(problems), remarks=tuple(remarks))


def _boot_networks(nodes: Sequence[Wanted], devices: Mapping[str, Raw], references: References) -> dict[str, list[str]]:
    """Return the uuid of each network that nodes boot from, with these nodes; unknown names are left out."""
    users: dict[str, list[str]] = {}
    for node in nodes:
        if node.get("state") == "absent":
            continue
        uuid = _boot_network(node, devices.get(str(node["hostname"]), {}), references)
        if uuid in references.networks.raw:
            users.setdefault(uuid, []).append(str(node["hostname"]))
    return users


def _boot_network(node: Wanted, device: Mapping[str, Any], references: References) -> str:
    listed = [item.get("network") for item in node.get("interfaces") or [] if item.get("bootable")]
    for name in (*listed, node.get("management_network")):
        if name:
            return references.networks.by_name.get(str(name), "")
    boots = device.get("provisioningInterface")
    uuids = [raw.get("network") for raw in device.get("interfaces") or [] if raw["uuid"] == boots]
    category = references.categories.by_name.get(str(node.get("category") or ""), str(device.get("category") or ""))
    uuids += [device.get("managementNetwork"), references.categories.raw.get(category, {}).get("managementNetwork")]
    return next((str(uuid) for uuid in uuids if uuid and uuid != ZERO_UUID), "")


def _lacking(network: Mapping[str, Any]) -> Iterator[str]:
    if network.get("bootable") is False:
        yield "is not one that nodes may boot from: set bootable"
    if network.get("management") is False:
        yield "is not a management network: set management"
    if not network.get("domainName"):
        yield "has no domain, so that its nodes are not in DNS"
    elif network.get("generateDNSZone") == "NEITHER":
        yield "has no DNS zone generated for it: set generatednszone"
    if network.get("dynamicRangeStart") in _NOT_SET or network.get("dynamicRangeEnd") in _NOT_SET:
        yield "has no dynamic range: a node that BCM does not know by its MAC address gets no address"


_Range = tuple["ipaddress.IPv4Network | None", "ipaddress.IPv4Address | None", "ipaddress.IPv4Address | None"]


def _range_of(network: Mapping[str, Any]) -> _Range:
    """Return the network and its dynamic range, None for what is not set or can't be read."""
    start, end = network.get("dynamicRangeStart"), network.get("dynamicRangeEnd")
    if start in _NOT_SET or end in _NOT_SET:
        return None, None, None
    try:
        block = ipaddress.IPv4Network(f"{network.get('baseAddress')}/{network.get('netmaskBits')}", strict=False)
        return block, ipaddress.IPv4Address(str(start)), ipaddress.IPv4Address(str(end))
    except ValueError:
        return None, None, None


def _addresses_between(
    start: ipaddress.IPv4Address, end: ipaddress.IPv4Address, nodes: Sequence[Wanted], devices: Mapping[str, Raw]
) -> list[str]:
    """Return addresses in a range, each with its node, that the run would give out; those that BCM has are left out."""
    found = []
    for node in nodes:
        name = str(node["hostname"])
        stored = {raw.get("ip") for raw in devices.get(name, {}).get("interfaces") or []}
        for item in node.get("interfaces") or []:
            text = str(item.get("ip") or "")
            if item.get("type") == "bmc" or item.get("state") == "absent" or not text or text in stored:
                continue
            try:
                address = ipaddress.IPv4Address(text)
            except ValueError:
                continue  # told where the options are checked
            if start <= address <= end:
                found.append(f"{text} of {name}")
    return found


def check_taken_addresses(nodes: Sequence[Wanted], devices: Mapping[str, Raw]) -> Findings:
    """Find IP addresses, of nodes and of BMCs, that another BCM device has, head nodes and switches included.

    A device that the same run gives another address, or removes, gives its old one up.
    """
    names = {str(node["hostname"]): node for node in nodes}
    owners: dict[str, str] = {}
    for name, raw in devices.items():
        for interface in raw.get("interfaces") or []:
            address = interface.get("ip")
            if address not in _NOT_SET and not _gives_up(names.get(name), interface):
                owners.setdefault(str(address), name)
    problems = []
    for name, node in names.items():
        for item in node.get("interfaces") or []:
            owner = owners.get(str(item.get("ip") or ""))
            if owner and owner != name and item.get("state") != "absent" and node.get("state") != "absent":
                problems.append(Problem(name, f"IP address {item['ip']} belongs to device {owner} in BCM"))
    return Findings(problems=tuple(problems))


def _gives_up(node: Wanted | None, interface: Mapping[str, Any]) -> bool:
    """Return whether a node of the run loses this interface's address."""
    if node is None:
        return False
    if node.get("state") == "absent":
        return True
    named = next((item for item in node.get("interfaces") or [] if item.get("name") == interface.get("name")), None)
    if named is None:
        return bool(node.get("purge_interfaces"))
    return named.get("state") == "absent" or named.get("ip") not in (None, interface.get("ip"))
