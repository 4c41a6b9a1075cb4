# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run returns: texts and numbers, nothing of ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.lifecycle.find_device import FoundDevice
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.lifecycle.plan import plan_event
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.lifecycle.reported_event import read_event
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.lifecycle.results import EventResult, Results
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.lifecycle.state import Device, Interface, Snapshot


def leaves(value: Any) -> Iterator[Any]:
    """Give all keys and values of a nested result."""
    if isinstance(value, dict):
        yield from value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from leaves(each)
    if not isinstance(value, (dict, list)):
        yield value


def discovered() -> dict[str, Any]:
    """Give the result of a first lease."""
    before = Snapshot({1: Device(1, "dgx-05", "offline")})
    after = before.copy()
    event = read_event(0, {"event": "dhcp_ack", "device": "dgx-05", "ip": "10.229.10.11"})
    plan = plan_event(after, event, FoundDevice(1, Interface(11, "iLO", 1, "dgx-05")), nonce="0")
    results = Results()
    results.add(EventResult(event, plan.outcome, plan=plan))
    results.add_changes(before, after, [plan], {1}, [])
    return results.to_ansible()


def test_a_result_has_the_states_and_the_outcome_as_users_know_them() -> None:
    result = discovered()
    (event,) = result["events"]

    assert [event["outcome"], event["state_before"], event["state_after"]] == ["changed", "offline", "discovered"]
    assert event["message"] == "offline → discovered (dhcp_ack): 10.229.10.11 assigned to iLO."
    assert result["counts"] == {
        "changed": 1,
        "unchanged": 0,
        "conflict": 0,
        "refused": 0,
        "not_found": 0,
        "failed": 0,
    }


def test_nothing_but_plain_types_leaves_a_run() -> None:
    assert {type(each) for each in leaves(discovered())} <= {str, int, bool, type(None)}
