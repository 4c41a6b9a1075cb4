#!/usr/bin/python
# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Report on nodes of a BCM cluster as a table, a file and a page."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bcm_report
short_description: Report on nodes of a BCM cluster as a table, a file and a page
version_added: 0.1.0
description:
  - Reads what a set of nodes is doing and prints it as a table, with a summary.
  - With O(results) it also shows what a run of M(baremetal.bcm.bcm_provision) did with them. Without, it shows the last run that
    was recorded on each of them.
  - Makes four calls to the head node, whatever the number of nodes, and asks for the power state of nodes that are DOWN.
author:
  - The baremetal.bcm contributors (!UNKNOWN)
extends_documentation_fragment:
  - baremetal.bcm.connection
  - baremetal.bcm.attributes
attributes:
  check_mode:
    support: full
    details: The files are not written in check mode; the rest only reads.
  diff_mode:
    support: N/A
    details: Changes nothing.
  idempotent:
    support: full
options:
  names:
    description:
      - Names of the nodes in BCM. An empty list is an error, never all nodes.
      - Either this or O(hosts) is required.
    type: list
    elements: str
  hosts:
    description: Inventory names of hosts, in place of O(names). They must have one head node.
    type: list
    elements: str
  results:
    description: RV(baremetal.bcm.bcm_provision#module:nodes) of a run.
    type: dict
    default: {}
  run:
    description: RV(baremetal.bcm.bcm_provision#module:run) of the same run.
    type: dict
    default: {}
  path:
    description:
      - File on the controller to which the report is written as JSON, readable for its owner only.
      - It has RV(nodes), each with its RV(timelines) as C(timeline), RV(provisioning_summary) and RV(run).
    type: path
  html:
    description:
      - File on the controller to which the report is written as a page, readable for its owner only.
      - The page has a chart of the phases of every node over time. It needs only a browser, no network and no script.
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
    html: /var/tmp/bcm-report.html
"""

RETURN = r"""
nodes:
  description: One row per node, by host name.
  returned: success
  type: dict
  contains:
    HOSTNAME:
      description: One node.
      type: dict
      contains:
        hostname: {description: Host name., type: str, sample: dgx-05}
        requested: {description: "Whether the report was asked for it, which is so for every row.", type: bool, sample: true}
        found: {description: Whether the head node knows it., type: bool, sample: true}
        uuid: {description: Identifier of the device; null where the head node does not know it., type: str, sample: 8d5b2f6e-0000-4c1f-9f57-8a1f3c2d7e01}
        mac: {description: MAC address of the device., type: str, sample: "94:6D:AE:5C:05:01"}
        state:
          description:
            - One of V(active), V(provisioning), V(failed), V(powered_off) and V(unknown).
            - A node for which this run or an earlier one failed is V(failed) until it is UP or another run works on it. A node that is DOWN and
              not known to be switched off is V(unknown).
          type: str
          sample: active
        status: {description: BCM's own word., type: str, sample: UP}
        power: {description: "ON, OFF or UNKNOWN where the BMC was asked.", type: str, sample: null}
        ip: {description: Address of the interface that boots., type: str, sample: 10.184.162.109}
        bmc_ip: {description: Address of the BMC., type: str, sample: 10.229.10.15}
        category: {description: Category., type: str, sample: default}
        roles: {description: BCM roles and labels., type: list, elements: str, sample: [compute, gpu]}
        image: {description: The image it is assigned., type: str, sample: default-image}
        restart_required: {description: Whether only a restart brings a change into force., type: bool, sample: false}
        success: {description: Whether it is as it should be. Never of a node that is not UP now., type: bool, sample: true}
        outcome:
          description:
            - One of V(successful), V(failed), V(skipped), V(under_way), V(pending) and V(not_found).
            - With O(results) that of the run; but a node that the run brought UP and that is not UP now is V(failed).
            - Without, V(under_way) is a node that is being installed or that a run has powered and not finished, and V(pending) one with which
              nothing was attempted.
          type: str
          sample: successful
        failed: {description: Whether it counts as a failure of the run., type: bool, sample: false}
        phase:
          description:
            - Where it is on its way now; null where no status is known.
            - Of a node that is V(failed) because a run failed for it, the phase in which that was.
          type: str
          sample: up
        message: {description: The outcome in words., type: str, sample: UP after 6m05s}
        started: {description: "When the run took it on, or the last recorded one did; seconds since the epoch.", type: float, sample: 1763640000.0}
        seconds: {description: How long that run took for it., type: float, sample: 365.2}
        ended: {description: "How that run ended for it, up or failed.", type: str, sample: up}
        longest_phase: {description: The phase it was in for longest., type: str, sample: installing}
        longest_seconds: {description: How long it was in that phase., type: float, sample: 301.5}
        action: {description: What was decided for it., type: str, returned: with O(results), sample: power_on}
  sample: {dgx-05: {state: active, status: UP, outcome: successful}}
provisioning_summary:
  description: Counts, and the names behind each.
  returned: success
  type: dict
  contains:
    total: {description: Number of nodes., type: int, sample: 5}
    successful: {description: Nodes that are as they should be., type: int, sample: 5}
    failed: {description: Nodes for which something was attempted and failed., type: int, sample: 0}
    not_found: {description: Nodes BCM does not know., type: int, sample: 0}
    under_way: {description: Nodes that are being installed; none after a run., type: int, sample: 0}
    pending: {description: Nodes with which nothing was attempted., type: int, sample: 0}
    skipped: {description: Nodes that were left alone or refused., type: int, sample: 0}
    successful_nodes: {description: Their names., type: list, elements: str, sample: [dgx-05]}
    failed_nodes: {description: Their names., type: list, elements: str, sample: []}
    not_found_nodes: {description: Their names., type: list, elements: str, sample: []}
    under_way_nodes: {description: Their names., type: list, elements: str, sample: []}
    pending_nodes: {description: Their names., type: list, elements: str, sample: []}
    skipped_nodes: {description: Their names., type: list, elements: str, sample: []}
  sample: {total: 5, successful: 5, failed: 0}
timelines:
  description: The phases of each node in the run, or in the last recorded one, by host name. Nodes without any are left out.
  returned: success
  type: dict
  contains:
    HOSTNAME:
      description: The phases of one node, in the order they came; the last is C(up) or C(failed).
      type: list
      elements: dict
      contains:
        phase: {description: "Such as powered, booting, installer, queued, installing and init.", type: str, sample: installing}
        at: {description: Seconds since RV(nodes.HOSTNAME.started)., type: float, sample: 42.0}
        seconds: {description: How long it lasted., type: float, sample: 301.5}
        message: {description: BCM's words then., type: str, sample: provisioning started}
  sample: {dgx-05: [{phase: powered, at: 0.0, seconds: 12.0, message: ""}, {phase: up, at: 12.0, seconds: 0.0, message: ""}]}
node_ips:
  description: RV(nodes.HOSTNAME.ip) by host name.
  returned: success
  type: dict
  sample: {dgx-05: 10.184.162.109}
node_bmc_ips:
  description: RV(nodes.HOSTNAME.bmc_ip) by host name.
  returned: success
  type: dict
  sample: {dgx-05: 10.229.10.15}
device_ids:
  description: RV(nodes.HOSTNAME.uuid) by host name.
  returned: success
  type: dict
  sample: {dgx-05: 8d5b2f6e-0000-4c1f-9f57-8a1f3c2d7e01}
failures:
  description: Why the run of O(results) failed for a node, by host name.
  returned: success
  type: dict
  sample: {dgx-06: "INSTALLER_FAILED after phase installing, last message 'no space left'"}
run:
  description: The figures of the run. Where O(run) has none that were measured, as after a task for each node, they are those of O(results).
  returned: success
  type: dict
  sample: {nodes: 20, slots: 10, bound_seconds: 745.0, achieved_seconds: 763.0, efficiency: 0.98}
table:
  description: The lines that were printed.
  returned: success
  type: list
  elements: str
  sample: ["NODE    STATE", "dgx-05  active"]
"""
