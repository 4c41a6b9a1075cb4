#!/usr/bin/python
# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read devices of a BCM head node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bcm_device_info
short_description: Read devices of a BCM head node
version_added: 0.1.0
description:
  - Lists devices as BCM stores them, with names instead of identifiers and passwords hidden.
  - For what a node is doing right now, see M(baremetal.bcm.bcm_status_info).
author:
  - The baremetal.bcm contributors (!UNKNOWN)
extends_documentation_fragment:
  - baremetal.bcm.connection
  - baremetal.bcm.attributes
  - baremetal.bcm.attributes.reads
options:
  names:
    description: Only these devices. One that does not exist is listed under RV(missing).
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: List all devices
  baremetal.bcm.bcm_device_info:
  register: cluster

- name: Look at two nodes
  baremetal.bcm.bcm_device_info:
    names:
      - dgx-05
      - dgx-06
"""

RETURN = r"""
devices:
  description:
    - The devices in the order of their names, in the words of the options of M(baremetal.bcm.bcm_device).
    - Head nodes and other devices that are no nodes lack what only nodes have.
  returned: success
  type: list
  elements: dict
  contains:
    hostname: {description: Host name., type: str, sample: dgx-05}
    type: {description: BCM's kind of device., type: str, sample: PhysicalNode}
    mac: {description: MAC address it boots with., type: str, sample: "94:6D:AE:5C:05:01"}
    category: {description: Name of its category., type: str, sample: default}
    management_network: {description: Management network where it is not the category's., type: str, sample: dgxnet}
    management_ip: {description: Address of the interface that boots., type: str, sample: 10.184.162.109}
    bmc_ip: {description: Address of its BMC., type: str, sample: 10.229.10.15}
    boot_interface: {description: Name of the interface that boots., type: str, sample: BOOTIF}
    interfaces: {description: Network interfaces., type: list, elements: dict, sample: [{name: BOOTIF, type: physical, ip: 10.184.162.109}]}
    power_control: {description: The interface that power goes through., type: str, sample: ipmi0}
    software_image: {description: "The image it is assigned, its own or its category's.", type: str, sample: default-image}
    software_image_override: {description: "The image of its own, null where the category's counts.", type: str, sample: null}
    install_mode: {description: "Install mode, empty for the category's.", type: str, sample: ""}
    next_boot_install_mode: {description: Install mode of the next boot only., type: str, sample: ""}
    labels: {description: Words of the user's own., type: list, elements: str, sample: [gpu]}
    serial_number: {description: Serial number (BCM 11)., type: str, sample: ""}
    part_number: {description: Part number (BCM 11)., type: str, sample: ""}
    kernel_version: {description: "Kernel version, empty for the image's own.", type: str, sample: ""}
    kernel_parameters: {description: Kernel parameters., type: str, sample: iommu=pt}
    boot_loader: {description: Boot loader., type: str, sample: GRUB}
    boot_loader_protocol: {description: Protocol of the boot loader., type: str, sample: HTTP}
    bmc_settings: {description: Access to the BMC with the password hidden; null where unset., type: dict, sample: {username: bright, password: "********"}}
    roles: {description: BCM roles., type: list, elements: dict, sample: []}
    notes: {description: Free text., type: str, sample: ""}
    uuid: {description: BCM's identifier., type: str, sample: 0ae6d733-3015-4479-bfab-ce2d237a2809}
missing:
  description: Those of O(names) that BCM does not know.
  returned: success
  type: list
  elements: str
  sample: []
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
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.read import read_devices, read_references
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.device import device_to_ansible

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

    from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.client import HeadNode


SPEC = FILTER


def work(module: AnsibleModule, head_node: HeadNode) -> dict[str, Any]:
    references = read_references(head_node)
    devices = read_devices(head_node)
    names = module.params["names"] if module.params["names"] is not None else sorted(devices)
    return {
        "changed": False,
        "devices": [device_to_ansible(devices[name], references) for name in names if name in devices],
        "missing": [name for name in names if name not in devices],
    }


def main() -> None:
    run_module(SPEC, work)


if __name__ == "__main__":
    main()
