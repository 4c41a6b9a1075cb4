#!/usr/bin/python
# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read what nodes of a BCM cluster are doing."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bcm_status_info
short_description: Read what nodes of a BCM cluster are doing
version_added: 0.1.0
description:
  - Reads status, phase and messages of any number of nodes in one call, and the provisioning slots.
author:
  - The baremetal.bcm contributors (!UNKNOWN)
extends_documentation_fragment:
  - baremetal.bcm.connection
  - baremetal.bcm.attributes
  - baremetal.bcm.attributes.reads
options:
  names:
    description: Only these nodes. Without it all devices of the cluster.
    type: list
    elements: str
  include_power:
    description:
      - Whether to ask for the power state too.
      - The head node then asks every BMC, which takes longer, because BMCs may be slow.
    type: bool
    default: false
  timeout:
    description: How long to wait for the BMCs with O(include_power), in seconds.
    type: float
    default: 60
"""

EXAMPLES = r"""
- name: Read the status of the whole cluster in one call
  baremetal.bcm.bcm_status_info:
  register: cluster

- name: Read the status of two nodes, with the power state that their BMCs report
  baremetal.bcm.bcm_status_info:
    names:
      - dgx-05
      - dgx-06
    include_power: true
"""

RETURN = r"""
nodes:
  description: The nodes by host name.
  returned: success
  type: dict
  contains:
    HOSTNAME:
      description: One node.
      type: dict
      contains:
        found: {description: Whether BCM knows it., type: bool, sample: true}
        state:
          description:
            - One of V(active), V(provisioning), V(failed), V(powered_off) and V(unknown).
            - A node for which a run failed is V(failed) until it is UP or another run works on it. Where the power state was not asked
              for, a node that is DOWN is V(unknown).
          type: str
          sample: active
        status: {description: BCM's own word., type: str, sample: UP}
        phase:
          description:
            - Where it is on its way, one of V(booting), V(rebooting), V(installer), V(queued), V(installing), V(init), V(up) and V(failed).
            - Not on its way, it is V(down), V(going down), V(pending), V(undefined), or V(unknown) for a status that is not documented.
            - Where a run failed for it, the phase in which that was.
          type: str
          sample: up
        message: {description: "The message of its installer, or why the run failed.", type: str, sample: ""}
        power: {description: "ON, OFF or UNKNOWN; null unless O(include_power).", type: str, sample: null}
        power_error: {description: Why the power state is unknown., type: str, sample: ""}
        closed: {description: Whether an administrator closed it., type: bool, sample: false}
        restart_required: {description: Whether something changed that only a restart brings into force., type: bool, sample: false}
        restart_reasons: {description: What that is., type: list, elements: str, sample: []}
  sample: {dgx-05: {found: true, state: active, status: UP, phase: up, message: ""}}
slots:
  description: Provisioning slots.
  returned: success
  type: dict
  contains:
    capacity: {description: How many nodes may install at once., type: int, sample: 10}
    used: {description: How many do., type: int, sample: 0}
    waiting: {description: How many requests wait for a slot., type: int, sample: 0}
    nodes: {description: The same for each provisioning node., type: list, elements: dict, sample: [{name: bcm-head, capacity: 10, used: 0, drained: false}]}
debug_calls:
  description: One line for each call to the head node; the last 500.
  returned: when debug_calls is set, or with -vvv
  type: list
  elements: str
  sample: ["cmdevice.getDevices: HTTP 200, 41 ms, 55 bytes sent, 10412 received"]
"""

from typing import TYPE_CHECKING, Any

from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.arguments import FILTER
from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.runner import run_module
from ansible_collections.baremetal.bcm.plugins.module_utils._bmc.power import PowerResult
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.read import (
    read_devices,
    read_statuses,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.phases import node_state
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.record import Record
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.references import Names
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.slots import Slots
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.status import DeviceStatus
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.power.read_states import read_power_states
from ansible_collections.baremetal.bcm.plugins.module_utils._values.clock import SystemClock

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

    from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.client import HeadNode
    from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.fields import Raw


def work(module: AnsibleModule, head_node: HeadNode) -> dict[str, Any]:
    devices = read_devices(head_node)
    names = module.params["names"] if module.params["names"] is not None else sorted(devices)
    known = {name: devices[name] for name in names if name in devices}
    statuses = read_statuses(head_node, known)
    seen = _read_power(head_node, known, module.params["timeout"]) if module.params["include_power"] else {}
    nodes = {name: _show(known.get(name), statuses.get(name), seen.get(name)) for name in names}
    return {"changed": False, "nodes": nodes, "slots": _read_slots(head_node, devices)}


def _read_power(head_node: HeadNode, devices: dict[str, Any], timeout_s: float) -> dict[str, PowerResult]:
    categories = Names.from_api("category", head_node.get_categories())
    return read_power_states(head_node, SystemClock(), devices, categories, timeout_s=timeout_s)


def _show(device: Raw | None, status: DeviceStatus | None, seen: PowerResult | None) -> dict[str, Any]:
    power = seen.after if seen else None
    record = Record.from_api((device or {}).get("extra_values"))
    has_failed = status is not None and record.fails_at(status.status)
    said = status.message if status else ""
    return {
        "found": device is not None,
        "state": node_state(status.status if status else None, power, has_failed=has_failed).value,
        "status": status.status if status else None,
        "phase": record.failed_phase if has_failed else status.phase.value if status else None,
        "message": (record.failed_message or said) if has_failed else said,
        "power": power,
        "power_error": seen.error if seen else "",
        "closed": bool(status and status.closed),
        "restart_required": bool(status and status.restart_required),
        "restart_reasons": list(status.restart_reasons) if status else [],
    }


def _read_slots(head_node: HeadNode, devices: dict[str, Any]) -> dict[str, Any]:
    names = {raw["uuid"]: name for name, raw in devices.items()}
    slots = Slots.from_api(head_node.get_provisioning_status())
    return {
        "capacity": slots.capacity,
        "used": slots.used,
        "waiting": slots.waiting,
        "nodes": [
            {
                "name": names.get(node.device, node.device),
                "capacity": node.capacity,
                "used": node.used,
                "drained": node.drained,
            }
            for node in slots.nodes
        ],
    }


def main() -> None:
    run_module(
        {
            **FILTER,
            "include_power": {"type": "bool", "default": False},
            "timeout": {"type": "float", "default": 60.0},
        },
        work,
    )


if __name__ == "__main__":
    main()
