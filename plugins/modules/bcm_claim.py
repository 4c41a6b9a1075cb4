#!/usr/bin/python
# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Claim nodes before they are changed, so that no other run changes or powers them meanwhile."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bcm_claim
short_description: Claim nodes of a BCM cluster before they are changed
version_added: 0.1.0
description:
  - Claims the nodes that a list of devices and categories would change, before that is done. Other runs then neither change nor power
    them, and report the name of the owner.
  - Nodes that need no change are not claimed, and cost nothing. Those that another run claims are left to it, in RV(refused); the task does not
    fail for them, because the modules that would change them do.
  - A claim belongs to the ansible-playbook that runs, is renewed by M(baremetal.bcm.bcm_provision), and ends by itself after
    O(claim_time) where nothing renews it. Give claims back at the end with O(state=absent), also after a failure.
  - Never reports a change, because nothing that it writes outlasts the run.
author:
  - The baremetal.bcm contributors (!UNKNOWN)
extends_documentation_fragment:
  - baremetal.bcm.connection
  - baremetal.bcm.attributes
  - baremetal.bcm.category_list
  - baremetal.bcm.device_list
attributes:
  check_mode:
    support: full
    details: Returns what would be claimed, and who is in the way, and writes nothing.
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  state:
    description: V(present) claims nodes, V(absent) gives back all claims of this run.
    type: str
    choices: [present, absent]
    default: present
  devices:
    description: The devices that are to be brought to what is named, in the options of M(baremetal.bcm.bcm_devices).
    type: list
    elements: dict
    default: []
  categories:
    description: The categories that are to be brought to what is named, in the options of M(baremetal.bcm.bcm_categories).
    type: list
    elements: dict
    default: []
  allow_member_change:
    description: Whether nodes that O(devices) does not name are claimed too, where O(categories) would have them installed anew.
    type: bool
    default: false
  owner:
    description: Name of the owner on the claim, which other runs report. Without it user and host.
    type: str
  claim_time:
    description: How long a claim holds that is not renewed, in seconds.
    type: float
    default: 300
  bulk_calls:
    description: Whether many claims go in one call, see M(baremetal.bcm.bcm_devices). Else single calls are in flight together.
    type: str
    choices: ["auto", "true", "false"]
    default: auto
  parallel_calls:
    description: How many calls that write may be in flight at once.
    type: int
    default: 5
"""

EXAMPLES = r"""
- name: Claim a node before it is changed
  baremetal.bcm.bcm_claim:
    devices:
      - hostname: dgx-05
        notes: second row
  register: claim

- name: Change the node that is claimed
  baremetal.bcm.bcm_devices:
    devices:
      - hostname: dgx-05
        notes: second row
    claim_run: "{{ claim.run }}"

- name: Give it back, best in the section always of a block
  baremetal.bcm.bcm_claim:
    state: absent
"""

RETURN = r"""
run:
  description: The word of this run, for O(baremetal.bcm.bcm_devices#module:claim_run) and the like.
  returned: success
  type: str
  sample: 0a1b2c3d4e5f.4711.1234567
owner:
  description: Name of the owner on the claims.
  returned: success
  type: str
  sample: alice@desk
claimed:
  description: Nodes that are claimed now, in check mode those that would be.
  returned: success
  type: list
  elements: str
  sample: [dgx-05]
refused:
  description: Nodes that another run claims, with its owner and the end of the claim.
  returned: success
  type: dict
  sample: {dgx-06: "bob@desk until 12:00:00 UTC"}
given_back:
  description: Nodes that had a claim of this run.
  returned: success
  type: list
  elements: str
  sample: []
"""
