#!/usr/bin/python
# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read categories of a BCM head node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bcm_category_info
short_description: Read categories of a BCM head node
version_added: 0.1.0
description:
  - Lists the categories, with names instead of identifiers and passwords hidden.
author:
  - The baremetal.bcm contributors (!UNKNOWN)
extends_documentation_fragment:
  - baremetal.bcm.connection
  - baremetal.bcm.attributes
  - baremetal.bcm.attributes.reads
options:
  names:
    description: Only these categories. One that does not exist is an error that names those which do.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: List all categories
  baremetal.bcm.bcm_category_info:
  register: categories

- name: Show which image a category installs
  baremetal.bcm.bcm_category_info:
    names:
      - default
  register: default_category
"""

RETURN = r"""
categories:
  description: The categories, sorted by name, in the words of the options of M(baremetal.bcm.bcm_category).
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: Name of the category., type: str, sample: default}
    software_image: {description: "Image of its nodes, with the revision where one is set.", type: str, sample: default-image}
    install_mode: {description: How its nodes are installed at every boot., type: str, sample: AUTO}
    new_node_install_mode: {description: How a node is installed the first time., type: str, sample: FULL}
    management_network: {description: Name of the management network., type: str, sample: internalnet}
    disksetup: {description: Disk layout as XML., type: str, sample: <diskSetup/>}
    initialize: {description: Script that runs before the installation., type: str, sample: ""}
    finalize: {description: Script that runs after the installation., type: str, sample: ""}
    kernel_output_console: {description: Console of the kernel., type: str, sample: ""}
    fsmounts: {description: File systems that nodes mount., type: list, elements: dict, sample: [{mountpoint: /home, device: "$localnfsserver:/home"}]}
    modules: {description: Kernel modules of the ramdisk., type: list, elements: dict, sample: [{name: nvidia, parameters: ""}]}
    services: {description: Services that BCM looks after., type: list, elements: dict, sample: []}
    gpu_settings: {description: Settings of GPUs., type: list, elements: dict, sample: []}
    kernel_version: {description: "Kernel version, empty for the image's own.", type: str, sample: ""}
    kernel_parameters: {description: Kernel parameters., type: str, sample: iommu=pt}
    boot_loader: {description: Boot loader., type: str, sample: GRUB}
    boot_loader_protocol: {description: Protocol of the boot loader., type: str, sample: HTTP}
    bmc_settings: {description: Access to the BMC with the password hidden; null where unset., type: dict, sample: {username: bright, password: "********"}}
    roles: {description: BCM roles., type: list, elements: dict, sample: []}
    notes: {description: Free text., type: str, sample: ""}
    uuid: {description: BCM's identifier., type: str, sample: 0ae6d733-3015-4479-bfab-ce2d237a2809}
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
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.read import pick, read_references
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.category import category_to_ansible

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

    from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.client import HeadNode


SPEC = FILTER


def work(module: AnsibleModule, head_node: HeadNode) -> dict[str, Any]:
    references = read_references(head_node)
    categories = pick("category", [dict(raw) for raw in references.categories.raw.values()], module.params["names"])
    return {"changed": False, "categories": [category_to_ansible(raw, references) for raw in categories]}


def main() -> None:
    run_module(SPEC, work)


if __name__ == "__main__":
    main()
