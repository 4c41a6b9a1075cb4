# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Checks of an inventory against itself and against the head node, before anything is changed. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..._values.mac import ZERO_MAC, MacError, canonical_mac, parse_mac
from ..._values.names import count, shorten
from ..api.errors import BcmConfigError, BcmError
from ..entities.device import check_hostname, is_node, mac_addresses
from ..entities.fields import Raw
from ..entities.references import Names, References
from ..entities.slots import Slots

Wanted = Mapping[str, Any]


@dataclass(frozen=True)
class Problem:
    """One problem; `node` is its host name, or empty where it concerns the whole run."""

    node: str
    message: str

    def __str__(self) -> str:
        return f"{self.node}: {self.message}" if self.node else self.message


def describe(problems: Iterable[Problem]) -> list[str]:
    """Return one sentence per problem, however many nodes have it; the order is that in which they were found first."""
    same: dict[str, list[Problem]] = {}
    for problem in problems:
        same.setdefault(problem.message, []).append(problem)
    return [_describe_same(message, found) for message, found in same.items()]


def _describe_same(message: str, problems: Sequence[Problem]) -> str:
    names = list(dict.fromkeys(problem.node for problem in problems if problem.node))
    return f"{len(names):,} times ({shorten(names)}): {message}" if len(names) > 1 else str(problems[0])


def check_inventory(nodes: Sequence[Wanted]) -> list[Problem]:
    """Find names that BCM would refuse, and host names, MAC, IP and BMC IP addresses that two nodes share.

    They are compared after normalising. `nodes` have the options of bcm_device.
    """
    problems = [problem for node in nodes for problem in _check_words(node)]
    for what, values_of in _UNIQUE:
        owners: dict[str, list[str]] = {}
        for node in nodes:
            for value in sorted(set(values_of(node))):
                owners.setdefault(value, []).append(str(node["hostname"]))
        for value, names in owners.items():
            if len(names) > 1:
                problems.append(Problem("", f"duplicate {what} {value} in the inventory: {shorten(names)}"))
    return problems


def _check_words(node: Wanted) -> list[Problem]:
    name = str(node["hostname"])
    problems = []
    try:
        check_hostname(name)
    except BcmConfigError as error:
        problems.append(Problem(name, str(error)))
    for mac in _raw_macs(node):
        try:
            parse_mac(mac)
        except MacError as error:
            problems.append(Problem(name, error.unquoted))
    return problems


def _raw_macs(node: Wanted) -> Iterable[str]:
    macs = [node.get("mac"), *(item.get("mac") for item in _interfaces(node))]
    return [str(mac) for mac in macs if mac]


def _macs(node: Wanted) -> list[str]:
    found = []
    for mac in _raw_macs(node):
        try:
            found.append(parse_mac(mac))
        except ValueError:
            continue
    return found


def _interfaces(node: Wanted) -> list[Wanted]:
    return [item for item in node.get("interfaces") or [] if item.get("state") != "absent"]


def _addresses(node: Wanted, of_bmc: bool) -> list[str]:
    found = [item for item in _interfaces(node) if (item.get("type") == "bmc") is of_bmc]
    return [str(item["ip"]) for item in found if item.get("ip")]


_UNIQUE: tuple[tuple[str, Callable[[Wanted], list[str]]], ...] = (
    ("hostname", lambda node: [str(node["hostname"]).lower()]),
    ("MAC address", _macs),
    ("IP address", lambda node: _addresses(node, False)),
    ("BMC IP address", lambda node: _addresses(node, True)),
)


def check_references(nodes: Sequence[Wanted], categories: Sequence[Wanted], references: References) -> list[Problem]:
    """Find images, categories and networks that do not exist, and images that are still being copied."""
    problems = []
    for node in nodes:
        name = str(node["hostname"])
        problems += _missing(name, references.categories, [node.get("category")])
        problems += _missing(name, references.images, [node.get("software_image")])
        networks = [node.get("management_network"), *(item.get("network") for item in _interfaces(node))]
        problems += _missing(name, references.networks, networks)
    for category in categories:
        who = f"category {category['name']}"
        problems += _missing(who, references.images, [category.get("software_image")])
        problems += _missing(who, references.networks, [category.get("management_network")])
        problems += _missing(who, references.categories, [category.get("clone_from")])
    images = {entity.get("software_image") for entity in (*nodes, *categories)}
    for raw in references.images.raw.values():
        if raw["name"] in images and raw.get("fileOperationInProgress"):
            problems.append(
                Problem("", f"software image '{raw['name']}' is still being copied; wait until that has ended")
            )
    return problems


