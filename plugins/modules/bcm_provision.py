#!/usr/bin/python
# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bring nodes of a BCM cluster to UP with the image they are assigned."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bcm_provision
short_description: Bring nodes of a BCM cluster to UP with the image they are assigned
version_added: 0.1.0
description:
  - Decides for every node whether something is to be done, powers it, watches it through PXE boot and installation, and records on the
    device what was installed. A second run finds that record and does nothing.
  - Prints a line when something has changed, every few seconds at most, while it runs. Shows beforehand how long it takes at least with the
    provisioning slots there are, and afterwards how near it came to that.
  - Nothing is powered without O(enable_power_action). Nodes that are UP are only restarted with O(power_action=power_cycle), and only
    where what they are assigned differs from what was installed.
  - Claims each node on the device before it is touched, so that two runs never work on the same node. The other run reports the owner.
  - Interrupted anywhere, the same task started again goes on. A node that is being installed for it is watched, not reset.
author:
  - The baremetal.bcm contributors (!UNKNOWN)
extends_documentation_fragment:
  - baremetal.bcm.connection
  - baremetal.bcm.attributes
  - baremetal.bcm.provisioning
  - baremetal.bcm.provisioning.pace
attributes:
  check_mode:
    support: full
    details: Decides for every node, asking for the power state where that matters, and powers nothing.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  names:
    description: Host names of the nodes. An empty list is an error, never all nodes.
    type: list
    elements: str
    required: true
  decide_only:
    description: Whether to only decide, as in check mode, and to report no change. Prints the plan.
    type: bool
    default: false
  failed_before:
    description: How many nodes have failed in earlier batches of the same run; they count for O(max_failures).
    type: int
    default: 0
  reassigned:
    description: Nodes whose image or disk setup was changed just before, as M(baremetal.bcm.bcm_devices) returns them.
    type: list
    elements: str
    default: []
  assignments:
    description:
      - What nodes are assigned, as M(baremetal.bcm.bcm_devices) returns it. A node that others have assigned something else since is refused.
      - In check mode it stands for what would be assigned.
    type: dict
    default: {}
  planned:
    description:
      - What may be done with each node, as M(baremetal.bcm.bcm_plan) returns it. A node with which something else would be done is refused.
      - What is done already, or under way, is no difference.
    type: dict
  fail_on_error:
    description: Whether the task fails when a node failed. Without it, look at RV(failures).
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Install two new nodes and wait until they are UP
  baremetal.bcm.bcm_provision:
    names:
      - dgx-05
      - dgx-06
    enable_power_action: true

- name: Install whatever is assigned another image than it runs
  baremetal.bcm.bcm_provision:
    names:
      - dgx-05
      - dgx-06
    enable_power_action: true
    power_action: power_cycle
    max_nodes: 10

- name: Keep the provisioning slots busy with as few nodes down as that takes, and stop starting more when two have failed
  baremetal.bcm.bcm_provision:
    names:
      - dgx-05
      - dgx-06
    enable_power_action: true
    admission: slots
    max_failures: 2
"""

RETURN = r"""
nodes:
  description: What became of each node, by host name.
  returned: success or failure of single nodes
  type: dict
  contains:
    HOSTNAME:
      description: One node.
      type: dict
      contains:
        action:
          description:
            - What was decided, V(nothing), V(adopt), V(power_on), V(reprovision), V(restart), V(watch), V(pending), V(skip), V(bmc_failed),
              V(refuse) or V(not_found).
          type: str
          sample: power_on
        reason: {description: Why., type: str, sample: install default-image}
        outcome: {description: "One of successful, failed, skipped, pending and not_found.", type: str, sample: successful}
        failed: {description: Whether it counts as a failure., type: bool, sample: false}
        changed: {description: Whether it was powered or its record was written., type: bool, sample: true}
        message: {description: The outcome in words., type: str, sample: UP after 6m05s}
        status: {description: Last status., type: str, sample: UP}
        phase: {description: Last phase., type: str, sample: up}
        image: {description: The image it is assigned., type: str, sample: default-image}
        seconds: {description: Time from power to the outcome., type: float, sample: 365.2}
        power_sent: {description: Power operations that were sent., type: list, elements: str, sample: ["ON"]}
        started: {description: "When the run took the node on, in seconds since the epoch; null where it did not.", type: float, sample: 1763640000.0}
        timeline:
          description: The phases, with RV(ignore:at) in seconds since then, and how long each lasted.
          type: list
          elements: dict
          sample: [{phase: powered, at: 0.0, seconds: 30.1, message: ""}]
  sample: {dgx-05: {action: power_on, outcome: successful, message: UP after 6m05s}}
run:
  description: The run as a whole; empty where nothing was to be done.
  returned: success or failure of single nodes
  type: dict
  contains:
    nodes: {description: How many nodes something was done with., type: int, sample: 20}
    admission: {description: As asked., type: str, sample: all}
    max_failures: {description: As a number of nodes; null for no limit., type: int, sample: 2}
    slots: {description: Provisioning slots., type: int, sample: 10}
    provisioning_nodes: {description: Nodes that serve them., type: int, sample: 1}
    durations: {description: "Seconds until a node asks for a slot, in the slot, and after it; and how that is known.", type: dict,
      sample: {boot_s: 60.0, sync_s: 300.0, init_s: 30.0, source: assumed}}
    bound_seconds: {description: "The least time the slots allow; after a run, with what each node took.", type: float, sample: 690.0}
    achieved_seconds: {description: From the first power to the last node that came UP., type: float, sample: 702.4}
    efficiency: {description: "Bound over achieved, for the nodes that were installed; 1 is perfect.", type: float, sample: 0.98}
  sample: {nodes: 20, slots: 10, bound_seconds: 690.0, achieved_seconds: 702.4, efficiency: 0.98}
failures:
  description: Why nodes failed, by host name.
  returned: success or failure of single nodes
  type: dict
  sample: {}
"""
