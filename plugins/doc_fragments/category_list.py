# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# Written by `make doc-fragments` from the documentation of bcm_category: change it there.
"""The option that takes many categories."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  categories:
    description: Categories, each with the options of M(baremetal.bcm.bcm_category).
    type: list
    elements: dict
    suboptions:
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
        description: Name of the image of its nodes. Needed to create it, unless O(categories[].clone_from) is given.
        type: str
      software_image_revision:
        description: Revision of O(categories[].software_image), V(-1) for the image itself and V(0) for the newest revision.
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
        description: Whether mounts that O(categories[].fsmounts) does not name are removed.
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
        description: Whether modules that O(categories[].modules) does not name are removed.
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
        description: Whether roles that O(categories[].roles) does not name are removed.
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
        description: Whether services that O(categories[].services) does not name are removed.
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
              - No setting of BCM. It is refused with the way there is, a parameter in O(categories[].modules) or a script in O(categories[].finalize).
            type: raw
          state:
            description: Whether the setting should exist.
            type: str
            choices:
              - present
              - absent
            default: present
      purge_gpu_settings:
        description: Whether settings that O(categories[].gpu_settings) does not name are removed.
        type: bool
        default: false
      notes:
        description: Free text.
        type: str
"""
