#!/usr/bin/python
# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Register, change and remove many nodes in BCM."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bcm_devices
short_description: Register, change and remove many nodes in BCM
version_added: 0.1.0
description:
  - Does for a set of nodes what M(baremetal.bcm.bcm_device) does for one, with a constant number of reads and one write a node
    that differs.
  - A node that fails leaves the others alone.
  - Where the BMC credentials of several known nodes change, one node of each set of new credentials goes first, and the head node tries
    them on its BMC. If it refuses, one more is tried; if that refuses too, both get their old credentials back and no other is changed.
author:
  - The baremetal.bcm contributors (!UNKNOWN)
extends_documentation_fragment:
  - baremetal.bcm.connection
  - baremetal.bcm.attributes
  - baremetal.bcm.claims
  - baremetal.bcm.claims.removal
  - baremetal.bcm.entity
  - baremetal.bcm.device_list
  - baremetal.bcm.category_list
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  devices:
    required: true
  categories:
    description:
      - Categories that the same run creates or changes, each with the options of M(baremetal.bcm.bcm_category).
      - They count as if they were written already, where they are not, as in check mode.
    default: []
  bulk_calls:
    description:
      - Whether new and changed nodes are sent in one call each instead of one call per node.
      - NVIDIA's own client knows these calls; they are not documented. With V(auto) they are tried once. Where the head node
        refuses one as a whole, the account may not make it, or no answer comes that can be read, single calls are used for
        the rest of the task. After a lost answer what was stored is read, and only the rest is sent again.
      - V(true) is the same, but an account that may not make them fails the task. V(false) makes single calls only.
      - A node that is refused without a reason that is surely its own gets a single call. What was stored is read back in
        any case.
    type: str
    choices: ["auto", "true", "false"]
    default: auto
  reassigned:
    description:
      - Nodes that are to be installed with something else because their category was changed just before, as
        M(baremetal.bcm.bcm_categories) returns them in RV(baremetal.bcm.bcm_categories#module:reassigned).
    type: list
    elements: str
    default: []
  remember_reassigned:
    description:
      - Whether to note on a node that it is to be installed with something else, where this collection never installed it.
      - M(baremetal.bcm.bcm_provision) needs the note to know such a node from one that is as its users want it. The roles set this.
    type: bool
    default: false
  parallel_calls:
    description: How many calls that write may be in flight at once. The roles set it to Ansible's forks.
    type: int
    default: 5
  fail_on_error:
    description:
      - Whether the task fails when a node failed. The others are done in any case.
      - Without it the caller looks at RV(failures).
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Register two nodes
  baremetal.bcm.bcm_devices:
    devices:
      - hostname: cpu-03
        mac: "B8:CE:F6:D9:47:A8"
        category: default
        interfaces:
          - {name: BOOTIF, type: physical, ip: 10.184.162.102, network: dgxnet, bootable: true}
          - {name: ipmi0, type: bmc, ip: 10.229.10.12, network: oob-mgmt}
      - hostname: cpu-05
        mac: "B8:CE:F6:D9:47:BC"
        category: default
        interfaces:
          - {name: BOOTIF, type: physical, ip: 10.184.162.104, network: dgxnet, bootable: true}
          - {name: ipmi0, type: bmc, ip: 10.229.10.14, network: oob-mgmt}
"""

RETURN = r"""
devices:
  description: What became of each node, by host name.
  returned: success or failure of single nodes
  type: dict
  contains:
    HOSTNAME:
      description: One node.
      type: dict
      contains:
        changed: {description: Whether it was changed., type: bool, sample: true}
        action: {description: "One of none, create, update, delete.", type: str, sample: create}
        changes: {description: Names of the options that differed., type: list, elements: str, sample: [category]}
        disruption: {description: What the change costs a running node., type: str, sample: none}
        device: {description: The node as it is stored now., type: dict, returned: when it succeeded, sample: {}}
        error: {description: Why it failed., type: str, returned: when it failed, sample: ""}
  sample: {cpu-03: {changed: true, action: create}}
failures:
  description: Why nodes failed, by host name.
  returned: success or failure of single nodes
  type: dict
  sample: {}
refused:
  description: Those of RV(failures) that were left alone because others are at work on them, or because they run and were to be removed.
  returned: success or failure of single nodes
  type: list
  elements: str
  sample: []
reassigned:
  description: Nodes that existed before and are to be installed with something else now.
  returned: success or failure of single nodes
  type: list
  elements: str
  sample: []
assignments:
  description: What each node is to be installed with, for M(baremetal.bcm.bcm_provision) in check mode.
  returned: success or failure of single nodes
  type: dict
  sample: {}
debug_calls:
  description: One line for each call to the head node; the last 500.
  returned: when debug_calls is set, or with -vvv
  type: list
  elements: str
  sample: ["cmdevice.getDevices: HTTP 200, 41 ms, 55 bytes sent, 10412 received"]
"""

from typing import TYPE_CHECKING, Any

from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.owner import owner_of_task
from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.runner import run_module
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.bulk import BulkCalls
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.devices import apply_devices
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.occupancy import Occupancy
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.options import (
    CLAIMS,
    DECLARED_CATEGORIES,
    DEVICES,
    PARALLEL,
    REMOVAL,
    TAKES_WORDS,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.preflight_nodes import warn_of_aliases
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.power.credentials import spread_credentials
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.power.read_states import find_switched_on
from ansible_collections.baremetal.bcm.plugins.module_utils._values.sentences import sentences

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

    from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.client import HeadNode


SPEC = {
    **DEVICES,
    **DECLARED_CATEGORIES,
    "reassigned": {"type": "list", "elements": "str", "default": []},
    "remember_reassigned": {"type": "bool", "default": False},
    **PARALLEL,
    **CLAIMS,
    **REMOVAL,
    "fail_on_error": {"type": "bool", "default": True},
}


def work(module: AnsibleModule, head_node: HeadNode) -> dict[str, Any]:
    warn_of_aliases(module.warn, module.params["devices"])
    result = apply_devices(
        head_node,
        module.params["devices"],
        check_mode=module.check_mode,
        occupancy=Occupancy.of_options(
            module.params, head_node, owner_of_task(module.params["claim_run"]), find_switched_on
        ),
        try_credentials=spread_credentials,
        declared_categories=module.params["categories"],
        reassigned=module.params["reassigned"],
        remember_reassigned=module.params["remember_reassigned"],
        workers=module.params["parallel_calls"],
        bulk=BulkCalls(module.params["bulk_calls"]),
    )
    if result["failures"] and module.params["fail_on_error"]:
        module.fail_json(msg="; ".join(sentences(result["failures"])), **result)
    return result


def main() -> None:
    run_module(SPEC, work, takes_words=TAKES_WORDS)


if __name__ == "__main__":
    main()
