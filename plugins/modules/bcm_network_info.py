#!/usr/bin/python
# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read networks of a BCM head node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bcm_network_info
short_description: Read networks of a BCM head node
version_added: 0.1.0
description:
  - Lists the networks that interfaces and management networks can refer to.
author:
  - The baremetal.bcm contributors (!UNKNOWN)
extends_documentation_fragment:
  - baremetal.bcm.connection
  - baremetal.bcm.attributes
  - baremetal.bcm.attributes.reads
options:
  names:
    description: Only these networks. One that does not exist is an error that names those which do.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: List all networks
  baremetal.bcm.bcm_network_info:
    head_node: bcm.example.com
    client_cert: ~/.cm/admin.pem
    client_key: ~/.cm/admin.key
    ca_path: /etc/ssl/bcm-ca.pem
  register: networks

- name: Make sure that a network exists before anything refers to it
  baremetal.bcm.bcm_network_info:
    names:
      - dgxnet
"""

RETURN = r"""
networks:
  description: The networks, sorted by name.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: Name of the network., type: str, sample: dgxnet}
    uuid: {description: BCM's identifier., type: str, sample: 84d8d82b-3ae7-4433-a793-bb44d5c3b4fe}
    type: {description: Kind of network., type: str, sample: INTERNAL}
    cidr: {description: Address and length of the netmask., type: str, sample: 10.184.162.0/24}
    gateway: {description: Gateway., type: str, sample: 10.184.162.1}
    domain: {description: DNS domain., type: str, sample: eth.cluster}
    management: {description: Whether nodes may be managed over it., type: bool, sample: true}
    bootable: {description: Whether nodes may boot over it., type: bool, sample: true}
    dynamic_range_start: {description: First address for nodes that are not known yet., type: str, sample: 10.184.162.200}
    dynamic_range_end: {description: Last address for nodes that are not known yet., type: str, sample: 10.184.162.250}
    mtu: {description: MTU in bytes., type: int, sample: 1500}
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
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.network import network_to_ansible

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

    from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.client import HeadNode


def work(module: AnsibleModule, head_node: HeadNode) -> dict[str, Any]:
    networks = pick("network", head_node.get_networks(), module.params["names"])
    return {"changed": False, "networks": [network_to_ansible(raw) for raw in networks]}


def main() -> None:
    run_module(FILTER, work)


if __name__ == "__main__":
    main()
