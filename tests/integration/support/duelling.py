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
# What each operator wants on all nodes; none of them has it before.
IMAGES = {"alice": "image-a", "bob": "image-b"}
# The middle ones are wanted by both.
_ALICE, _BOB, _BOTH = slice(0, 4), slice(2, 6), slice(2, 4)


def duel_rack(duels: int, more: int = 0) -> RackFile:
    """Give a rack with nodes for so many duels and some more; an installation takes five real seconds."""
    rack = new_rack(duels * NODES_A_DUEL + more, slots=10, devices="all")
    rack["head_node"]["images"] = ["default-image", *IMAGES.values()]
    rack["times"] = {"post": 10, "boot": 60, "install_full": 3000, "install_sync": 3000, "init": 60}
    return rack


def fight(where: Site, duel: int, offset_s: float) -> None:
    """Start two runs so many seconds apart that want different images, and see that each node got one of them whole."""
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
        rows = {owner: run.rows[name] for owner, run in runs.items()}
        (winner,) = (owner for owner, row in rows.items() if row["outcome"] == "successful")
        assert (machines[name]["running_image"] or {}).get("name") == IMAGES[winner], f"{told}: {name} {rows}"
        assert notes_of(where, [name])[name]["baremetal_provisioned_image"] == IMAGES[winner], f"{told}: {name}"
    _expect_refusals_to_name(runs["alice"], "bob", told)
    _expect_refusals_to_name(runs["bob"], "alice", told)
    assert not [key for record in notes_of(where, nodes).values() for key in record if "claim" in key], told


def notes_of(where: Site, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Give what is noted on devices."""
    devices = where.rack.head_node.devices()
    return {name: dict(devices[name]["extra_values"] or {}) for name in names}


def _variables(owner: str, nodes: list[str]) -> dict[str, Any]:
    return {**PARALLEL, "bcm_owner": owner, "bcm_target": ",".join(nodes), "bcm_software_image": IMAGES[owner]}


def _expect_refusals_to_name(run: Run, other: str, told: str) -> None:
    left = {name: row["message"] for name, row in run.rows.items() if row["outcome"] != "successful"}
    # Who comes late enough finds it UP already.
    refused = {name: message for name, message in left.items() if "power_on never restarts" not in message}
    assert run.failed_hosts == list(refused), f"{told}: {run.output}"
    assert all(other in message or "by others since" in message for message in refused.values()), f"{told}: {left}"
