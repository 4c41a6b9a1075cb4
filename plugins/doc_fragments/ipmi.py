# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options of IPMI straight to BMCs."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  bmcs:
    description: Addresses and credentials of BMCs where they are not those that BCM knows.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Host name of the node.
        type: str
        required: true
      address:
        description: Address of the BMC.
        type: str
      port:
        description: UDP port of the BMC.
        type: int
      username:
        description: User of the BMC.
        type: str
      password:
        description: Password of the BMC.
        type: str
  ipmi_port:
    description: UDP port of the BMCs.
    type: int
    default: 623
  ipmi_connect_timeout:
    description: How long one try may go without an answer, in seconds.
    type: float
    default: 30
  ipmi_tries:
    description: How often a BMC that does not answer is tried. One that refuses the login is never tried again.
    type: int
    default: 5
  ipmi_retry_delay:
    description: Pause between two tries, in seconds. Other BMCs are asked meanwhile.
    type: float
    default: 10
  ipmi_deadline:
    description: How long one BMC may take in all, in seconds. A dead one never delays the others.
    type: float
    default: 150
  ipmi_in_flight:
    description: How many BMCs are asked at once.
    type: int
    default: 64
"""
