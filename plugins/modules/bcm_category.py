#!/usr/bin/python
# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Create, change and remove a category in BCM."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bcm_category
short_description: Create, change and remove a category in BCM
version_added: 0.1.0
description:
  - Creates a category, changes only what is named, or removes it.
  - A category decides for all its nodes. A change that would have nodes installed anew which the caller did not name is refused,
    with their names, unless O(allow_member_change).
  - For many categories use M(baremetal.bcm.bcm_categories), which does the same in a few calls.
author:
  - The baremetal.bcm contributors (!UNKNOWN)
extends_documentation_fragment:
  - baremetal.bcm.connection
  - baremetal.bcm.attributes
  - baremetal.bcm.claims
  - baremetal.bcm.entity
  - baremetal.bcm.category_members
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  name:
    description: Name of the category.
    type: str
    required: true
  state:
    description: Whether it should exist.
    type: str
    choices:
      - present
      - absent
    default: present
  clone_from:
    description:
      - Name of a category that a new one is copied from. Looked at only at creation.
      - The plain way to get a category that differs from V(default) in a few points.
    type: str
  software_image:
    description: Name of the image of its nodes. Needed to create it, unless O(clone_from) is given.
    type: str
  software_image_revision:
    description: Revision of O(software_image), V(-1) for the image itself and V(0) for the newest revision.
    type: int
  install_mode:
    description:
      - How its nodes are installed at every boot.
      - BCM has no V(MINIMAL); it is sent as V(AUTO), the least work that still installs the image.
    type: str
    choices: [AUTO, FULL, MAIN, NOSYNC, SKIP, MINIMAL]
  new_node_install_mode:
    description: How a node is installed the first time.
    type: str
    choices: [AUTO, FULL, MAIN, NOSYNC, MINIMAL]
  management_network:
    description: Name of the management network of its nodes.
    type: str
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
  disksetup:
    description: Disk layout as XML, root element C(diskSetup). Checked to be well-formed before it is sent.
    type: str
  initialize:
    description: Text of a script that runs before the installation. A path is refused; use the P(ansible.builtin.file#lookup) lookup.
    type: str
  finalize:
    description: Text of a script that runs after the installation. A path is refused; use the P(ansible.builtin.file#lookup) lookup.
    type: str
  kernel_version:
    description: Kernel version; empty for that of the image.
    type: str
  kernel_parameters:
    description: Kernel parameters; empty for those of the image.
    type: str
  kernel_output_console:
    description: Console of the kernel; empty for that of the image.
    type: str
  boot_loader:
    description: Boot loader.
    type: str
    choices: [SYSLINUX, GRUB, grub2]
  boot_loader_protocol:
    description: Protocol of the boot loader.
    type: str
    choices: [TFTP, HTTP, HTTPS]
  fsmounts:
    description: File systems its nodes mount, merged by mount point. An empty list removes all.
    type: list
    elements: dict
    suboptions:
      mountpoint:
        description: Where it is mounted.
        type: str
        required: true
      device:
        description: What is mounted.
        type: str
      filesystem:
        description: Kind of file system.
        type: str
      mount_options:
        description: Mount options.
        type: str
      state:
        description: Whether the mount should exist.
        type: str
        choices:
          - present
          - absent
        default: present
  purge_fsmounts:
    description: Whether mounts that O(fsmounts) does not name are removed.
    type: bool
    default: false
  modules:
    description:
      - Kernel modules of the ramdisk, merged by name. A word alone is the name of a module.
      - An empty list removes all.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the module.
        type: str
        required: true
      parameters:
        description: Parameters of the module.
        type: str
      state:
        description: Whether the module should exist.
        type: str
        choices:
          - present
          - absent
        default: present
  purge_modules:
    description: Whether modules that O(modules) does not name are removed.
    type: bool
    default: false
  roles:
    description:
      - BCM roles, merged by name. A word alone is the name of a role.
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
  services:
    description:
      - Services that BCM looks after, merged by name. A word alone is the name of a service.
      - An empty list removes all.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the service.
        type: str
        required: true
      autostart:
        description: Whether BCM restarts it.
        type: bool
      monitored:
        description: Whether BCM monitors it.
        type: bool
      run_if:
        description: On which of a pair of head nodes it runs.
        type: str
        choices: [ALWAYS, ACTIVE, PASSIVE]
      state:
        description: Whether the service should exist.
        type: str
        choices:
          - present
          - absent
        default: present
  purge_services:
    description: Whether services that O(services) does not name are removed.
    type: bool
    default: false
  gpu_settings:
    description: Settings of NVIDIA GPUs, merged by range. An empty list removes all.
    type: list
    elements: dict
    suboptions:
      name:
        description: Range of GPUs, such as V(0-3).
        type: str
        required: true
      power_limit:
        description: Power limit in watts.
        type: int
      ecc_mode:
        description: ECC mode, such as V(ENABLED).
        type: str
      compute_mode:
        description: Compute mode, such as V(EXCLUSIVE_PROCESS).
        type: str
      mig_profiles:
        description: MIG profiles.
        type: list
        elements: str
      enable_persistence_mode:
        description:
          - No setting of BCM. It is refused with the way there is, a parameter in O(modules) or a script in O(finalize).
        type: raw
      state:
        description: Whether the setting should exist.
        type: str
        choices:
          - present
          - absent
        default: present
  purge_gpu_settings:
    description: Whether settings that O(gpu_settings) does not name are removed.
    type: bool
    default: false
  notes:
    description: Free text.
    type: str
"""

EXAMPLES = r"""
- name: Create a category for DGX workers, a copy of the default one with another image and kernel parameters
  baremetal.bcm.bcm_category:
    name: dgx-worker
    clone_from: default
    software_image: ubuntu-22.04-nvidia-535
    kernel_parameters: nvidia-drm.modeset=1 iommu=pt
    modules:
      - nvidia

- name: Change the boot loader and leave everything else as it is
  baremetal.bcm.bcm_category:
    name: dgx-worker
    boot_loader: GRUB

- name: Run a script after the installation
  baremetal.bcm.bcm_category:
    name: dgx-worker
    finalize: |
      #!/bin/bash
      touch /localdisk/etc/provisioned

- name: Remove it
  baremetal.bcm.bcm_category:
    name: dgx-worker
    state: absent
"""

RETURN = r"""
category:
  description: The category as BCM stores it, in the words of the options, the password hidden. In check mode as it would be.
  returned: success, when it exists afterwards
  type: dict
  sample: {name: dgx-worker, software_image: ubuntu-22.04-nvidia-535}
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
  sample: [software_image]
disruption:
  description: What the change costs the running nodes of the category, one of V(none), V(restart), V(re-provision) and V(delete).
  returned: success
  type: str
  sample: none
affected_nodes:
  description: Nodes of the category, where the change has them installed anew.
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

from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.owner import owner_of_task
from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.runner import run_module
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmError
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.categories import apply_categories
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.occupancy import Occupancy
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.options import (
    CATEGORY,
    CLAIMS,
    MEMBERS,
    TAKES_WORDS,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.preflight_nodes import warn_of_aliases

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

    from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.client import HeadNode


def work(module: AnsibleModule, head_node: HeadNode) -> dict[str, Any]:
    options = {option: module.params[option] for option in CATEGORY}
    warn_of_aliases(module.warn, [options])
    result = apply_categories(
        head_node,
        [options],
        check_mode=module.check_mode,
        occupancy=Occupancy.of_options(module.params, head_node, owner_of_task(module.params["claim_run"])),
        members=module.params["members"],
        allow_member_change=module.params["allow_member_change"],
    )
    for message in result["failures"].values():
        raise BcmError(message)
    return {"diff": result["diff"], **result["categories"][options["name"]]}


def main() -> None:
    run_module({**CATEGORY, **MEMBERS, **CLAIMS}, work, takes_words=TAKES_WORDS)


if __name__ == "__main__":
    main()
