#!/usr/bin/python
# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Make servers meet a hardening profile, through Redfish."""

from __future__ import annotations

DOCUMENTATION = r"""
module: redfish_harden
short_description: Make servers meet a hardening profile, through Redfish
version_added: 0.1.0
description:
  - Audits servers as M(baremetal.bcm.redfish_audit) does, writes what is not met, reads every write back, and audits again, which is the only
    proof.
  - Nothing is written to a server that has another serial number than O(servers[].serial), on which somebody else's BIOS values are pending
    or jobs run, or that another run is changing, which all computers know by O(netbox).
  - BIOS values and Secure Boot come first, with one reboot for all, then the settings of the BMC, then those that may cut somebody off, after
    which a new login must succeed, and lockdown last, only where nothing failed before it.
  - Before the first write all values about to change are written to a bundle, from which O(rollback) sets them again.
  - Firmware, and what only a person can do, is named in RV(servers.NAME.left).
author:
  - The baremetal.bcm contributors (!UNKNOWN)
extends_documentation_fragment:
  - baremetal.bcm.redfish.rebooted
  - baremetal.bcm.redfish
  - baremetal.bcm.attributes
attributes:
  check_mode:
    support: full
    details: Audits, and returns the plan with what it disturbs.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  profile:
    description: What servers must meet, as with M(baremetal.bcm.redfish_audit).
    type: dict
    default: {}
  deadline:
    description: How long one server may take in all, reboot and waiting for its turn included, in seconds.
    type: float
    default: 3600
  allow_reboot:
    description: Whether servers may be rebooted. Without it nothing is written that a reboot brings.
    type: bool
    default: false
  max_rebooting:
    description: How many servers are rebooted at once.
    type: int
    default: 8
  max_failures:
    description: No further server is rebooted after more than so many have failed. Without it that does not matter.
    type: int
  reboot_timeout:
    description: How long BIOS values may take to be applied after the reboot was ordered, in seconds.
    type: float
    default: 1800
  bundle_path:
    description: Directory of the rollback bundles. Each run that writes makes one, readable for its owner alone.
    type: path
    default: ~/.ansible/baremetal.bcm/rollback
  rollback:
    description:
      - A bundle. What it holds of O(servers) is set again, instead of what O(profile) wants; the audit is still that of the profile.
      - A value that somebody else has changed since is left as it is, and named. Subscriptions that were made are left.
    type: path
  options_only:
    description:
      - Whether to judge the options and end, O(profile), O(bundle_path) and O(rollback) among them. No BMC is asked, and nothing is changed.
      - For what must not be found out too late, such as after an update of firmware.
    type: bool
    default: false
  lock_path:
    description:
      - Directory of the files by which runs on this computer keep out of each other's way, one BMC at a time. Those on other computers need
        O(netbox).
    type: path
    default: ~/.ansible/baremetal.bcm/locks
seealso:
  - module: baremetal.bcm.redfish_audit
"""

EXAMPLES = r"""
- name: Harden a server that nobody uses yet
  baremetal.bcm.redfish_harden:
    servers:
      - {name: dgx-05, address: 10.229.10.15, serial: MXP1111111, state: staged}
    username: hardener
    password: "{{ vault_bmc_password }}"
    profile:
      controls:
        ntp: [10.229.0.1, 10.229.0.2]
    allow_reboot: true

- name: Find mistakes in a profile before anything is done, and ask no server
  baremetal.bcm.redfish_harden:
    servers:
      - {name: dgx-05, address: 10.229.10.15}
    profile:
      controls:
        ntp: [10.229.0.1, 10.229.0.2]
    options_only: true

- name: Set again what was there before
  baremetal.bcm.redfish_harden:
    servers:
      - {name: dgx-05, address: 10.229.10.15, serial: MXP1111111, state: staged}
    username: hardener
    password: "{{ vault_bmc_password }}"
    rollback: ~/.ansible/baremetal.bcm/rollback/20261121T221500Z.json
    allow_reboot: true
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
          description: Class of the failure as with M(baremetal.bcm.redfish_info), or V(not_kept) for a write that does not last. Null where there was none.
          type: str
          sample: null
        phase:
          description:
            - Where it failed, V(claim), V(login), V(read), V(preflight), V(unlock), V(bios), V(reboot), V(settings), V(lockdown) or
              V(audit); empty otherwise.
          type: str
          sample: ""
        error: {description: Why it failed; empty otherwise., type: str, sample: ""}
        requests: {description: How many requests it took., type: int, sample: 15}
        seconds: {description: How long it took., type: float, sample: 0.9}
        plan:
          description: What was found to be changed, in the order in which it is done.
          type: list
          elements: dict
          contains:
            control: {description: Name of the control., type: str, sample: ipmi_over_lan}
            uri: {description: Where it is written., type: str, sample: /redfish/v1/Managers/1/NetworkProtocol}
            property: {description: The property., type: str, sample: IPMI.ProtocolEnabled}
            before: {description: What was seen., type: raw, sample: true}
            after: {description: What is wanted., type: raw, sample: false}
            pending: {description: Whether it waits for the boot and needs no write., type: bool, sample: false}
            disruption:
              description: V(none), V(reboot), V(cuts off who uses it) or V(locks the configuration).
              type: str
              sample: cuts off who uses it
        left:
          description: Why controls that are not met are left so, by control.
          type: dict
          sample: {bios_firmware: update the BIOS}
        written:
          description: What was written of the plan; empty in check mode.
          type: list
          elements: dict
          contains:
            control: {description: Name of the control., type: str, sample: ipmi_over_lan}
            uri: {description: Where it is written., type: str, sample: /redfish/v1/Managers/1/NetworkProtocol}
            property: {description: The property., type: str, sample: IPMI.ProtocolEnabled}
            before: {description: What was seen., type: raw, sample: true}
            after: {description: What is wanted., type: raw, sample: false}
            pending: {description: Whether it waits for the boot and needs no write., type: bool, sample: false}
            disruption:
              description: V(none), V(reboot), V(cuts off who uses it) or V(locks the configuration).
              type: str
              sample: cuts off who uses it
        rebooted: {description: Whether a reboot was ordered., type: bool, sample: true}
        profile: {description: Name of the profile., type: str, sample: site}
        compliant: {description: Whether every control is compliant or not applicable., type: bool, sample: false}
        controls:
          description: The findings of the second audit, of the first where nothing was written.
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
before:
  description: The servers by name as the first audit found them, in the form of M(baremetal.bcm.redfish_audit).
  returned: success or failure of single servers
  type: dict
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
bundle:
  description: File with what was there before. Null where nothing was written.
  returned: success or failure of single servers
  type: str
  sample: /home/ada/.ansible/baremetal.bcm/rollback/20261121T221500Z.json
failures:
  description: Why servers failed, by name.
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
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.harden_servers import HARDEN, harden_servers


def main() -> None:
    run_redfish_module(HARDEN, harden_servers)


if __name__ == "__main__":
    main()
