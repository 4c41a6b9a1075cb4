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
      - V(power_cycle) also restarts nodes that are UP, but only those that are to be installed with something else; O(restart) says
        how. Whatever runs on them is lost. Where only their kernel parameters differ from those they were started with, they are
        restarted without an installation.
    type: str
    choices: [power_on, power_cycle]
    default: power_on
  restart:
    description:
      - How nodes that are UP are restarted. V(graceful) asks the node's own daemon, and cuts power where it is still UP after
        O(graceful_timeout). V(hard) cuts power at once.
      - Nodes that are not UP have their power cut in any case.
    type: str
    choices: [graceful, hard]
    default: graceful
  graceful_timeout:
    description: How long a node that was asked to restart may stay UP, in seconds.
    type: float
    default: 300
  include_closed:
    description: Whether nodes that are CLOSED in BCM are worked on too. Without it they are left alone.
    type: bool
    default: false
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
    description: Whether nodes that are UP and that this collection never installed are recorded as installed, without touching them.
    type: bool
    default: false
  max_nodes:
    description: Ceiling on the nodes one task may power. If more are to be powered, none is.
    type: int
  admission:
    description:
      - How many nodes are under way at a time.
      - V(all) starts all of them, and BCM queues those that find no provisioning slot.
      - V(slots) starts the next node so that it asks for a slot when one falls free. Fewer nodes are down at a time, and no slot is idle.
      - A number is a hard ceiling.
    type: str
    default: all
  max_failures:
    description:
      - Once so many nodes have failed, no other node is started. Those under way are watched to their end.
      - A number, or a percentage of O(names) such as V(10%).
    type: str
  failed_before:
    description: How many nodes have failed in earlier batches of the same run; they count for O(max_failures).
    type: int
    default: 0
  power_stagger:
    description: Pause between two nodes that are switched on, in seconds. BCM itself keeps it.
    type: float
    default: 0
  owner:
    description: Name of the owner on a claim, which other runs report. User and host without it.
    type: str
  claim_time:
    description:
      - How long a claim holds, in seconds. It is renewed while the task runs.
      - The claims of a killed run no longer count on the same machine. On other machines they hold for so long.
    type: float
    default: 300
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
  boot_timeout:
    description: How long a node may take from power to its installer, in seconds.
    type: float
    default: 1200
  install_timeout:
    description: How long a node may be installed, once it has a slot, in seconds.
    type: float
    default: 1800
  init_timeout:
    description: How long a node may take to start its own system, in seconds.
    type: float
    default: 600
  run_timeout:
    description:
      - How long all of it may take, in seconds. Waiting for a provisioning slot has no other limit.
      - Without it, what the slots would need if every node took all the time it may.
    type: float
  settle_time:
    description:
      - How long a node must stay UP to be believed, in seconds, where an earlier run that was interrupted had sent the power.
      - Right after a power cycle BCM still shows UP for a while. After a graceful restart it is at least O(graceful_timeout), and not while BCM
        says that a restart is required.
    type: float
    default: 120
  power_timeout:
    description: How long to wait for a BMC to show a power state, in seconds.
    type: float
    default: 60
  poll_interval:
    description:
      - Longest pause between two reads of the status of all nodes, in seconds. Each is one call.
      - While statuses change they come faster, but never more than one per second.
      - A pause is never longer than a sixth of O(claim_time).
    type: float
    default: 10
  bulk_calls:
    description: Whether writes to many devices are sent in one call, see M(baremetal.bcm.bcm_devices).
    type: str
    choices: ["auto", "true", "false"]
    default: auto
  parallel_calls:
    description: How many calls that write may be in flight at once. The roles set it to Ansible's forks.
    type: int
    default: 5
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
