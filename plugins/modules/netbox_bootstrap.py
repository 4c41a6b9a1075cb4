#!/usr/bin/python
# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Prepare NetBox for the lifecycle."""

from __future__ import annotations

DOCUMENTATION = r"""
module: netbox_bootstrap
short_description: Prepare NetBox for the lifecycle of servers
version_added: 0.1.0
description:
  - Checks whether NetBox has what M(baremetal.bcm.netbox_lifecycle) needs, and creates what can be created through its API, which are
    custom fields, their choices, and tags.
  - Statuses of devices can't be created through the API. NetBox has no C(discovered) and no C(ready) by itself. What must stand in its
    configuration then comes back in RV(field_choices).
  - What is there already is never taken away. Choices are added to a custom field that has others.
author:
  - The baremetal.bcm contributors (!UNKNOWN)
extends_documentation_fragment:
  - baremetal.bcm.netbox
  - baremetal.bcm.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  state_field:
    description:
      - Where the state is to live. The same as O(baremetal.bcm.netbox_lifecycle#module:state_field).
    type: str
    default: status
  tags:
    description:
      - Names of tags that must be there.
    type: list
    elements: str
    default: []
  validation:
    description:
      - Whether devices need the custom field C(validation_result), of type JSON, which a validation server writes. It admits nobody without.
      - The fields of O(hardening) are made too, for M(baremetal.bcm.netbox_validation) powers only what it has claimed there.
    type: bool
    default: false
  hardening:
    description:
      - Whether devices need the custom fields C(bmc_claim), of type JSON, and C(bmc_certificate), of type text. The Redfish modules keep
        there which run is changing a BMC, and which certificate of it is trusted.
    type: bool
    default: false
  fail_on_missing:
    description:
      - Whether the task fails when statuses are missing, which only a change of NetBox's configuration can add. The rest is done in any case.
    type: bool
    default: true
seealso:
  - module: baremetal.bcm.netbox_lifecycle
"""

EXAMPLES = r"""
- name: Keep the state in a custom field, which needs no change of the configuration of NetBox
  baremetal.bcm.netbox_bootstrap:
    url: https://netbox.example.com
    token: "{{ vault_netbox_token }}"
    state_field: custom_field:lifecycle
    tags: [intake]
    validation: true
    hardening: true

- name: Check whether devices may have the statuses that the lifecycle needs
  baremetal.bcm.netbox_bootstrap:
    url: https://netbox.example.com
    token: "{{ vault_netbox_token }}"
    fail_on_missing: false
  register: netbox

- name: Show what must stand in the configuration of NetBox
  ansible.builtin.debug:
    msg: "{{ netbox.field_choices }}"
  when: netbox.missing_statuses | length > 0
"""

RETURN = r"""
missing_statuses:
  description: Statuses that devices need and NetBox does not have. Empty where the state lives in a custom field.
  returned: success or missing statuses
  type: list
  elements: str
  sample: [discovered, ready]
field_choices:
  description: What must stand in the file C(configuration.py) of NetBox to add them. NetBox must be restarted after that.
  returned: success or missing statuses
  type: str
  sample: "FIELD_CHOICES = {'dcim.Device.status+': (('discovered', 'Discovered', 'cyan'), ('ready', 'Ready', 'teal'))}"
created:
  description: What was created or changed.
  returned: success or missing statuses
  type: list
  elements: str
  sample: [custom field lifecycle, tag intake]
debug_calls:
  description: One line for each request to NetBox; the last 500.
  returned: when debug_calls is set, or with -vvv
  type: list
  elements: str
  sample: ["GET /api/dcim/devices/: HTTP 200, 41 ms, 0 bytes sent, 10412 received"]
"""

from typing import TYPE_CHECKING, Any

from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.runner import run_netbox_module
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.register import CERTIFICATE, CLAIM
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.lifecycle.bootstrap import (
    ObjectChange,
    apply_changes,
    field_choices,
    missing_statuses,
    plan_custom_field,
    plan_plain_field,
    plan_tags,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.lifecycle.state import StateField

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

    from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.client import NetBox


SPEC = {
    "state_field": {"type": "str", "default": "status"},
    "tags": {"type": "list", "elements": "str", "default": []},
    "validation": {"type": "bool", "default": False},
    "hardening": {"type": "bool", "default": False},
    "fail_on_missing": {"type": "bool", "default": True},
}


def plan(module: AnsibleModule, netbox: NetBox, custom_field: str) -> list[ObjectChange]:
    changes = plan_custom_field(netbox, custom_field) if custom_field else []
    if module.params["validation"]:
        changes += plan_plain_field(netbox, "validation_result", "json")
    if module.params["validation"] or module.params["hardening"]:
        changes += [*plan_plain_field(netbox, CLAIM, "json"), *plan_plain_field(netbox, CERTIFICATE, "text")]
    return changes + plan_tags(netbox, module.params["tags"])


def work(module: AnsibleModule, netbox: NetBox) -> dict[str, Any]:
    name = StateField(module.params["state_field"]).custom_field
    missing = [] if name else missing_statuses(netbox)
    changes = plan(module, netbox, name)
    netbox.require(("POST" if change.object_id is None else "PATCH", change.path) for change in changes)
    if not module.check_mode:
        changes = apply_changes(netbox, changes, lambda: plan(module, netbox, name))
    result: dict[str, Any] = {
        "changed": bool(changes),
        "diff": [change.diff() for change in changes],
        "missing_statuses": missing,
        "field_choices": field_choices(missing),
        "created": [change.what for change in changes],
    }
    if missing and module.params["fail_on_missing"]:
        module.fail_json(
            msg=f"devices can't have the status {' and '.join(missing)}: add to the configuration.py of NetBox, and "
            f"restart it:\n{result['field_choices']}",
            **result,
        )
    return result


def main() -> None:
    run_netbox_module(SPEC, work)


if __name__ == "__main__":
    main()
