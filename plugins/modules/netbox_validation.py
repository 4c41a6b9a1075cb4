#!/usr/bin/python
# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Let servers validate themselves, and follow them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: netbox_validation
short_description: Let servers validate themselves by PXE, and follow them
version_added: 0.1.0
description:
  - Switches servers that NetBox has as C(discovered) on, once into PXE, through their BMCs, and follows them in NetBox until a validation
    server has given each its verdict. Prints a line for each step, then a table, and writes reports.
  - The verdict, the journal and the state in NetBox are the validation server's. What this module writes there is the claim on the BMC
    of each server that it is to power, in the custom field C(bmc_claim), as the Redfish modules do. A server that another run has claimed
    is refused with that run's name. A claim is given back once NetBox shows that the server is at work, or nothing comes of it.
  - A server whose run is under way already is followed and not powered, so that a run that was cut off goes on by starting it again.
  - It works on the controller itself, whatever the host of the task.
author:
  - The baremetal.bcm contributors (!UNKNOWN)
extends_documentation_fragment:
  - baremetal.bcm.netbox
  - baremetal.bcm.ipmi
  - baremetal.bcm.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  names:
    description:
      - Names of the servers in NetBox.
    type: list
    elements: str
    required: true
  state_field:
    description:
      - Where the state lives. The same as O(baremetal.bcm.netbox_lifecycle#module:state_field).
    type: str
    default: status
  watch_only:
    description:
      - Whether servers are only followed, because somebody switches them on by hand.
    type: bool
    default: false
  enable_power_action:
    description:
      - Whether servers may be powered. Without it nothing is powered, and servers are pending.
    type: bool
    default: false
  allow_on:
    description:
      - Whether servers that are on may have their power cut to start them anew. Without it they are refused.
    type: bool
    default: false
  boot_mode:
    description:
      - By which firmware servers boot from the network. Many servers that get V(legacy) leave their UEFI for one boot, and don't find what
        UEFI would.
    type: str
    choices: [uefi, legacy]
    default: uefi
  max_servers:
    description:
      - How many servers may be powered at most; if there are more, none is.
    type: int
  boot_timeout:
    description:
      - How long after power on a server may take until the validation server has heard of it, in seconds.
    type: float
    default: 1200
  timeout_total:
    description:
      - How long all of it may take, in seconds.
    type: float
    default: 14400
  poll_interval:
    description:
      - How often NetBox is read, in seconds; one request for some hundred servers.
    type: float
    default: 10
  path:
    description:
      - File on the controller for a report in JSON.
    type: path
  html:
    description:
      - File on the controller for a report as a page.
    type: path
  fail_on_error:
    description:
      - Whether the task fails where a server did not pass.
    type: bool
    default: true
notes:
  - The address of a BMC is that of O(bmcs), else the one that NetBox has for the interface of the BMC.
seealso:
  - module: baremetal.bcm.netbox_lifecycle
"""

EXAMPLES = r"""
- name: Follow servers that a technician switches on
  baremetal.bcm.netbox_validation:
    url: https://netbox.example.com
    token: "{{ vault_netbox_token }}"
    names: [dgx-05, dgx-06]
    watch_only: true
    html: validation.html

- name: Switch a server on into PXE and wait for its verdict
  baremetal.bcm.netbox_validation:
    url: https://netbox.example.com
    token: "{{ vault_netbox_token }}"
    names: [dgx-05]
    enable_power_action: true
    bmcs:
      - {name: dgx-05, username: admin, password: "{{ vault_bmc_password }}"}
"""

RETURN = r"""
servers:
  description: What became of each server, by name.
  returned: always
  type: dict
  contains:
    HOSTNAME:
      description: One server.
      type: dict
      contains:
        outcome:
          description: V(passed), V(failed), V(refused), V(not_found), or V(pending) where nothing was begun.
          type: str
          sample: passed
        state: {description: State in NetBox., type: str, sample: staged}
        step: {description: The step it was in last., type: str, sample: 05-report}
        verdict: {description: The verdict of the validation server., type: str, sample: pass}
        steps: {description: Verdicts by step., type: dict, sample: {}}
        message: {description: Why it did not pass., type: str, sample: ""}
        powered: {description: "Whether it was powered, or in check mode would be.", type: bool, sample: true}
        run: {description: The run at the validation server., type: str, sample: ""}
        seconds: {description: How long it took., type: float, sample: 95.5}
  sample: {}
counts:
  description: How many servers ended with each outcome.
  returned: always
  type: dict
  sample: {passed: 1, failed: 0, refused: 0, not_found: 0, pending: 0}
failures:
  description: Why servers did not pass, by name.
  returned: always
  type: dict
  sample: {}
table:
  description: The lines of the table.
  returned: always
  type: list
  elements: str
  sample: []
"""
