# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""`lldpcli -f json0 show neighbors details`: of json and json0 the one whose shape does not depend on numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .output import dig, objects, read_object, text_of


@dataclass(frozen=True)
class Neighbour:
    """Who was heard on an interface. All texts as the switch sent them; `chassis_mac` only if its id is a MAC."""

    interface: str
    chassis_name: str
    chassis_id: str
    chassis_mac: str
    port_id: str
    port_id_type: str
    port_description: str
    ttl: str


def read_neighbours(text: str) -> tuple[Neighbour, ...]:
    """Read the neighbours that LLDP (no other protocol) found, none if none was heard. Raises ParseError."""
    found: list[Neighbour] = []
    for entry in objects(read_object(text).get("lldp")):
        found += [_neighbour(each) for each in objects(entry.get("interface")) if each.get("via") == "LLDP"]
    return tuple(each for each in found if each.interface)


def _neighbour(interface: dict[str, Any]) -> Neighbour:
    chassis, port = dig(interface, "chassis", 0), dig(interface, "port", 0)
    chassis_id = text_of(dig(chassis, "id", 0, "value"))
    return Neighbour(
        interface=text_of(interface.get("name")),
        chassis_name=text_of(dig(chassis, "name", 0, "value")),
        chassis_id=chassis_id,
        chassis_mac=chassis_id if dig(chassis, "id", 0, "type") == "mac" else "",
        port_id=text_of(dig(port, "id", 0, "value")),
        port_id_type=text_of(dig(port, "id", 0, "type")),
        port_description=text_of(dig(port, "descr", 0, "value")),
        ttl=text_of(dig(port, "ttl", 0, "value")),
    )
