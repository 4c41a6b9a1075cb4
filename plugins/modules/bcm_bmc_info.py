#!/usr/bin/python
# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ask the BMCs of nodes how they are, straight by IPMI or Redfish."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bcm_bmc_info
short_description: Read the state of nodes' BMCs, straight by IPMI or Redfish
version_added: 0.1.0
description:
  - Shows for any number of nodes at once whether the BMC answers and accepts the login, its power state, firmware version and the device
    of the next boot.
  - Uses IPMI 2.0 or Redfish from where the task runs. Addresses and credentials are those that BCM knows, unless O(bmcs) says otherwise.
  - Of all BMCs that share a set of credentials one is asked first. If it refuses them, one more is; if that refuses them too, no other
    BMC is asked, so that a typo can't lock them all.
author:
  - The baremetal.bcm contributors (!UNKNOWN)
extends_documentation_fragment:
  - baremetal.bcm.connection
  - baremetal.bcm.attributes
  - baremetal.bcm.redfish_power
  - baremetal.bcm.ipmi
  - baremetal.bcm.attributes.reads
requirements:
  - pyghmi >= 1.6.0, < 1.7, with O(via=ipmi)
options:
  via:
    description:
      - The path. The result has the same keys either way. After hardening, IPMI is often off; V(redfish) works still.
    type: str
    choices: [ipmi, redfish]
    default: ipmi
  names:
    description: Host names of the nodes. An empty list is an error, never all nodes.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Read the state of two BMCs
  baremetal.bcm.bcm_bmc_info:
    names:
      - dgx-05
      - dgx-06
  register: bmcs

- name: Read the state of a BMC that speaks Redfish alone
  baremetal.bcm.bcm_bmc_info:
    names:
      - dgx-05
    via: redfish

- name: Try a new password on one BMC before it is spread
  baremetal.bcm.bcm_bmc_info:
    names:
      - dgx-05
    bmcs:
      - name: dgx-05
        username: bmcadmin
        password: "{{ vault_bmc_password }}"
"""

RETURN = r"""
bmcs:
  description: The BMCs by host name of the node.
  returned: success
  type: dict
  contains:
    HOSTNAME:
      description: One BMC.
      type: dict
      contains:
        address: {description: Address of the BMC., type: str, sample: 10.229.10.15}
        reachable: {description: "Whether it answers; null where it was not asked.", type: bool, sample: true}
        credentials_good: {description: "Whether it accepts the login; null where that is not known.", type: bool, sample: true}
        power: {description: "ON, OFF or UNKNOWN.", type: str, sample: "ON"}
        firmware: {description: Version of its firmware; empty where unknown., type: str, sample: "9.08"}
        boot_device: {description: "Device of the next boot, none without one; empty where unknown.", type: str, sample: none}
        failure: {description: "Class of the failure as with M(baremetal.bcm.bcm_power), null where there was none.", type: str, sample: null}
        error: {description: Why it failed; empty otherwise., type: str, sample: ""}
        tries: {description: How often it was tried., type: int, sample: 1}
        seconds: {description: How long it took., type: float, sample: 0.1}
  sample: {dgx-05: {address: 10.229.10.15, reachable: true, credentials_good: true, power: "ON"}}
debug_calls:
  description: One line for each call to the head node; the last 500.
  returned: when debug_calls is set, or with -vvv
  type: list
  elements: str
  sample: ["cmdevice.getDevices: HTTP 200, 41 ms, 55 bytes sent, 10412 received"]
"""

from typing import TYPE_CHECKING, Any

from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.arguments import NAMES, STRAIGHT, limits_of
from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.runner import run_module
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.power.run_action import (
    PowerJob,
    inspect_bmcs,
    redfish_way_of,
)

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

    from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.client import HeadNode


SPEC = {**NAMES, "via": {"type": "str", "choices": ["ipmi", "redfish"], "default": "ipmi"}, **STRAIGHT}


def work(module: AnsibleModule, head_node: HeadNode) -> dict[str, Any]:
    job = PowerJob(
        names=module.params["names"],
        action="status",
        via=module.params["via"],
        limits=limits_of(module.params),
        ipmi_port=module.params["ipmi_port"],
        redfish=redfish_way_of(module.params),
        overrides={bmc["name"]: bmc for bmc in module.params["bmcs"]},
    )
    return {"changed": False, "bmcs": inspect_bmcs(head_node, job)}


def main() -> None:
    run_module(SPEC, work)


if __name__ == "__main__":
    main()
