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
author:
  - The baremetal.bcm contributors (!UNKNOWN)
extends_documentation_fragment:
  - baremetal.bcm.connection
  - baremetal.bcm.attributes
  - baremetal.bcm.entity
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  devices:
    description: The nodes, each with the options of M(baremetal.bcm.bcm_device).
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
          - Network interfaces, merged by name. Exactly one must be O(devices[].interfaces[].bootable); it needs an address or DHCP.
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
        description: Whether interfaces that O(devices[].interfaces) does not name are removed.
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
        description: Revision of O(devices[].software_image), V(-1) for the image itself and V(0) for the newest revision.
        type: int
      install_mode:
        description:
          - How it is installed at every boot; empty for the mode of its category.
          - BCM has no V(MINIMAL); it is sent as V(AUTO), the least work that still installs the image.
        type: str
        choices: ["", AUTO, FULL, MAIN, NOSYNC, SKIP, MINIMAL]
      roles:
        description:
          - BCM roles, merged by name. Words of your own, such as compute or gpu, go in O(devices[].labels).
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
        description: Whether roles that O(devices[].roles) does not name are removed.
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
  declared_categories:
    description:
      - Categories that an earlier task of the same run creates or changes, each with the options of M(baremetal.bcm.bcm_category).
      - Only looked at in check mode, where that task has not written them.
    type: list
    elements: dict
    default: []
  bulk_calls:
    description:
      - Whether new and changed nodes are sent in one call each instead of one call a node.
      - NVIDIA's own client knows these calls, but their answers are documented nowhere. Where the head node refuses one, single
        calls are used. What was stored is read back in any case.
    type: bool
    default: false
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
"""

from typing import TYPE_CHECKING, Any

from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.arguments import DEVICE
from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.devices import apply_devices
from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.runner import run_module

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

    from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.client import HeadNode


SPEC = {
    "devices": {"type": "list", "elements": "dict", "required": True, "options": DEVICE},
    "declared_categories": {"type": "list", "elements": "dict", "default": []},
    "bulk_calls": {"type": "bool", "default": False},
    "fail_on_error": {"type": "bool", "default": True},
}


def work(module: AnsibleModule, head_node: HeadNode) -> dict[str, Any]:
    result = apply_devices(
        head_node,
        module.params["devices"],
        check_mode=module.check_mode,
        declared_categories=module.params["declared_categories"],
        bulk=module.params["bulk_calls"],
    )
    if result["failures"] and module.params["fail_on_error"]:
        module.fail_json(msg="; ".join(result["failures"].values()), **result)
    return result


def main() -> None:
    run_module(SPEC, work)


if __name__ == "__main__":
    main()
