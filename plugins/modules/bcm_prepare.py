#!/usr/bin/python
# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Check, claim and register the hosts of a play, and decide what is left to be done with each."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bcm_prepare
short_description: Check, claim and register the hosts of a play, and decide what is left to be done with each
version_added: 0.1.0
description:
  - All that a provisioning run does before power, for all nodes in one task, with one login and one reading of the cluster.
  - Checks the variables of the run and the inventory as M(baremetal.bcm.bcm_preflight) does, and changes nothing where they are wrong.
  - Claims the nodes that are to be changed (M(baremetal.bcm.bcm_claim)), brings categories and nodes to what the inventory says
    (M(baremetal.bcm.bcm_categories), M(baremetal.bcm.bcm_devices)), and decides as M(baremetal.bcm.bcm_provision) does. It powers nothing.
  - Where nothing is left to be done with any node, it gives the claims back and reports as M(baremetal.bcm.bcm_report) does. Otherwise the
    claims are kept for M(baremetal.bcm.bcm_provision) and have to be given back at the end.
  - A node that can't be registered is in RV(failures), and does not fail the task.
author:
  - The baremetal.bcm contributors (!UNKNOWN)
extends_documentation_fragment:
  - baremetal.bcm.connection
  - baremetal.bcm.attributes
  - baremetal.bcm.category_list
  - baremetal.bcm.provisioning
  - baremetal.bcm.provisioning.pace
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  hosts:
    description:
      - Inventory names of the hosts, whose C(bcm_) variables say what each node should be. See P(baremetal.bcm.desired_device#filter).
      - An empty list is an error, never all hosts.
    type: list
    elements: str
    required: true
  categories:
    description: Categories that are created or changed, each with the options of M(baremetal.bcm.bcm_category).
    default: []
  allow_member_change:
    description: Whether changes of a category may have nodes installed anew that are not among O(hosts).
    type: bool
    default: false
  allow_mac_change:
    description: Whether a node may get another MAC address than it has in BCM.
    type: bool
    default: false
  plan:
    description:
      - File on the controller with what the run would do. Check mode writes it; otherwise the task fails, and changes nothing, unless it still holds.
      - See M(baremetal.bcm.bcm_plan).
    type: path
  plan_content:
    description: RV(content) of an earlier task in place of the file.
    type: str
  report_path:
    description: File to which the report is written as JSON, where nothing is left to be done.
    type: path
  report_html:
    description: File to which the report is written as a page, where nothing is left to be done.
    type: path
"""

EXAMPLES = r"""
- name: See what would be registered, and what would be left to be done
  baremetal.bcm.bcm_prepare:
    hosts:
      - dgx-05
      - dgx-06
    enable_power_action: true
  check_mode: true
  register: prepared
"""

RETURN = r"""
left:
  description: The hosts with which something is left to be done.
  returned: success
  type: list
  elements: str
  sample: [dgx-05.example.com]
node_names:
  description: The names in BCM by inventory name.
  returned: success
  type: dict
  sample: {dgx-05.example.com: dgx-05}
nodes:
  description: What was decided for each node, by its name in BCM, as RV(baremetal.bcm.bcm_provision#module:nodes); and why others could not be registered.
  returned: success
  type: dict
  sample: {dgx-05: {action: power_on, reason: install default-image}}
run:
  description: The figures of the run to come, as RV(baremetal.bcm.bcm_provision#module:run).
  returned: success
  type: dict
  sample: {nodes: 20, slots: 10, bound_seconds: 690.0}
failures:
  description: Why nodes could not be registered, or are refused, by name.
  returned: success
  type: dict
  sample: {}
refused:
  description: Those of RV(failures) that others are at work on.
  returned: success
  type: list
  elements: str
  sample: []
claimed:
  description: The nodes that were claimed.
  returned: success
  type: list
  elements: str
  sample: [dgx-05]
categories:
  description: What became of each category, as RV(baremetal.bcm.bcm_categories#module:categories).
  returned: success
  type: dict
  sample: {}
reassigned:
  description: Nodes that are to be installed anew, for O(baremetal.bcm.bcm_provision#module:reassigned).
  returned: success
  type: list
  elements: str
  sample: []
assignments:
  description: What the nodes that are left are assigned, for O(baremetal.bcm.bcm_provision#module:assignments).
  returned: success
  type: dict
  sample: {}
planned:
  description: What may be done with each node, for O(baremetal.bcm.bcm_provision#module:planned); null without a plan.
  returned: success
  type: dict
  sample: null
content:
  description: The plan as one word; null without a plan.
  returned: success
  type: str
  sample: null
report:
  description: The report, as M(baremetal.bcm.bcm_report) returns it; empty where something is left to be done.
  returned: success
  type: dict
  sample: {}
problems:
  description: What is wrong with the inventory or the head node; then nothing was changed.
  returned: success or failure
  type: list
  elements: str
  sample: []
remarks:
  description: What is worth knowing and no reason to stop.
  returned: success
  type: list
  elements: str
  sample: []
to_check:
  description: What BCM's interface does not show.
  returned: success
  type: list
  elements: str
  sample: []
version:
  description: The version of BCM, empty where it may not be read.
  returned: success
  type: str
  sample: "11.0"
"""
