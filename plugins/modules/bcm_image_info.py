#!/usr/bin/python
# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read software images of a BCM head node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bcm_image_info
short_description: Read software images of a BCM head node
version_added: 0.1.0
description:
  - Lists the software images, with their revisions and whether one is still being copied.
author:
  - The baremetal.bcm contributors (!UNKNOWN)
extends_documentation_fragment:
  - baremetal.bcm.connection
  - baremetal.bcm.attributes
  - baremetal.bcm.attributes.reads
options:
  names:
    description: Only these images. One that does not exist is an error that names those which do.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: List all software images
  baremetal.bcm.bcm_image_info:
    head_node: bcm.example.com
    username: admin
    password: "{{ vault_bcm_password }}"
    ca_path: /etc/ssl/bcm-ca.pem
  register: images

- name: Look at one image, with the connection from the environment
  baremetal.bcm.bcm_image_info:
    names:
      - default-image
"""

RETURN = r"""
images:
  description: The images, sorted by name.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: Name of the image., type: str, sample: default-image}
    uuid: {description: BCM's identifier., type: str, sample: 8482c4e9-383c-43de-873f-8c54ee77ee74}
    path: {description: Directory on the head node., type: str, sample: /cm/images/default-image}
    kernel_version: {description: Version of its kernel., type: str, sample: 6.8.0-51-generic}
    kernel_parameters: {description: Kernel parameters., type: str, sample: rd.driver.blacklist=nouveau}
    kernel_output_console: {description: Console of the kernel., type: str, sample: tty0}
    modules: {description: Names of the kernel modules in its ramdisk., type: list, elements: str, sample: [ahci, nvme]}
    revision: {description: "Number of the revision, 0 for the image itself.", type: int, sample: 0}
    revisions: {description: Numbers of its revisions., type: list, elements: int, sample: [1, 2]}
    being_copied: {description: Whether a copy of its files is still under way., type: bool, sample: false}
    notes: {description: Free text., type: str, sample: ""}
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
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.read import pick
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.image import image_to_ansible

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

    from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.client import HeadNode


def work(module: AnsibleModule, head_node: HeadNode) -> dict[str, Any]:
    images = pick("software image", head_node.get_software_images(), module.params["names"])
    return {"changed": False, "images": [image_to_ansible(raw) for raw in images]}


def main() -> None:
    run_module(FILTER, work)


if __name__ == "__main__":
    main()
