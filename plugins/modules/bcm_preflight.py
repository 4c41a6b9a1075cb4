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
  - "On the head node: images, categories and networks that do not exist, images that are still being copied, host names and MAC
    addresses that another device owns, and provisioning slots."
author:
  - The baremetal.bcm contributors (!UNKNOWN)
extends_documentation_fragment:
  - baremetal.bcm.connection
  - baremetal.bcm.attributes
attributes:
  check_mode:
    support: full
    details: Only reads.
  diff_mode:
    support: N/A
    details: Only reads.
  idempotent:
    support: full
    details: Only reads.
options:
  nodes:
    description: The nodes of the run, each with the options of M(baremetal.bcm.bcm_device).
    type: list
    elements: dict
    required: true
    suboptions:
      hostname:
        description: Host name, without dots.
        type: str
        required: true
      state:
        description: Whether it should exist.
        type: str
        choices:
          - present
          - absent
        default: present
      mac:
        description: MAC address the node boots with. Needed to create it.
        type: str
      category:
        description: Name of its category. Needed to create it.
        type: str
      management_network:
        description: Name of its management network; empty for that of its category.
        type: str
      interfaces:
        description:
          - Network interfaces, merged by name. Exactly one must be O(nodes[].interfaces[].bootable); it needs an address or DHCP.
          - An empty list removes all interfaces.
        type: list
        elements: dict
        suboptions:
          name:
            description:
              - Name of the interface. V(BOOTIF) is whichever interface booted; with another name BCM needs a tag to show that
                the node boots, which is set.
              - The name of a BMC interface tells its kind, such as V(ipmi0) or V(rf0); V(bmc) is taken as V(ipmi0).
            type: str
            required: true
          type:
            description: Kind of interface. Needed for one that does not exist yet.
            type: str
            choices: [physical, bond, bmc]
          mac:
            description: MAC address of the interface.
            type: str
          ip:
            description: IPv4 address.
            type: str
          dhcp:
            description: Whether it gets its address by DHCP.
            type: bool
          network:
            description: Name of its network.
            type: str
          bootable:
            description: Whether the node boots over this interface by PXE.
            type: bool
          gateway:
            description: Gateway of a BMC interface.
            type: str
          vlan_id:
            description: VLAN of a BMC interface.
            type: int
          lan_channel:
            description: LAN channel of a BMC interface.
            type: int
          mode:
            description: Bonding mode of the kernel, as a number.
            type: int
          bond_options:
            description: Options of a bond.
            type: str
          members:
            description: Names of the interfaces in a bond.
            type: list
            elements: str
          state:
            description: Whether the interface should exist.
            type: str
            choices:
              - present
              - absent
            default: present
      purge_interfaces:
        description: Whether interfaces that O(nodes[].interfaces) does not name are removed.
        type: bool
        default: false
      bmc_settings:
        description:
          - How the head node logs in to the BMC. BCM looks at the node, then at its category, then at its partition.
        type: dict
        suboptions:
          username:
            description: User of the BMC.
            type: str
          password:
            description: Password of the BMC. BCM stores it in clear; it is compared, but never shown.
            type: str
          user_id:
            description: Number of the user in the BMC.
            type: int
          privilege:
            description: Privilege level of the user.
            type: str
            choices: [CALLBACK, USER, OPERATOR, ADMINISTRATOR, OEM_PROPRIETARY, NO_ACCESS]
          power_reset_delay:
            description: If positive, a reset becomes off, a wait of this many seconds, and on.
            type: int
          extra_arguments:
            description: Further arguments for the power tool of the head node.
            type: str
      power_control:
        description:
          - Name of the BMC interface that power goes through, or V(none).
          - At creation, without this option, the first BMC interface.
        type: str
      software_image:
        description: Name of an image of its own; empty for that of its category.
        type: str
      software_image_revision:
        description: Revision of O(nodes[].software_image), V(-1) for the image itself and V(0) for the newest revision.
        type: int
      install_mode:
        description:
          - How it is installed at every boot; empty for the mode of its category.
          - BCM has no V(MINIMAL); it is sent as V(AUTO), the least work that still installs the image.
        type: str
        choices: ["", AUTO, FULL, MAIN, NOSYNC, SKIP, MINIMAL]
      roles:
        description:
          - BCM roles, merged by name. Words of your own, such as compute or gpu, go in O(nodes[].labels).
          - An empty list removes all roles.
        type: list
        elements: dict
        suboptions:
          name:
            description: One of V(provisioning), V(boot), V(storage), V(backup), V(monitoring).
            type: str
            required: true
          max_provisioning_nodes:
            description: Provisioning slots of a provisioning role.
            type: int
          state:
            description: Whether the role should exist.
            type: str
            choices:
              - present
              - absent
            default: present
      purge_roles:
        description: Whether roles that O(nodes[].roles) does not name are removed.
        type: bool
        default: false
      labels:
        description: Words of your own, stored as BCM's user defined resources. An empty list clears them.
        type: list
        elements: str
      kernel_version:
        description: Kernel version; empty for that of the category or image.
        type: str
      kernel_parameters:
        description: Kernel parameters; empty for those of the category or image.
        type: str
      boot_loader:
        description: Boot loader.
        type: str
        choices: [SYSLINUX, GRUB, grub2, CATEGORY]
      boot_loader_protocol:
        description: Protocol of the boot loader.
        type: str
        choices: [TFTP, HTTP, HTTPS, CATEGORY]
      serial_number:
        description: Serial number. Needs BCM 11.
        type: str
      part_number:
        description: Part number. Needs BCM 11.
        type: str
      notes:
        description: Free text.
        type: str
  categories:
    description: Categories that the run creates or changes, each with the options of M(baremetal.bcm.bcm_category).
    type: list
    elements: dict
    default: []
  allow_mac_change:
    description: Whether a node that BCM knows with another MAC address is accepted, as after its board was swapped.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Check two nodes before anything is changed
  baremetal.bcm.bcm_preflight:
    nodes:
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
version:
  description: Version of BCM.
  returned: success or problems
  type: str
  sample: "11.0"
