# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for options as a module has them."""

from __future__ import annotations

from typing import Any

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.options import wanted_of
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.plan import Plan, plan_present
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.category import CATEGORY
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.device import DEVICE

from ....objects import make_context

Raw = dict[str, Any]

NEW_NODE = {
    "hostname": "node009",
    "mac": "02:00:00:00:00:09",
    "category": "default",
    "interfaces": [{"name": "BOOTIF", "type": "physical", "ip": "10.141.0.9", "bootable": True}],
}


def plan_device(stored: Raw | None, **options: Any) -> Plan:
    """The plan for options as a module has them."""
    hostname = stored["hostname"] if stored else "node009"
    return plan_present(DEVICE, stored, wanted_of({"hostname": hostname, **options}), make_context())


def plan_category(stored: Raw | None, **options: Any) -> Plan:
    return plan_present(CATEGORY, stored, wanted_of({"name": "default", **options}), make_context())


def desired_of(plan: Plan) -> Raw:
    assert plan.desired is not None
    return plan.desired


def interface(device: Raw, name: str) -> Raw:
    return next(item for item in device["interfaces"] if item["name"] == name)
