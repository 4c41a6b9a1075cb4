#!/usr/bin/python
# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Register, change and remove a node in BCM."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bcm_device
short_description: Register, change and remove a node in BCM
version_added: 0.1.0
description:
  - Creates a node, changes only what is named, or removes it.
  - Nothing is powered or installed; that is the work of M(baremetal.bcm.bcm_provision) and M(baremetal.bcm.bcm_power).
  - For many nodes use M(baremetal.bcm.bcm_devices), which does the same in a few calls.
author:
  - The baremetal.bcm contributors (!UNKNOWN)
extends_documentation_fragment:
  - baremetal.bcm.connection
  - baremetal.bcm.attributes
  - baremetal.bcm.claims
  - baremetal.bcm.claims.removal
  - baremetal.bcm.entity
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
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
      - Network interfaces, merged by name. Exactly one must be O(interfaces[].bootable); it needs an address or DHCP.
      - An empty list removes all interfaces.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - Name of the interface. V(BOOTIF) is whichever interface booted; with another name BCM needs a tag to show that
            the node boots, which is set.
          - The name of a BMC interface says its kind, such as V(ipmi0) or V(rf0); V(bmc) is taken as V(ipmi0).
        type: str
        required: true
      type:
        description: Kind of interface. Needed for one that does not exist yet.
        type: str
        choices: [physical, bond, bmc]
      mac:
        description: MAC address of the interface. A new physical interface needs one, unless it is the one that boots.
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
        description: Names of the interfaces in a bond, which the node has or gets.
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
    description: Whether interfaces that O(interfaces) does not name are removed.
    type: bool
    default: false
  bmc_settings:
    description:
      - How the head node logs in to the BMC. BCM looks at the node, then at its category, then at its partition.
    type: dict
    suboptions:
      username:
        description: User of the BMC. Compared, but never shown.
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
      - V(ipmi) and V(redfish) mean the node's own BMC interface of that kind, whose name begins with C(ipmi) or C(rf).
      - At creation, without this option, the first BMC interface.
    type: str
  software_image:
    description: Name of an image of its own; empty for that of its category.
    type: str
  software_image_revision:
    description: Revision of O(software_image), V(-1) for the image itself and V(0) for the newest revision.
    type: int
  install_mode:
    description:
      - How it is installed at every boot; empty for the mode of its category.
      - BCM has no V(MINIMAL); it is sent as V(AUTO), the least work that still installs the image.
    type: str
    choices: ["", AUTO, FULL, MAIN, NOSYNC, SKIP, MINIMAL]
  roles:
    description:
      - BCM roles, merged by name. A word alone is the name of a role. Words of your own, such as compute or gpu, go in O(labels).
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
    description: Whether roles that O(roles) does not name are removed.
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
"""

EXAMPLES = r"""
- name: Register a DGX worker
  baremetal.bcm.bcm_device:
    hostname: dgx-05
    mac: "94:6D:AE:5C:05:01"
    category: default
    management_network: dgxnet
    interfaces:
      - name: BOOTIF
        type: physical
        ip: 10.184.162.109
        network: dgxnet
        bootable: true
      - name: ipmi0
        type: bmc
        ip: 10.229.10.15
        network: oob-mgmt
    bmc_settings:
      username: bmcadmin
      password: "{{ vault_bmc_password }}"
    labels:
      - compute
      - gpu

- name: Give one node an image of its own and leave everything else as it is
  baremetal.bcm.bcm_device:
    hostname: dgx-05
    software_image: ubuntu-22.04-nvidia-550

- name: Remove a node from BCM
  baremetal.bcm.bcm_device:
    hostname: dgx-05
    state: absent
"""

RETURN = r"""
device:
  description: The node as BCM stores it, in the words of the options, the password hidden. In check mode as it would be.
  returned: success, when it exists afterwards
  type: dict
  sample: {hostname: dgx-05, category: default, management_ip: 10.184.162.109}
action:
  description: What was done, or in check mode would be.
  returned: success
  type: str
  sample: create
changes:
  description: Names of the options that differed.
  returned: success
  type: list
  elements: str
  sample: [category]
disruption:
  description: What the change costs a running node, one of V(none), V(restart), V(re-provision) and V(delete).
  returned: success
  type: str
  sample: none
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
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmError
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.devices import apply_devices
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.occupancy import Occupancy
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.options import (
    CLAIMS,
    DEVICE,
    REMOVAL,
    TAKES_WORDS,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.preflight_nodes import warn_of_aliases
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.power.credentials import spread_credentials
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.power.read_states import find_switched_on

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

    from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.client import HeadNode


def work(module: AnsibleModule, head_node: HeadNode) -> dict[str, Any]:
    options = {option: module.params[option] for option in DEVICE}
    warn_of_aliases(module.warn, [options])
    result = apply_devices(
        head_node,
        [options],
        check_mode=module.check_mode,
        occupancy=Occupancy.of_options(
            module.params, head_node, owner_of_task(module.params["claim_run"]), find_switched_on
        ),
        try_credentials=spread_credentials,
    )
    for message in result["failures"].values():
        raise BcmError(message)
    return {"diff": result["diff"], **result["devices"][options["hostname"]]}


def main() -> None:
    run_module({**DEVICE, **CLAIMS, **REMOVAL}, work, takes_words=TAKES_WORDS)


if __name__ == "__main__":
    main()
