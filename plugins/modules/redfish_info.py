#!/usr/bin/python
# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ask the BMCs of servers who they are, through Redfish."""

from __future__ import annotations

DOCUMENTATION = r"""
module: redfish_info
short_description: Read who servers are from their BMCs, through Redfish
version_added: 0.1.0
description:
  - Shows for any number of servers at once whether the BMC answers and accepts the login, the maker, model and serial number of the server,
    its power state, the versions of its firmware and the fingerprint of the certificate that its BMC shows.
  - Writes nothing.
author:
  - The baremetal.bcm contributors (!UNKNOWN)
extends_documentation_fragment:
  - baremetal.bcm.redfish
  - baremetal.bcm.attributes
  - baremetal.bcm.attributes.reads
seealso:
  - module: baremetal.bcm.redfish_audit
"""

EXAMPLES = r"""
- name: Read who two servers are
  baremetal.bcm.redfish_info:
    servers:
      - {name: dgx-05, address: 10.229.10.15}
      - {name: dgx-06, address: 10.229.10.16, tls_fingerprint: "{{ fingerprint_of_dgx_06 }}"}
    username: hardener
    password: "{{ vault_bmc_password }}"
  register: bmcs
"""

RETURN = r"""
servers:
  description: The servers by name.
  returned: success or failure of single servers
  type: dict
  contains:
    NAME:
      description: One server.
      type: dict
      contains:
        address: {description: Address of the BMC., type: str, sample: "https://10.229.10.15"}
        vendor:
          description: Whose BMC it is, V(idrac), V(ilo), V(openbmc), V(supermicro), V(lenovo), or V(dmtf) for any other.
          type: str
          sample: idrac
        manufacturer: {description: Maker of the server., type: str, sample: Dell Inc.}
        model: {description: Model of the server., type: str, sample: PowerEdge R760}
        serial: {description: Serial number of the server., type: str, sample: MXP1111111}
        power: {description: "ON, OFF or what else the BMC says; UNKNOWN where it says nothing.", type: str, sample: "ON"}
        bios_version: {description: Version of the BIOS., type: str, sample: 2.19.1}
        bmc_version: {description: Version of the BMC's firmware., type: str, sample: 7.10.30.00}
        redfish_version: {description: Version of Redfish that the BMC speaks., type: str, sample: 1.15.0}
        tls_fingerprint: {description: SHA-256 of the certificate that the BMC showed; empty without TLS., type: str, sample: ""}
        failure:
          description:
            - Class of the failure, null where there was none.
            - V(unreachable), V(timed_out), V(credentials), V(certificate), V(refused), V(protocol) for an answer that can't be read, or
              V(not_tried) where others refused the same credentials.
          type: str
          sample: null
        phase: {description: "Where it failed, V(login) or V(read); empty otherwise.", type: str, sample: ""}
        error: {description: Why it failed; empty otherwise., type: str, sample: ""}
        requests: {description: How many requests it took., type: int, sample: 6}
        seconds: {description: How long it took., type: float, sample: 0.4}
  sample: {dgx-05: {vendor: idrac, model: PowerEdge R760, serial: MXP1111111, power: "ON"}}
failures:
  description: Why servers could not be read, by name.
  returned: success or failure of single servers
  type: dict
  sample: {}
debug_calls:
  description: One line for each request; the last 500.
  returned: when debug_calls is set, or with -vvv
  type: list
  elements: str
  sample: ["GET /redfish/v1/Systems: HTTP 200, 41 ms, 0 bytes sent, 412 received"]
"""

from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.runner import run_redfish_module
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.options import SERVERS, inspect_servers


def main() -> None:
    run_redfish_module(SERVERS, inspect_servers)


if __name__ == "__main__":
    main()
