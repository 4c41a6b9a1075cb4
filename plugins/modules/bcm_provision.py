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
  - Decides for every node whether something is to be done, powers it, watches it through PXE boot and installation, and notes on the
    device what was installed. A second run finds that note and does nothing.
  - Prints a line for every phase a node enters, while it runs.
  - Nothing is powered without O(enable_power_action). Nodes that are UP are only restarted with O(power_action=power_cycle), and only
    where what they are assigned differs from what was installed.
  - Interrupted anywhere, the same task started again goes on. A node that is being installed for it is watched, not reset.
author:
  - The baremetal.bcm contributors (!UNKNOWN)
extends_documentation_fragment:
  - baremetal.bcm.connection
  - baremetal.bcm.attributes
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
  enable_power_action:
    description: Whether nodes may be powered at all.
    type: bool
    default: false
  power_action:
    description:
      - V(power_on) installs nodes that are not UP. It never restarts a running node.
      - V(power_cycle) also restarts nodes that are UP, but only those that are to be installed with something else. Power is cut; whatever
        runs on them is lost.
    type: str
    choices: [power_on, power_cycle]
    default: power_on
  reprovision_token:
    description:
      - A free text. Nodes that were installed with another one are installed anew.
      - Change it to force that, for instance after the content of the same image was patched, which BCM's API can't show.
    type: str
  next_boot_install_mode:
    description:
      - Install mode of the next boot only. V(FULL) wipes the local disks.
      - Without it FULL is used where the disk setup differs from the one that was installed, and the configured mode otherwise.
    type: str
    choices: [AUTO, FULL]
  adopt:
    description: Whether nodes that are UP and that this collection never installed are noted as installed, without touching them.
    type: bool
    default: false
  max_nodes:
    description: Ceiling on the nodes one task may power. If more are to be powered, none is.
    type: int
  reassigned:
    description: Nodes whose image or disk setup was changed just before, as M(baremetal.bcm.bcm_devices) returns them.
    type: list
    elements: str
    default: []
  assignments:
    description: In check mode, what nodes would be assigned, as M(baremetal.bcm.bcm_devices) returns it.
    type: dict
    default: {}
  boot_timeout:
    description: How long a node may take from power to its installer, in seconds.
    type: float
    default: 1200
  queue_timeout:
    description: How long a node may wait for a provisioning slot, in seconds.
    type: float
    default: 14400
  install_timeout:
    description: How long a node may be installed, once it has a slot, in seconds.
    type: float
    default: 1800
  init_timeout:
    description: How long a node may take to start its own system, in seconds.
    type: float
    default: 600
  settle_time:
    description:
      - How long a node must stay UP to be believed, in seconds, where an earlier run that was interrupted had sent the power.
      - Right after a power cycle BCM still shows UP for a while.
    type: float
    default: 120
  power_timeout:
    description: How long to wait for a BMC to show a power state, in seconds.
    type: float
    default: 60
  poll_interval:
    description: Pause between two looks at the status of all nodes, in seconds. Each look is one call.
    type: float
    default: 10
  bulk_calls:
    description: Whether notes on many devices are sent in one call, see M(baremetal.bcm.bcm_devices).
    type: bool
    default: false
  parallel_calls:
    description: How many calls that write may be in flight at once. The roles set it to Ansible's forks.
    type: int
    default: 5
  fail_on_error:
    description: Whether the task fails when a node failed. Without it the caller looks at RV(failures).
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
          description: What was decided, V(nothing), V(record), V(power_on), V(power_cycle), V(watch), V(pending), V(skip), V(refuse) or V(not_found).
          type: str
          sample: power_on
        reason: {description: Why., type: str, sample: install default-image}
        outcome: {description: "One of successful, failed, skipped, pending and not_found.", type: str, sample: successful}
        failed: {description: Whether it counts as a failure., type: bool, sample: false}
        changed: {description: Whether it was powered or noted., type: bool, sample: true}
        message: {description: The outcome in words., type: str, sample: UP after 6m05s}
        status: {description: Last status., type: str, sample: UP}
        phase: {description: Last phase., type: str, sample: up}
        image: {description: The image it is assigned., type: str, sample: default-image}
        seconds: {description: Time from power to the outcome., type: float, sample: 365.2}
        power_sent: {description: Power operations that were sent., type: list, elements: str, sample: ["ON"]}
        timeline: {description: Phases with their times and messages., type: list, elements: dict, sample: [{phase: booting, seconds: 30.1, message: ""}]}
  sample: {dgx-05: {action: power_on, outcome: successful, message: UP after 6m05s}}
failures:
  description: Why nodes failed, by host name.
  returned: success or failure of single nodes
  type: dict
  sample: {}
"""