"""

from typing import TYPE_CHECKING, Any

from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.arguments import DEVICE
from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.runner import run_module
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node import preflight
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.status import Slots
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.snapshot import (
    assume_categories,
    read_devices,
    read_references,
    require_names,
)

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

    from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.client import HeadNode


SPEC = {
    "nodes": {"type": "list", "elements": "dict", "required": True, "options": DEVICE},
    "categories": {"type": "list", "elements": "dict", "default": []},
    "allow_mac_change": {"type": "bool", "default": False},
}


def work(module: AnsibleModule, head_node: HeadNode) -> dict[str, Any]:
    nodes, categories = module.params["nodes"], module.params["categories"]
    require_names([node["hostname"] for node in nodes])
    problems = preflight.check_inventory(nodes)
    references = assume_categories(read_references(head_node), categories)
    problems += preflight.check_references(nodes, categories, references)
    allow = module.params["allow_mac_change"]
    problems += preflight.check_owners(nodes, read_devices(head_node), allow_mac_change=allow)
    slots = Slots.from_api(head_node.get_provisioning_status())
    slot_problems, remarks = preflight.check_slots(slots, len(nodes))
    result: dict[str, Any] = {
        "changed": False,
        "problems": [str(problem) for problem in (*problems, *slot_problems)],
        "remarks": remarks,
        "version": str(head_node.get_version().get("cm_version", "")),
    }
    if result["problems"]:
        listed = "; ".join(result["problems"])
        module.fail_json(msg=f"nothing was changed, {len(result['problems'])} problems: {listed}", **result)
    return result


def main() -> None:
    run_module(SPEC, work)


if __name__ == "__main__":
    main()
