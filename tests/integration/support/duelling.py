# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two runs of two operators who want some of the same nodes at about the same time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from ansible_collections.baremetal.bcm.tests.integration.support.playbook import PARALLEL, Run
from ansible_collections.baremetal.bcm.tests.integration.support.rack import RackFile, new_rack, wait_until
from ansible_collections.baremetal.bcm.tests.integration.support.site import Site

NODES_A_DUEL = 6
# The middle ones are wanted by both.
_ALICE, _BOB, _BOTH = slice(0, 4), slice(2, 6), slice(2, 4)


def duel_rack(duels: int, more: int = 0) -> RackFile:
    """Give a rack with nodes for so many duels and some more; an installation takes five real seconds."""
    rack = new_rack(duels * NODES_A_DUEL + more, slots=10, devices="all")
    rack["times"] = {"post": 10, "boot": 60, "install_full": 3000, "install_sync": 3000, "init": 60}
    return rack


def fight(where: Site, duel: int, offset_s: float) -> None:
    """Start two runs so many seconds apart, and see that they kept off each other's nodes."""
    told = f"offset {offset_s:.2f} s"
    nodes = [f"node{duel * NODES_A_DUEL + number:03d}" for number in range(1, 1 + NODES_A_DUEL)]
    with where.ansible.start("provision", variables=_variables("alice", nodes[_ALICE])) as first:
        begun_s = time.monotonic()
        wait_until(lambda: time.monotonic() - begun_s >= offset_s, told)
        with where.ansible.start("provision", variables=_variables("bob", nodes[_BOB])) as second:
            runs = {"alice": first.end(), "bob": second.end()}

    machines = where.rack.nodes()
    for count in ("power_operations", "boots", "installs"):
        assert {name: machines[name][count] for name in nodes} == dict.fromkeys(nodes, 1), f"{told}: {count}"
    assert {machines[name]["status"] for name in nodes} == {"UP"}, told
    for name in nodes[_BOTH]:
        worked = {owner: run.results[name]["action"] for owner, run in runs.items()}
        # Who comes late enough finds nothing left to do.
        assert len(set(worked.values()) & {"refuse", "nothing"}) == 1, f"{told}: {name} {worked}"
        assert "power_on" in worked.values(), f"{told}: {name} {worked}"
    _expect_refusals_to_name(runs["alice"], "bob", told)
    _expect_refusals_to_name(runs["bob"], "alice", told)
    assert not [key for record in notes_of(where, nodes).values() for key in record if "claim" in key], told


def notes_of(where: Site, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Give what is noted on devices."""
    devices = where.rack.head_node.devices()
    return {name: dict(devices[name]["extra_values"] or {}) for name in names}


def _variables(owner: str, nodes: list[str]) -> dict[str, Any]:
    return {**PARALLEL, "bcm_owner": owner, "bcm_target": ",".join(nodes)}


def _expect_refusals_to_name(run: Run, other: str, told: str) -> None:
    refused = [name for name, row in run.rows.items() if row["outcome"] != "successful"]
    assert run.failed_hosts == refused, f"{told}: {run.output}"
    assert all(other in run.rows[name]["message"] for name in refused), f"{told}: {run.rows}"
