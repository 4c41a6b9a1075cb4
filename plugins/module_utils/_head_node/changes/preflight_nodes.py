# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Checks of each node and category by what its module would do with it, and of addresses against networks. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..._values.ip import UNSET_IP, parse_ip
from ..._values.names import shorten
from ..api.errors import BcmConfigError, BcmNotFound
from ..entities.category import CATEGORY
from ..entities.device import DEVICE, INSTALL_MODE_ALIASES, is_node
from ..entities.fields import Context, Raw
from ..entities.parts import INTERFACES
from ..entities.references import ZERO_UUID, Names, References
from ..entities.schema import Schema
from .options import wanted_of
from .plan import plan_entity
from .preflight import Problem

Wanted = Mapping[str, Any]


def check_plans(
    nodes: Sequence[Wanted],
    categories: Sequence[Wanted],
    devices: Mapping[str, Raw],
    references: References,
    *,
    stored_categories: Mapping[str, Raw],
    known: Collection[Problem] = (),
) -> list[Problem]:
    """Find what the modules would refuse when they plan the nodes and categories, and categories declared twice.

    `known` are the problems that were found so far: a node that has one is not planned. `references` count the declared
    categories as written; `stored_categories`, by name, are those that the head node has.
    """
    # Which partition a new node gets is no question of the inventory.
    context = Context(replace(references, partitions=Names("partition", {"base": ZERO_UUID})))
    done = {problem.node for problem in known}
    names = [str(category["name"]) for category in categories]
    problems = [
        Problem(f"category {name}", "it is declared more than once")
        for name in dict.fromkeys(names)
        if names.count(name) > 1
    ]
    for category in categories:
        name = str(category["name"])
        if f"category {name}" not in done:
            problems += _check_plan(f"category {name}", CATEGORY, category, stored_categories.get(name), context)
    for node in nodes:
        name = str(node["hostname"])
        stored = devices.get(name)
        if name not in done and (stored is None or is_node(stored)):
            problems += _check_plan(name, DEVICE, node, stored, context)
    return list(dict.fromkeys(problems))


def _check_plan(who: str, schema: Schema, options: Wanted, stored: Raw | None, context: Context) -> list[Problem]:
    name = str(options[schema.name_option])
    try:
        plan_entity(schema, stored, wanted_of(dict(options)), context)
    except BcmNotFound:
        return []  # found with its references
    except BcmConfigError as error:
        return [Problem(who, str(error).removeprefix(f"could not plan {schema.entity} {name}: "))]
    return []


def check_addresses(nodes: Sequence[Wanted], devices: Mapping[str, Raw], references: References) -> list[Problem]:
    """Find addresses that are none, and those that are outside of their networks."""
    problems = []
    for node in nodes:
        name = str(node["hostname"])
        for interface in _interfaces(node).values():
            if interface.get("ip") and interface.get("state") != "absent":
                text = _check_address(interface["ip"], _network_of(node, interface, devices.get(name), references))
                problems += [Problem(name, f"interface {interface['name']}: {text}")] if text else []
    return problems


def _check_address(text: str, network: Mapping[str, Any] | None) -> str:
    try:
        ip = parse_ip(text)
    except ValueError as error:
        return f"ip: {error}"
    if ip == UNSET_IP or network is None:
        return ""
    cidr = ipaddress.ip_network(f"{network['baseAddress']}/{network['netmaskBits']}", strict=False)
    address = ipaddress.ip_address(ip)
    if address not in cidr:
        return f"address {ip} is outside of its network {network['name']}, {cidr}"
    if cidr.num_addresses > 2 and address in (cidr.network_address, cidr.broadcast_address):
        return f"address {ip} is that of its network {network['name']}, {cidr}, or its broadcast address"
    return ""


def _network_of(
    node: Wanted, interface: Wanted, stored: Raw | None, references: References
) -> Mapping[str, Any] | None:
    """Return the network an interface is to have, else the one it has; None where that is not known or no IPv4 one."""
    known: Sequence[Wanted] = (stored or {}).get("interfaces") or []
    kept: Wanted = next((item for item in known if item["name"] == interface["name"]), {})
    name = interface.get("network") or (node.get("management_network") if interface.get("bootable") else None)
    uuid = references.networks.by_name.get(name, "") if name else kept.get("network", "")
    network = references.networks.raw.get(uuid)
    if network is None or not network.get("netmaskBits") or network.get("baseAddress") in (None, "", UNSET_IP):
        return None
    return network


def _interfaces(node: Wanted) -> dict[str, Wanted]:
    named = {str(INTERFACES.alias(item["name"])): item for item in node.get("interfaces") or []}
    return {name: {**item, "name": name} for name, item in named.items()}


def find_warnings(
    nodes: Sequence[Wanted], categories: Sequence[Wanted], devices: Mapping[str, Raw], references: References
) -> tuple[str, ...]:
    """Return what is worth a warning: nodes that boot over another network than their management's, and MINIMAL."""
    elsewhere: dict[tuple[str, str], list[str]] = {}
    for node in nodes:
        name = str(node["hostname"])
        management = _management_network(node, devices.get(name), references)
        for interface in _interfaces(node).values():
            network = _network_of(node, interface, devices.get(name), references)
            if interface.get("bootable") and network and management and network["name"] != management:
                elsewhere.setdefault((str(network["name"]), management), []).append(name)
    warnings = [
        f"{shorten(names)}: the interface that boots is on network {network}, not on the management network "
        f"{management}; make sure that BCM answers DHCP there"
        for (network, management), names in elsewhere.items()
    ]
    warn_of_aliases(warnings.append, [*nodes, *categories])
    return tuple(warnings)


def _management_network(node: Wanted, stored: Raw | None, references: References) -> str | None:
    """Return the management network of a node by name: its own, else that of its category; None where unknown."""
    if node.get("management_network"):
        return str(node["management_network"])
    own = references.networks.name_of((stored or {}).get("managementNetwork"))
    category = references.categories.by_name.get(node.get("category") or "", (stored or {}).get("category", ""))
    return own or references.networks.name_of(references.categories.raw.get(category, {}).get("managementNetwork"))


def warn_of_aliases(warn: Callable[[str], object], entities: Sequence[Wanted]) -> None:
    """Warn once for all entities of each install mode that BCM does not have, with what is sent instead."""
    modes = {entity.get(option) for entity in entities for option in ("install_mode", "new_node_install_mode")}
    for word, sent in INSTALL_MODE_ALIASES.items():
        if word in modes:
            warn(f"install mode {word} does not exist in BCM and is sent as {sent}, the least that installs the image")
