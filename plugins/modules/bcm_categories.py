#!/usr/bin/python
# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Create, change and remove many categories in BCM."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bcm_categories
short_description: Create, change and remove many categories in BCM
version_added: 0.1.0
description:
  - Does for a list of categories what M(baremetal.bcm.bcm_category) does for one, with one write per category that differs, and as many
    reads for many as for one. Where categories are copies of others in the list, each step from copy to copy takes one read more.
  - The categories are planned in the order of the list, each as if those before it were written already. O(categories[].clone_from) may
    therefore name one that the same list creates further up, in check mode too.
  - A category that fails leaves the others alone, but for new ones that are a copy of it.
author:
  - The baremetal.bcm contributors (!UNKNOWN)
extends_documentation_fragment:
  - baremetal.bcm.connection
  - baremetal.bcm.attributes
  - baremetal.bcm.claims
  - baremetal.bcm.entity
  - baremetal.bcm.category_list
  - baremetal.bcm.category_members
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  categories:
    required: true
  fail_on_error:
    description:
      - Whether the task fails when a category failed. The others are done in any case.
      - Without it the caller looks at RV(failures).
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Create a category for GPU workers, and one that differs from it in its kernel parameters
  baremetal.bcm.bcm_categories:
    categories:
      - name: gpu-worker
        clone_from: default
        software_image: ubuntu-22.04-nvidia-535
        modules:
          - name: nvidia
      - name: gpu-worker-debug
        clone_from: gpu-worker
        kernel_parameters: debug

- name: Give a category another image, together with the nodes that are known to belong to it
  baremetal.bcm.bcm_categories:
    categories:
      - name: gpu-worker
        software_image: ubuntu-22.04-nvidia-550
    members:
      - dgx-05
      - dgx-06

- name: Remove both
  baremetal.bcm.bcm_categories:
    categories:
      - name: gpu-worker
        state: absent
      - name: gpu-worker-debug
        state: absent
"""

RETURN = r"""
categories:
  description: What became of each category, by name.
  returned: success or failure of single categories
  type: dict
  contains:
    NAME:
      description: One category.
      type: dict
      contains:
        changed: {description: Whether it was changed., type: bool, sample: true}
        action: {description: "One of none, create, update, delete.", type: str, sample: create}
        changes: {description: Names of the options that differed., type: list, elements: str, sample: [software_image]}
        disruption: {description: What the change costs the running nodes of the category., type: str, sample: none}
        affected_nodes:
          description: Nodes of the category, where the change has them installed anew.
          type: list
          elements: str
          sample: []
        category: {description: The category as it is stored now., type: dict, returned: when it exists afterwards, sample: {}}
        error: {description: Why it failed., type: str, returned: when it failed, sample: ""}
  sample: {gpu-worker: {changed: true, action: create}}
failures:
  description: Why categories failed, by name.
  returned: success or failure of single categories
  type: dict
  sample: {}
reassigned:
  description: Nodes that are to be installed with something else now, because their category was changed.
  returned: success or failure of single categories
  type: list
  elements: str
  sample: []
debug_calls:
  description: One line for each call to the head node; the last 500.
  returned: when debug_calls is set, or with -vvv
  type: list
  elements: str
  sample: ["cmdevice.getCategories: HTTP 200, 41 ms, 55 bytes sent, 10412 received"]
"""

from typing import TYPE_CHECKING, Any

from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.owner import owner_of_task
from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.runner import run_module
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.categories import apply_categories
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.occupancy import Occupancy
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.options import (
    CATEGORIES,
    CLAIMS,
    MEMBERS,
    TAKES_WORDS,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.preflight_nodes import warn_of_aliases
from ansible_collections.baremetal.bcm.plugins.module_utils._values.sentences import sentences

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

    from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.client import HeadNode


SPEC = {
    **CATEGORIES,
    **MEMBERS,
    **CLAIMS,
    "fail_on_error": {"type": "bool", "default": True},
}


def work(module: AnsibleModule, head_node: HeadNode) -> dict[str, Any]:
    warn_of_aliases(module.warn, module.params["categories"])
    result = apply_categories(
        head_node,
        module.params["categories"],
        check_mode=module.check_mode,
        occupancy=Occupancy.of_options(module.params, head_node, owner_of_task(module.params["claim_run"])),
        members=module.params["members"],
        allow_member_change=module.params["allow_member_change"],
    )
    if result["failures"] and module.params["fail_on_error"]:
        module.fail_json(msg="; ".join(sentences(result["failures"], "category", "categories")), **result)
    return result


def main() -> None:
    run_module(SPEC, work, takes_words=TAKES_WORDS)


if __name__ == "__main__":
    main()
