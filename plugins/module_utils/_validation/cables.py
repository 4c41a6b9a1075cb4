# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Neighbours that LLDP heard, beside the cables that NetBox has.

A neighbour is matched to a port of a switch by the port's name (port id or description), or by its MAC address.
What NetBox lacks is proposed; what contradicts NetBox is a conflict, and nothing here ever changes a cable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from .judging import ERROR, FAIL, PASS, WARN, Check

# What is short for what on switches: Ethernet1/7, Eth1/7 and et1/7 name one port.
_NUMBERS = re.compile(r"[0-9][0-9/.:_-]*$")


@dataclass(frozen=True)
class Port:
    """A port of a switch in NetBox. `mac` and `description` are empty where NetBox has none."""

    device: str
    name: str
    mac: str = ""
    description: str = ""


@dataclass(frozen=True)
class Interface:
    """An interface of the server in NetBox, and the port its cable leads to; None is no cable."""

    name: str
    mac: str = ""
    cabled_to: Port | None = None


@dataclass(frozen=True)
class Proposal:
    """A cable that NetBox lacks: from an interface of the server to a port that no cable ends at."""

    interface: str
    port: Port


@dataclass(frozen=True)
class CablesCompared:
    """`checks` are for the verdict over 04-lldp; `proposals` may be written by who is allowed to."""

    checks: tuple[Check, ...]
    proposals: tuple[Proposal, ...]


def compare_cables(
    interfaces: Sequence[Interface],
    neighbours: Sequence[Mapping[str, str]],
    ports: Sequence[Port],
    taken: Mapping[Port, str],
) -> CablesCompared:
    """Compare the cables of one server with what its interfaces heard.

    `neighbours` have the keys interface, mac (of the server's own interface), chassis_name, chassis_mac, port_id,
    port_id_type, port_description. `ports` are those of the switches that were heard; `taken` names, for ports with a
    cable, where that cable leads. Interfaces are found by MAC address, else by name.
    """
    checks: list[Check] = []
    proposals: list[Proposal] = []
    heard: dict[str, list[Mapping[str, str]]] = {}
    for neighbour in neighbours:
        name = _own_name(neighbour, interfaces)
        if name is None:
            text = f"it hears {_words(neighbour)}, and NetBox has no such interface"
            checks.append(Check(WARN, text, component=neighbour.get("interface", "")))
        else:
            heard.setdefault(name, []).append(neighbour)
    for interface in interfaces:
        found = heard.get(interface.name, [])
        if interface.cabled_to is not None:
            checks.append(_expected(interface, interface.cabled_to, found))
        else:
            made = list(_unexpected(interface, found, ports, taken))
            checks += [check for check, _proposal in made]
            proposals += [proposal for _check, proposal in made if proposal is not None]
    return CablesCompared(tuple(checks), tuple(proposals))


def is_port(port: Port, neighbour: Mapping[str, str]) -> bool:
    """Say whether a neighbour is this port: the switch by name or MAC address, the port by id, description or MAC."""
    says = {_plain(neighbour.get(key, "")) for key in ("port_id", "port_description")} - {""}
    own_mac = _mac(port.mac)
    if own_mac and own_mac in (_mac(neighbour.get("port_id", "")), _mac(neighbour.get("port_description", ""))):
        return True
    if not _same_switch(port.device, neighbour.get("chassis_name", "")):
        return False
    names = {_plain(port.name), _plain(port.description)} - {""}
    return bool(names & says) or any(_short(port.name, text) for text in says)


def _expected(interface: Interface, port: Port, found: Sequence[Mapping[str, str]]) -> Check:
    if any(is_port(port, neighbour) for neighbour in found):
        return Check(PASS, f"it is cabled to {port.device} {port.name}, as NetBox says", component=interface.name)
    if not found:
        text = f"NetBox has a cable to {port.device} {port.name}, and no neighbour was heard"
        return Check(ERROR, text, component=interface.name)
    text = f"it is cabled to {_words(found[0])}, NetBox says {port.device} {port.name}"
    return Check(FAIL, text, component=interface.name)


def _unexpected(
    interface: Interface, found: Sequence[Mapping[str, str]], ports: Sequence[Port], taken: Mapping[Port, str]
) -> Iterator[tuple[Check, Proposal | None]]:
    for neighbour in found:
        fitting = [port for port in ports if is_port(port, neighbour)]
        if len(fitting) != 1:
            known = "several ports of NetBox fit" if fitting else "NetBox has no such port"
            yield Check(WARN, f"it hears {_words(neighbour)}, and {known}", component=interface.name), None
        elif fitting[0] in taken:
            text = f"it hears {_words(neighbour)}, which NetBox says is cabled to {taken[fitting[0]]}"
            yield Check(FAIL, text, component=interface.name), None
        else:
            text = f"NetBox lacks its cable to {fitting[0].device} {fitting[0].name}"
            yield Check(PASS, text, component=interface.name), Proposal(interface.name, fitting[0])


def _own_name(neighbour: Mapping[str, str], interfaces: Sequence[Interface]) -> str | None:
    mac = _mac(neighbour.get("mac", ""))
    for interface in interfaces:
        if mac and _mac(interface.mac) == mac:
            return interface.name
    return next((each.name for each in interfaces if each.name == neighbour.get("interface") and not each.mac), None)


def _words(neighbour: Mapping[str, str]) -> str:
    switch = neighbour.get("chassis_name") or neighbour.get("chassis_mac") or "a switch without a name"
    port = neighbour.get("port_id", "")
    if _mac(port) or not port:
        port = neighbour.get("port_description") or port or "a port without a name"
    return f"{switch} {port}"


def _same_switch(device: str, heard: str) -> bool:
    one, other = device.strip().lower(), heard.strip().lower()
    return bool(one) and (one == other or one.partition(".")[0] == other or other.partition(".")[0] == one)


def _short(name: str, heard: str) -> bool:
    """Say whether two names of ports are one in long and short: same numbers, one word begins with the other."""
    one, other = _NUMBERS.search(_plain(name)), _NUMBERS.search(heard)
    if one is None or other is None or one[0] != other[0]:
        return False
    long, short = sorted((_plain(name)[: one.start()], heard[: other.start()]), key=len, reverse=True)
    return len(short) >= 2 and long.startswith(short)


def _plain(text: str) -> str:
    return "".join(text.lower().split())


def _mac(text: str) -> str:
    digits = re.sub(r"[^0-9a-f]", "", text.lower())
    return digits if len(digits) == 12 and re.fullmatch(r"[0-9a-fA-F:.\-]{12,17}", text.strip()) else ""
