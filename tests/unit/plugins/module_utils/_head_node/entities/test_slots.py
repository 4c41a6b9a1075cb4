# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.references import ZERO_UUID
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.slots import ProvisioningNode, Slots


def test_slots_and_requests_without_one_are_counted() -> None:
    answer = {
        "provisioningNodeStatusList": [
            {"ref_node_uuid": "a", "slotsCapacity": 10, "slotsUsed": 3, "drained": False},
            {"ref_node_uuid": "b", "drained": False},
        ],
        "provisioningRequestStatusList": [
            {"sourceNode": ZERO_UUID},
            {"sourceNode": ""},
            {"sourceNode": None},
            {"sourceNode": "a"},
        ],
    }

    slots = Slots.from_api(answer)

    assert slots.nodes == (ProvisioningNode("a", 10, 3, False), ProvisioningNode("b", 0, 0, False))
    assert (slots.capacity, slots.used, slots.waiting) == (10, 3, 3)
    assert Slots.from_api({}) == Slots() == Slots.from_api({"provisioningRequestStatusList": None})


def test_what_a_drained_node_still_serves_counts_neither_as_used_nor_as_capacity() -> None:
    slots = Slots((ProvisioningNode("a", 10, 10, False), ProvisioningNode("b", 10, 4, True)))

    assert (slots.used, slots.capacity) == (10, 10)
    assert [node.device for node in slots.serving] == ["a"]
