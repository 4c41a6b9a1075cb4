# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What only the server can check: a machine's parts and cables against what NetBox has. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._netbox.api.interfaces import macs_of
from .._validation.bom import Expected, ExpectedDisk, bom_digest, compare_bom
from .._validation.cables import Interface, Port, compare_cables
from .._validation.judging import FAIL, PASS, Check, entries
from .._validation.messages import StepResult
from .netbox_side import Recorded

INVENTORY_STEP, CABLE_STEP = "01-init", "04-lldp"
# Of the roles of inventory items, in any case: NetBox has none of its own.
_DISK_ROLE = re.compile(r"disk|drive|ssd|hdd|nvme")
_MEMORY_ROLE = re.compile(r"memory|dimm|\bram\b")
_CABLED_SINCE = (3, 3)
# Of a device in NetBox. A machine may say a longer one, which fits no request, and nobody's results came further.
_LONGEST_NAME = 64


@dataclass
class Checks:
    """Checks by step, notes by step that are no checks, the digest of the bill of material, and cables to create.

    `cables` are pairs of ids of interfaces.
    """

    by_step: dict[str, Sequence[Check]] = field(default_factory=dict)
    notes: dict[str, Sequence[str]] = field(default_factory=dict)
    digest: str = ""
    cables: list[tuple[int, int]] = field(default_factory=list)


def check_run(
    recorded: Recorded, results: Mapping[str, StepResult], switch_ports: Sequence[Mapping[str, Any]], *, creates: bool
) -> Checks:
    """Compare what a machine found with what NetBox has of it.

    `switch_ports` are interfaces of the switches that were heard, as NetBox shows them; `creates` says whether missing
    cables are created, or proposed.
    """
    checks = Checks()
    first, cabling = results.get(INVENTORY_STEP), results.get(CABLE_STEP)
    if first is not None and first.inventory is not None:
        found, unseen = _items(recorded, first)
        checks.by_step[INVENTORY_STEP] = [*compare_bom(_expected(recorded, first.inventory), first.inventory), *found]
        checks.notes[INVENTORY_STEP] = unseen
        checks.digest = bom_digest(first.inventory)
    if cabling is not None and cabling.neighbours is not None:
        _check_cables(checks, recorded, cabling.neighbours, switch_ports, creates=creates)
    return checks


def chassis_names(results: Iterable[StepResult]) -> set[str]:
    """Give the names of the switches that were heard, and these names without their domains."""
    heard = {each.get("chassis_name", "") for result in results for each in result.neighbours or ()}
    return {name for each in heard for name in (each, each.partition(".")[0]) if 0 < len(name) <= _LONGEST_NAME}


def cable_body(ends: tuple[int, int], version: tuple[int, int]) -> dict[str, Any]:
    """Give what creates a cable between two interfaces."""
    one, other = ends
    if version < _CABLED_SINCE:
        kind = "dcim.interface"
        return {
            "termination_a_type": kind, "termination_a_id": one, "termination_b_type": kind, "termination_b_id": other,
        }  # fmt: skip
    return {
        "a_terminations": [{"object_type": "dcim.interface", "object_id": one}],
        "b_terminations": [{"object_type": "dcim.interface", "object_id": other}],
    }


def _expected(recorded: Recorded, inventory: Mapping[str, Any]) -> Expected:
    disks = [item for item in recorded.items if _is_disk(item)]
    seen = {str(nic.get("mac", "")).upper() for nic in entries(inventory, "nics")}
    return Expected(
        serial=str(recorded.device.get("serial") or "") or None,
        macs=[mac for mac in recorded.macs if mac in seen or mac not in recorded.group_macs],
        disks=[ExpectedDisk(serial=str(item.get("serial") or "").strip()) for item in disks] or None,
    )


def _items(recorded: Recorded, first: StepResult) -> tuple[list[Check], list[str]]:
    """Look for the parts that NetBox has with a serial number; notes name those that the image can't see."""
    inventory = first.inventory or {}
    seen = {str(each.get("serial") or "").strip() for kind in ("modules", "disks") for each in entries(inventory, kind)}
    checks, unseen = [], []
    for item in recorded.items:
        serial = str(item.get("serial") or "").strip()
        if not serial or _is_disk(item):
            continue
        name = str(item.get("name") or "part")
        text = f"the part with the serial number {serial} that NetBox has"
        if serial in seen:
            checks.append(Check(PASS, f"{text} is there", component=name))
        elif not _role(item) or _MEMORY_ROLE.search(_role(item)):
            checks.append(Check(FAIL, f"{text} is missing", component=name))
        else:
            # A power supply for instance: that nobody could see it says nothing of the server.
            unseen.append(f"{name} ({_role(item)})")
    told = f"not looked for, since only disks and memory tell the image their serial numbers: {', '.join(unseen)}"
    return checks, [told] if unseen else []


def _is_disk(item: Mapping[str, Any]) -> bool:
    return bool(_DISK_ROLE.search(_role(item)))


def _role(item: Mapping[str, Any]) -> str:
    role = item.get("role")
    return str(role.get("slug") or "").lower() if isinstance(role, Mapping) else ""


def _check_cables(
    checks: Checks,
    recorded: Recorded,
    neighbours: Sequence[Mapping[str, str]],
    switch_ports: Sequence[Mapping[str, Any]],
    *,
    creates: bool,
) -> None:
    own = {raw["name"]: raw for raw in recorded.hardware}
    ids = {_port(raw): raw["id"] for raw in switch_ports}
    taken = {_port(raw): _words(_far_end(raw)) for raw in switch_ports if raw.get("cable")}
    interfaces = [
        Interface(name, next(iter(macs_of(raw)), ""), _far_end(raw) if raw.get("cable") else None)
        for name, raw in own.items()
    ]
    compared = compare_cables(interfaces, neighbours, list(ids), taken)
    checks.by_step[CABLE_STEP] = compared.checks
    verb = "created" if creates else "proposed"
    checks.notes[CABLE_STEP] = [
        f"{verb}: a cable from {each.interface} to {each.port.device} {each.port.name}" for each in compared.proposals
    ]
    if creates:
        checks.cables = [(own[each.interface]["id"], ids[each.port]) for each in compared.proposals]


def _port(raw: Mapping[str, Any]) -> Port:
    device = raw.get("device") or {}
    name = str(device.get("name") or device.get("display") or "")
    mac = next(iter(macs_of(dict(raw))), "")
    return Port(name, str(raw["name"]), mac, str(raw.get("description") or ""))


def _far_end(raw: Mapping[str, Any]) -> Port | None:
    """Give the port that an interface's cable leads to, over any panels between; NetBox 3.3 made it a list."""
    ends = raw.get("connected_endpoints") or [raw.get("connected_endpoint")]
    end = next((each for each in ends if isinstance(each, Mapping) and each.get("name")), None)
    return _port(end) if end is not None else None


def _words(port: Port | None) -> str:
    return f"{port.device} {port.name}" if port is not None else "something that is no interface"
