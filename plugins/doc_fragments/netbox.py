# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options of the connection to a NetBox."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  url:
    description:
      - Address of NetBox, such as C(https://netbox.example.com). It may end in C(/api).
      - Without it the environment variable E(NETBOX_URL) is used.
    type: str
  token:
    description:
      - API token, of either form NetBox has.
      - What its user must be allowed to do is listed for each module in C(docs/netbox-rights.md). A right that is missing is named
        before anything is written.
      - Without it the environment variable E(NETBOX_TOKEN) is used.
    type: str
  validate_certs:
    description:
      - Whether the certificate of NetBox is checked. Prefer O(ca_path) to switching this off.
      - Without it the environment variable E(NETBOX_VALIDATE_CERTS) is used.
    type: bool
    default: true
  ca_path:
    description:
      - Path of the certificate authority that signed the certificate of NetBox, in PEM format.
      - Without it the environment variable E(NETBOX_CA_PATH) is used.
    type: path
  timeout:
    description: How long to wait for an answer, in seconds.
    type: float
    default: 60
  changelog_message:
    description:
      - What the change log of NetBox says about each change, such as the number of a ticket or the address of a job.
      - It needs NetBox 4.4 or newer.
    type: str
  debug_calls:
    description:
      - Whether one line is shown for each request to NetBox, with its method and path, how it ended, how long it took, and how many
        bytes were sent and received. Arguments, contents and secrets are never in it.
      - Modules return the lines as C(debug_calls), the last 500 of them; what acts on the controller prints each line at once.
      - With C(-vvv) the lines are shown in any case.
      - Without it the environment variable E(NETBOX_DEBUG_CALLS) is used.
    type: bool
    default: false
attributes:
  action_group:
    description: Use C(group/baremetal.bcm.netbox) in C(module_defaults) to set the connection once.
    support: full
    membership:
      - baremetal.bcm.netbox
requirements:
  - httpx
notes:
  - Tested with NetBox 3.2, 4.6 and the first beta of 4.7. Usually runs on the controller, with C(delegate_to) set to C(localhost).
  - Requests that only read are tried again after transport errors. Those that write are only sent again where the first was
    certainly not performed.
"""
