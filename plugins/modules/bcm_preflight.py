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

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.runner import run_module
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmApiError, BcmAuthError
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes import (
    network_checks,
    preflight,
    preflight_nodes,
    prerequisites,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.categories import assume_categories
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.guards import require_names
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.options import (
    DECLARED_CATEGORIES,
    DEVICES,
    TAKES_WORDS,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.prerequisites import Findings
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.read import read_devices, read_references
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.licence import Licence
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.slots import Slots
from ansible_collections.baremetal.bcm.plugins.module_utils._values.certificate import certificates_in
from ansible_collections.baremetal.bcm.plugins.module_utils._values.clock import SystemClock
from ansible_collections.baremetal.bcm.plugins.module_utils._values.names import count

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible.module_utils.basic import AnsibleModule

    from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.client import HeadNode


SPEC = {
    **DEVICES,
    **DECLARED_CATEGORIES,
    "allow_mac_change": {"type": "bool", "default": False},
}


def work(module: AnsibleModule, head_node: HeadNode) -> dict[str, Any]:
    nodes, categories = module.params["devices"], module.params["categories"]
    require_names([node["hostname"] for node in nodes])
    problems = preflight.check_inventory(nodes)
    references = read_references(head_node, partitions=False)
    category_images = preflight.images_of_categories(references)
    stored_categories = {str(raw["name"]): dict(raw) for raw in references.categories.raw.values()}
    references = assume_categories(references, categories)
    problems += preflight.check_references(nodes, categories, references)
    known = read_devices(head_node)
    problems += preflight.check_new(nodes, known)
    problems += preflight.check_owners(nodes, known, allow_mac_change=module.params["allow_mac_change"])
    problems += preflight_nodes.check_addresses(nodes, known, references)
    problems += preflight_nodes.check_plans(
        nodes, categories, known, references, stored_categories=stored_categories, known=problems
    )
    status = head_node.get_provisioning_status()
    slot_problems, remarks = preflight.check_slots(Slots.from_api(status), len(nodes))
    version = _read(head_node.get_version) or ""
    licence, now_s = _read(head_node.get_licence), SystemClock().wall_s()
    certificates, unreadable = _certificates(module.params, head_node)
    found = Findings.joined(
        [
            prerequisites.check_version(version),
            prerequisites.check_licence(
                None if licence is None else Licence.from_api(licence),
                known,
                [node["hostname"] for node in nodes if node["state"] != "absent"],
                now_s,
            ),
            prerequisites.check_certificates(certificates, now_s),
            prerequisites.check_provisioners(nodes, status, known, references),
            network_checks.check_networks(nodes, known, references),
            network_checks.check_taken_addresses(nodes, known),
            Findings(warnings=preflight_nodes.find_warnings(nodes, categories, known, references)),
            Findings(to_check=(*unreadable, *prerequisites.NOT_SEEN)),
        ]
    )
    for warning in found.warnings:
        module.warn(warning)
    result: dict[str, Any] = {
        "changed": False,
        "problems": preflight.describe((*problems, *slot_problems, *found.problems)),
        "remarks": [*remarks, *found.warnings, *found.remarks],
        "category_images": category_images,
        "to_check": list(found.to_check),
        "version": version,
    }
    if result["problems"]:
        listed = "; ".join(result["problems"])
        module.fail_json(msg=f"nothing was changed, {count(len(result['problems']), 'problem')}: {listed}", **result)
    return result


def _read(call: Callable[[], Any]) -> Any:
    """Return what a call answers; None where this head node or this account has no such call."""
    try:
        return call()
    except (BcmApiError, BcmAuthError):
        return None


def _certificates(params: dict[str, Any], head_node: HeadNode) -> tuple[dict[str, list[bytes]], list[str]]:
    """Return the certificates of the connection, in DER by what they are, and what has to be looked at by hand."""
    files = {"the certificate authority (ca_path)": params["ca_path"], "the client certificate": params["client_cert"]}
    found = {what: certificates_in(Path(path).read_text(encoding="ascii")) for what, path in files.items() if path}
    shown = head_node.server_certificate
    if shown is not None:
        found["the certificate of the head node"] = [shown]
    return found, [] if params["ca_path"] else [prerequisites.CA_NOT_SEEN]


def main() -> None:
    run_module(SPEC, work, takes_words=TAKES_WORDS)


if __name__ == "__main__":
    main()
