# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run costs the head node."""

from __future__ import annotations

from collections import Counter

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.bulk import BulkCalls
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.admission import Admission
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.rollout import Pace

from ...fake_head_node import FakeHeadNode
from .driving import CYCLE, ON, actions, make_rack, outcomes, provision

COUNTS = (3, 40, 200)
PACES = {
    "all": Pace(),
    "all, bulk calls": Pace(bulk=BulkCalls.AUTO),
    "by slots": Pace(admission=Admission.parse("slots")),
    "by slots, bulk calls": Pace(admission=Admission.parse("slots"), bulk=BulkCalls.AUTO),
}


def run_many(count: int, pace: Pace) -> FakeHeadNode:
    """As many slots as a tenth of the nodes."""
    head = make_rack(count)
    head.slots = max(1, count // 10)
    assert set(outcomes(provision(head, ON, pace=pace, direct=True)).values()) == {"successful"}
    return head


@pytest.mark.parametrize("pace", PACES.values(), ids=PACES)
def test_the_calls_per_node_do_not_grow_with_the_number_of_nodes(pace: Pace) -> None:
    per_node = [len(run_many(count, pace).calls) / count for count in COUNTS]

    assert per_node == sorted(per_node, reverse=True)
    assert per_node[-1] <= (1.5 if pace.bulk is BulkCalls.AUTO else 3.5)


def test_each_device_is_written_twice_before_its_power_and_after_its_verdict() -> None:
    head = run_many(40, Pace())

    written = Counter(call.args[0]["hostname"] for call in head.names("updateDevice"))

    assert set(written.values()) == {2}


@pytest.mark.parametrize("count", COUNTS)
def test_with_bulk_calls_a_run_of_all_at_once_costs_the_same_for_any_number(count: int) -> None:
    head = run_many(count, Pace(bulk=BulkCalls.AUTO))

    assert len(head.names("updateDevices")) == 2
    assert len(head.calls) <= 60


@pytest.mark.parametrize("count", COUNTS)
def test_a_second_run_costs_a_handful_of_calls_for_any_number(count: int) -> None:
    head = run_many(count, Pace(bulk=BulkCalls.AUTO))
    before = len(head.calls)

    results = provision(head, CYCLE, pace=Pace(), direct=True)

    assert set(actions(results).values()) == {"nothing"}
    assert [call.name for call in head.calls[before:]] == [
        "getCategories",
        "getSoftwareImages",
        "getDevices",
        "getStatusForDevices",
    ]
