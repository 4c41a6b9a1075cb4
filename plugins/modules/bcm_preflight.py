#!/usr/bin/python
# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Check an inventory against itself and a BCM head node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bcm_preflight
short_description: Check an inventory against itself and a BCM head node
version_added: 0.1.0
description:
  - Finds what would make a provisioning run fail half way, before anything is changed, and lists all of it at once.
  - "In the inventory: names BCM refuses, and host names, MAC, IP and BMC IP addresses that two nodes share."
  - Whatever the modules would refuse of a node or a category, such as an unknown role, an interface that is named twice, a bond of
    interfaces that do not exist, an address or a disk setup that is none, and a category that is declared twice.
  - "On the head node: images, categories and networks that do not exist, images that are still being copied, host names, MAC and IP
    addresses that another device owns, IP addresses outside of their networks, what new nodes lack, and provisioning slots."
  - "Around it: the version of BCM, its licence, the certificates of the connection, the images of the provisioning nodes, DNS and address
    ranges of the networks that the nodes boot from. Licence and certificates that end within 30 days are a warning."
  - Nodes that boot over another network than their management network are a warning.
author:
  - The baremetal.bcm contributors (!UNKNOWN)
extends_documentation_fragment:
  - baremetal.bcm.connection
  - baremetal.bcm.attributes
  - baremetal.bcm.attributes.reads
  - baremetal.bcm.device_list
  - baremetal.bcm.category_list
options:
  devices:
    required: true
  categories:
    description:
      - Categories that the same run creates or changes, each with the options of M(baremetal.bcm.bcm_category).
      - They count as if they were written already, where they are not, as in check mode.
    default: []
  allow_mac_change:
    description: Whether a node that BCM knows with another MAC address is accepted, as after its board was swapped.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Check two nodes before anything is changed
  baremetal.bcm.bcm_preflight:
    devices:
      - hostname: dgx-05
        mac: "94:6D:AE:5C:05:01"
        category: default
      - hostname: dgx-06
        mac: "94:6D:AE:5C:06:01"
        category: default
"""

RETURN = r"""
problems:
  description: What is wrong. The task fails when there is any.
  returned: always
  type: list
  elements: str
  sample: []
remarks:
  description: What is worth knowing, but no reason to stop.
  returned: success or problems
  type: list
  elements: str
  sample: ["20 nodes share 10 provisioning slots: the rest will queue"]
to_check:
  description: Prerequisites that the head node's API does not show, each with the command that does.
  returned: success or problems
  type: list
  elements: str
  sample: ["DNS, DHCP and TFTP answer: ss -uln 'sport = :53 or sport = :67 or sport = :69'"]
category_images:
  description: The software image that each category has now.
  returned: success or problems
  type: dict
  sample: {default: default-image}
version:
  description: Version of BCM.
  returned: success or problems
  type: str
  sample: "11.0"
debug_calls:
  description: One line for each call to the head node; the last 500.
  returned: when debug_calls is set, or with -vvv
  type: list
  elements: str
  sample: ["cmdevice.getDevices: HTTP 200, 41 ms, 55 bytes sent, 10412 received"]
"""

from typing import TYPE_CHECKING, Any

from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.runner import run_module
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.inspection import inspect
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.options import (
    DECLARED_CATEGORIES,
    DEVICES,
    TAKES_WORDS,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._values.clock import SystemClock

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

    from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.client import HeadNode


SPEC = {
    **DEVICES,
    **DECLARED_CATEGORIES,
    "allow_mac_change": {"type": "bool", "default": False},
}


def work(module: AnsibleModule, head_node: HeadNode) -> dict[str, Any]:
    params = module.params
    found = inspect(
        head_node,
        SystemClock(),
        params["devices"],
        params["categories"],
        allow_mac_change=params["allow_mac_change"],
        certificate_files=params,
    )
    for warning in found.warnings:
        module.warn(warning)
    if found.problems:
        module.fail_json(msg=found.refusal, **found.to_ansible())
    return found.to_ansible()


def main() -> None:
    run_module(SPEC, work, takes_words=TAKES_WORDS)


if __name__ == "__main__":
    main()
