#!/usr/bin/python
# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Compare servers with a hardening profile, through Redfish."""

from __future__ import annotations

DOCUMENTATION = r"""
module: redfish_audit
short_description: Compare servers with a hardening profile, through Redfish
version_added: 0.1.0
description:
  - Says for each server and each control of a profile whether it is met, what was seen, what is wanted, and where.
  - Writes nothing, ever. Drift is a finding, and no failure of the task.
  - What a BMC does not expose is V(unknown), which is not compliant. C(docs/hardening.md) lists the controls.
author:
  - The baremetal.bcm contributors (!UNKNOWN)
extends_documentation_fragment:
  - baremetal.bcm.redfish
  - baremetal.bcm.attributes
  - baremetal.bcm.attributes.reads
options:
  profile:
    description:
      - What servers must meet, as C(docs/hardening.md) says and C(docs/hardening-profile.schema.json) holds.
      - C(controls) has values by the name of their control; null takes one out. C(inherits) is V(baseline), or null for none.
      - C(waivers) is a list of C(control), C(reason) and C(expires), a day such as V(2027-01-31), that day included.
      - C(device_types) has further C(controls) and C(waivers) by O(servers[].device_type).
      - Without it the profile is the baseline.
    type: dict
    default: {}
seealso:
  - module: baremetal.bcm.redfish_info
"""

EXAMPLES = r"""
- name: Compare two servers with the baseline and what the site adds to it
  baremetal.bcm.redfish_audit:
    servers:
      - {name: dgx-05, address: 10.229.10.15, device_type: DGX H100}
      - {name: cpu-03, address: 10.229.10.23}
    username: hardener
    password: "{{ vault_bmc_password }}"
    profile:
      name: site
      controls:
        ntp: [10.229.0.1, 10.229.0.2]
        bios_firmware: ">=2.19"
      waivers:
        - {control: kvm, reason: the lab has no other console, expires: "2027-01-31"}
      device_types:
        DGX H100:
          controls: {usb_boot: false}
  register: audit
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
          description: Class of the failure as with M(baremetal.bcm.redfish_info), null where there was none.
          type: str
          sample: null
        phase: {description: "Where it failed, V(login) or V(read); empty otherwise.", type: str, sample: ""}
        error: {description: Why it failed; empty otherwise., type: str, sample: ""}
        requests: {description: How many requests it took., type: int, sample: 15}
        seconds: {description: How long it took., type: float, sample: 0.9}
        profile: {description: Name of the profile., type: str, sample: site}
        compliant: {description: Whether every control is compliant or not applicable., type: bool, sample: false}
        controls:
          description: The findings, in the order in which controls are applied.
          type: list
          elements: dict
          contains:
            control: {description: Name of the control., type: str, sample: ipmi_over_lan}
            title: {description: What it is about., type: str, sample: IPMI over the network}
            state:
              description:
                - V(compliant), or V(drift) where something else was seen than is wanted.
                - V(not_applicable) where the BMC has no such thing, or a waiver holds.
                - V(unknown) where the BMC does not expose it, V(error) where it could not be read.
              type: str
              sample: drift
            seen: {description: "What was seen, by property; of those that differ, where any does.", type: dict, sample: {IPMI.ProtocolEnabled: true}}
            wanted: {description: What is wanted of the same properties., type: dict, sample: {IPMI.ProtocolEnabled: false}}
            uris: {description: Where they stand., type: list, elements: str, sample: [/redfish/v1/Managers/1/NetworkProtocol]}
            pending: {description: Whether the next boot brings what is wanted., type: bool, sample: false}
            reference: {description: The guide that asks for it., type: str, sample: "NSA/CISA Harden Baseboard Management Controllers, 2023, action 3"}
            message: {description: What is to be added., type: str, sample: ""}
  sample: {dgx-05: {vendor: idrac, compliant: false, controls: []}}
counts:
  description: How many findings there are of each state, over all servers.
  returned: success or failure of single servers
  type: dict
  contains:
    compliant: {description: Controls that are met., type: int, sample: 20}
    drift: {description: Controls that are not met., type: int, sample: 3}
    not_applicable: {description: "Controls of what a BMC does not have, or with a waiver.", type: int, sample: 1}
    unknown: {description: Controls of what a BMC does not expose., type: int, sample: 1}
    error: {description: Controls that could not be read., type: int, sample: 0}
compliant:
  description: The servers that meet all of their profile.
  returned: success or failure of single servers
  type: list
  elements: str
  sample: [cpu-03]
failures:
  description: Why servers could not be audited, by name.
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
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.options import PROFILE, SERVERS, audit_servers


def main() -> None:
    run_redfish_module({**SERVERS, **PROFILE}, audit_servers)


if __name__ == "__main__":
    main()