def _missing(who: str, names: Names, wanted: Iterable[str | None]) -> list[Problem]:
    problems = []
    for name in dict.fromkeys(item for item in wanted if item):
        try:
            names.resolve(name)
        except BcmError as error:
            problems.append(Problem(who, str(error)))
    return problems


def check_owners(
    nodes: Sequence[Wanted], devices: Mapping[str, Raw], *, allow_mac_change: bool = False
) -> list[Problem]:
    """Find host names and MAC addresses of other BCM devices, and nodes whose MAC address differs, as after a swap.

    `devices` are those of the head node by host name; `allow_mac_change` accepts the latter.
    """
    owner_of_mac = {mac: name for name, raw in devices.items() for mac in mac_addresses(raw)}
    by_lower = {name.lower(): name for name in devices}
    problems = []
    for node in nodes:
        name = str(node["hostname"])
        known = by_lower.get(name.lower())
        if known and not is_node(devices[known]):
            problems.append(Problem(name, f"hostname {name} belongs to a {devices[known]['childType']} in BCM"))
        elif known and known != name:
            problems.append(Problem(name, f"BCM knows a device {known}, whose name differs in case only"))
        for mac in _macs(node):
            owner = owner_of_mac.get(mac)
            if owner and owner != name:
                problems.append(Problem(name, f"MAC address {mac} belongs to device {owner} in BCM"))
        problems += _check_swap(node, devices.get(name), allow_mac_change)
    return problems


def check_new(nodes: Sequence[Wanted], devices: Mapping[str, Raw]) -> list[Problem]:
    """Find what is missing to register the nodes that BCM does not know."""
    problems = []
    for node in nodes:
        if str(node["hostname"]) in devices or node.get("state") == "absent":
            continue
        missing = [option for option in ("mac", "category") if not node.get(option)]
        if not any(item.get("bootable") and (item.get("ip") or item.get("dhcp")) for item in _interfaces(node)):
            missing.append("an interface that boots, with an address or DHCP")
        if missing:
            text = f"BCM does not know it, and to register it lacks {', '.join(missing)}"
            problems.append(Problem(str(node["hostname"]), text))
    return problems


def _check_swap(node: Wanted, device: Raw | None, allow: bool) -> list[Problem]:
    if device is None or not is_node(device) or allow or not node.get("mac") or device.get("mac") in (None, ZERO_MAC):
        return []
    wanted = _macs({"mac": node["mac"]})
    if not wanted or wanted[0] == canonical_mac(device["mac"]):
        return []
    return [
        Problem(
            str(node["hostname"]),
            f"BCM knows it with MAC address {device['mac']}, the inventory says {wanted[0]}; "
            "if its board was swapped, allow it with bcm_allow_mac_change: true",
        )
    ]


def images_of_categories(references: References) -> dict[str, str]:
    """Return the image's name by category; {} where the images were not read."""
    proxies = {raw["name"]: raw.get("softwareImageProxy") or {} for raw in references.categories.raw.values()}
    images = {name: references.images.raw.get(proxy.get("parentSoftwareImage", "")) for name, proxy in proxies.items()}
    return {name: str(image["name"]) for name, image in images.items() if image}


def check_slots(slots: Slots, node_count: int) -> tuple[list[Problem], list[str]]:
    """Return problems and remarks about provisioning slots: none at all is a problem, fewer than nodes a remark."""
    if slots.capacity == 0:
        return [Problem("", "no provisioning slots: no provisioning node is there, or all are drained")], []
    if slots.capacity < node_count:
        return [], [
            f"{count(node_count, 'node')} share {count(slots.capacity, 'provisioning slot')}: the rest will queue"
        ]
    return [], []


# What the head node's API does not show, with the command that does; run on the head node.
NOT_SEEN = (
    "DHCP and TFTP answer: ss -uln 'sport = :67 or sport = :69'",
    "the certificate authority is valid: openssl x509 -enddate -in /cm/local/apps/cmd/etc/cacert.pem",
    "the licence covers the nodes: cmsh -c 'main; licenseinfo'",
    "nodes that boot from several ports: grep AnyMAC /cm/local/apps/cmd/etc/cmd.conf",
    "provisioning threads: grep MaxNumber /cm/local/apps/cmd/etc/cmd.conf",
    "images changed by hand were spread: cmsh -c 'softwareimage; updateprovisioners'",
)
