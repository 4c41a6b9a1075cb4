# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The options of modules that leave alone what others are at work on, and of those that remove nodes."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  allow_claimed:
    description:
      - Whether nodes are touched that others are at work on, those that another run claims and those that are being installed. Their
        installation may fail.
      - Without it such nodes are refused by the owner's name and their phase, and nothing of them is written. A claim guards the whole node,
        an installation that nobody claims only what it depends on.
    type: bool
    default: false
  claim_run:
    description: The run to which the task belongs, as RV(baremetal.bcm.bcm_claim#module:run). The claims of this run are no obstacle.
    type: str
"""

    REMOVAL = r"""
options:
  allow_up:
    description:
      - Whether nodes that are UP or switched on may be removed. They go on running, and BCM no longer knows them.
      - Where a node is not UP its BMC is asked for the power. One that does not answer counts as off.
    type: bool
    default: false
"""
