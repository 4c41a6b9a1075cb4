#!/usr/bin/python
# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write what a provisioning run would do to a file, and hold the run to it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bcm_plan
short_description: Write what a provisioning run would do to a file, and hold the run to it
version_added: 0.1.0
description:
  - In check mode, writes what a run would change and power to a file on the controller, with a digest.
  - Without check mode, reads that file and fails, naming what differs, unless the run would still do the same. So what was looked at and
    approved is what is done.
  - What the plan began and what is done already is no difference, so that a run that was interrupted goes on with the same file.
  - The plan holds no user names or passwords of BMCs, and can't see that they have changed. Long texts, such as scripts, are in it as digests.
  - Changes nothing on the head node, in check mode or not.
author:
  - The baremetal.bcm contributors (!UNKNOWN)
extends_documentation_fragment:
  - baremetal.bcm.connection
  - baremetal.bcm.attributes
  - baremetal.bcm.device_list
  - baremetal.bcm.category_list
  - baremetal.bcm.provisioning
attributes:
  check_mode:
    support: full
    details: Check mode writes the file, and nothing else.
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  devices:
    required: true
  categories:
    description: Categories that the same run creates or changes, each with the options of M(baremetal.bcm.bcm_category).
    default: []
  allow_member_change:
    description: Whether changes of a category may have nodes installed anew that are not in O(devices).
    type: bool
    default: false
  path:
    description:
      - The file, on the controller, readable for its owner alone. Directories on the way are made.
      - Either this or O(content) is required.
    type: path
  content:
    description:
      - RV(content) of an earlier task, in place of the file; for computers that keep no files, as those of AWX.
      - It is compared in check mode too.
    type: str
"""

EXAMPLES = r"""
# With --check it writes the file, without it fails unless the file still holds.
- name: Agree on what is done to one node
  baremetal.bcm.bcm_plan:
    path: plan.json
    devices:
      - hostname: dgx-05
        software_image: default-image
    enable_power_action: true
  register: agreed
  check_mode: true

- name: Do what was agreed on, and nothing else
  baremetal.bcm.bcm_provision:
    names:
      - dgx-05
    enable_power_action: true
    planned: "{{ agreed.planned }}"
"""

RETURN = r"""
digest:
  description: SHA-256 of the plan.
  returned: success
  type: str
  sample: 0f343b0931126a20f133d67c2b018a3b5a5d2b4fd8f7e7c9d26d8d2c1b6f0e11
content:
  description: The plan as one word, for O(content).
  returned: success
  type: str
  sample: eNqrVkrLz1eyUlBKSixSqgUAIUoEeQ==
planned:
  description: What may be done with each node, by host name, for O(baremetal.bcm.bcm_provision#module:planned).
  returned: success
  type: dict
  sample: {dgx-05: {action: power_on, digest: 6a204bd89f3c8348, image: default-image, install_mode: "", reason: install default-image}}
"""
