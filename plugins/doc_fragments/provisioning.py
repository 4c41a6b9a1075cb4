# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options of a provisioning run: what is decided by, and, as the fragment C(provisioning.pace), how it goes on."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
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
        O(baremetal.bcm.bcm_provision#module:graceful_timeout). V(hard) cuts power at once.
      - Nodes that are not UP have their power cut in any case.
    type: str
    choices: [graceful, hard]
    default: graceful
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
  owner:
    description: Name of the owner on a claim, which other runs report. User and host without it.
    type: str
  power_timeout:
    description: How long to wait for a BMC to show a power state, in seconds.
    type: float
    default: 60
"""

    PACE = r"""
options:
  graceful_timeout:
    description: How long a node that was asked to restart may stay UP, in seconds.
    type: float
    default: 300
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
      - A number, or a percentage of the nodes such as V(10%).
    type: str
  power_stagger:
    description: Pause between two nodes that are switched on, in seconds. BCM itself keeps it.
    type: float
    default: 0
  claim_time:
    description:
      - How long a claim holds, in seconds. It is renewed while the task runs.
      - The claims of a killed run no longer count on the same machine. On other machines they hold for so long.
    type: float
    default: 300
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
"""
