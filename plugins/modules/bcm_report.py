#!/usr/bin/python
# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Report on nodes of a BCM cluster as a table and a file."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bcm_report
short_description: Report on nodes of a BCM cluster as a table and a file
version_added: 0.1.0
description:
  - Reads what a set of nodes is doing and prints it as a table, with a summary.
  - With O(results) it also tells what a run of M(baremetal.bcm.bcm_provision) did with them.
author:
  - The baremetal.bcm contributors (!UNKNOWN)
extends_documentation_fragment:
  - baremetal.bcm.connection
  - baremetal.bcm.attributes
attributes:
  check_mode:
    support: full
    details: The file is not written in check mode; the rest only reads.
  diff_mode:
    support: N/A
    details: Changes nothing.
  idempotent:
    support: full
options:
  names:
    description: Host names of the nodes. An empty list is an error, never all nodes.
    type: list
    elements: str
    required: true
  results:
    description: RV(baremetal.bcm.bcm_provision#module:nodes) of a run.
    type: dict
    default: {}
  path:
    description: File on the controller to which the report is written as JSON.
    type: path
  include_power:
    description: Whether to ask the BMCs of nodes that are DOWN whether they are switched off.
    type: bool
    default: true
  power_timeout:
    description: How long to wait for these BMCs, in seconds.
    type: float
    default: 60
"""

EXAMPLES = r"""
- name: Show what two nodes are doing
  baremetal.bcm.bcm_report:
    names:
      - dgx-05
      - dgx-06

- name: Keep a report
  baremetal.bcm.bcm_report:
    names:
      - dgx-05
    path: /var/tmp/bcm-report.json
"""

RETURN = r"""
nodes:
  description: One row a node, by host name.
  returned: success
  type: dict
  contains:
    HOSTNAME:
      description: One node.
      type: dict
      contains:
        hostname: {description: Host name., type: str, sample: dgx-05}
        state: {description: "One of active, provisioning, failed, powered_off, down and unknown.", type: str, sample: active}
        status: {description: BCM's own word., type: str, sample: UP}
        power: {description: "ON, OFF or UNKNOWN where the BMC was asked.", type: str, sample: null}
        ip: {description: Address of the interface that boots., type: str, sample: 10.184.162.109}
        bmc_ip: {description: Address of the BMC., type: str, sample: 10.229.10.15}
        category: {description: Category., type: str, sample: default}
        roles: {description: BCM roles and labels., type: list, elements: str, sample: [compute, gpu]}
        image: {description: The image it is assigned., type: str, sample: default-image}
        restart_required: {description: Whether only a restart brings a change into force., type: bool, sample: false}
        success: {description: Whether it is as it should be., type: bool, sample: true}
        outcome: {description: "One of successful, failed, skipped, pending and not_found.", type: str, sample: successful}
        failed: {description: Whether it counts as a failure of the run., type: bool, sample: false}
        phase: {description: Where it is on its way., type: str, sample: up}
        message: {description: The outcome in words., type: str, sample: UP after 6m05s}
        seconds: {description: Time from power to the outcome., type: float, returned: with O(results), sample: 365.2}
        action: {description: What was decided for it., type: str, returned: with O(results), sample: power_on}
  sample: {dgx-05: {state: active, status: UP, outcome: successful}}
provisioning_summary:
  description: Counts, and the names behind each.
  returned: success
  type: dict
  contains:
    total: {description: Number of nodes., type: int, sample: 5}
    successful: {description: Nodes that are as they should be., type: int, sample: 5}
    failed: {description: Nodes for which something was attempted in vain., type: int, sample: 0}
    not_found: {description: Nodes BCM does not know., type: int, sample: 0}
    pending: {description: Nodes for which nothing was attempted because it was not opted in., type: int, sample: 0}
    skipped: {description: Nodes that were left alone or refused., type: int, sample: 0}
    successful_nodes: {description: Their names., type: list, elements: str, sample: [dgx-05]}
    failed_nodes: {description: Their names., type: list, elements: str, sample: []}
    not_found_nodes: {description: Their names., type: list, elements: str, sample: []}
    pending_nodes: {description: Their names., type: list, elements: str, sample: []}
    skipped_nodes: {description: Their names., type: list, elements: str, sample: []}
  sample: {total: 5, successful: 5, failed: 0}
table:
  description: The lines that were printed.
  returned: success
  type: list
  elements: str
  sample: ["NODE    STATE", "dgx-05  active"]
"""
