#!/usr/bin/python
# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Create, change, disable and remove accounts of BMCs, through Redfish."""

from __future__ import annotations

DOCUMENTATION = r"""
module: redfish_accounts
short_description: Create, change, disable and remove accounts of BMCs, through Redfish
version_added: 0.1.0
description:
  - Brings the accounts that are named to what is wanted, on all servers of the batch; others are left alone.
  - A plan that would remove, disable or demote the account in use or the last administrator is refused before anything is written to that
    server. So is a password of a length that the BMC does not take.
  - Where a BMC has slots, they are filled and emptied; elsewhere accounts are made and deleted. Every write is read back.
  - To change the password by which you log in, use M(baremetal.bcm.redfish_rotation).
author:
  - The baremetal.bcm contributors (!UNKNOWN)
extends_documentation_fragment:
  - baremetal.bcm.redfish
  - baremetal.bcm.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: Of a password it shows only that it is set.
  idempotent:
    support: partial
    details: With O(accounts[].update_password=always) a password is set each time, because a BMC never shows the one that it has.
options:
  accounts:
    description: The accounts. An empty list is an error.
    type: list
    elements: dict
    required: true
    suboptions:
      username:
        description: Name of the account.
        type: str
        required: true
      state:
        description:
          - V(present) makes the account where it is missing, and enables it.
          - V(disabled) keeps it and lets nobody log in with it. One that does not exist is left so.
          - V(absent) removes it.
        type: str
        choices: [present, absent, disabled]
        default: present
      role:
        description: Its role, as DSP0266 names it. Needed where the account does not exist yet; otherwise not given means as it is.
        type: str
        choices: [Administrator, Operator, ReadOnly]
      password:
        description: Its password. Needed where the account does not exist yet.
        type: str
      update_password:
        description:
          - V(on_create) sets the password only where the account is made.
          - V(always) sets it each time. No login is tried to find out whether it is needed.
        type: str
        choices: [always, on_create]
        default: on_create
  lock_path:
    description:
      - Directory of the files by which runs on this computer keep out of each other's way, one BMC at a time. Those on other computers need
        O(netbox).
    type: path
    default: ~/.ansible/baremetal.bcm/locks
seealso:
  - module: baremetal.bcm.redfish_rotation
"""

EXAMPLES = r"""
- name: Have an account that may only look, and none of the factory
  baremetal.bcm.redfish_accounts:
    servers:
      - {name: dgx-05, address: 10.229.10.15, serial: MXP1111111}
    username: hardener
    password: "{{ vault_bmc_password }}"
    accounts:
      - username: auditor
        role: ReadOnly
        password: "{{ vault_auditor_password }}"
      - username: root
        state: disabled
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
            - V(unreachable), V(timed_out), V(credentials), V(certificate), V(refused), V(protocol) for an answer that can't be read,
              V(not_tried) where others refused the same credentials, or V(not_kept) for a write that does not last.
          type: str
          sample: null
        phase: {description: "Where it failed, V(claim), V(login), V(read) or V(write); empty otherwise.", type: str, sample: ""}
        error: {description: Why it failed; empty otherwise., type: str, sample: ""}
        requests: {description: How many requests it took., type: int, sample: 6}
        seconds: {description: How long it took., type: float, sample: 0.4}
        accounts:
          description: The accounts at the end; in check mode those that there are.
          type: list
          elements: dict
          contains:
            username: {description: Name of the account., type: str, sample: hardener}
            role: {description: Its role., type: str, sample: Administrator}
            enabled: {description: Whether somebody can log in with it., type: bool, sample: true}
        plan:
          description: What was found to be changed, in the order in which it is done.
          type: list
          elements: dict
          contains:
            username: {description: Name of the account., type: str, sample: auditor}
            action: {description: "V(create), V(change), V(disable) or V(remove).", type: str, sample: create}
            before: {description: The account before; null where there was none., type: dict, sample: null}
            after: {description: The account afterwards; null where there is none., type: dict, sample: {username: auditor, role: ReadOnly, enabled: true}}
            sets_password: {description: Whether a password is set., type: bool, sample: true}
        written:
          description: What was written of the plan; empty in check mode.
          type: list
          elements: dict
          contains:
            username: {description: Name of the account., type: str, sample: auditor}
            action: {description: "V(create), V(change), V(disable) or V(remove).", type: str, sample: create}
            before: {description: The account before; null where there was none., type: dict, sample: null}
            after: {description: The account afterwards; null where there is none., type: dict, sample: {username: auditor, role: ReadOnly, enabled: true}}
            sets_password: {description: Whether a password is set., type: bool, sample: true}
  sample: {dgx-05: {vendor: idrac, accounts: [{username: hardener, role: Administrator, enabled: true}]}}
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
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.account_servers import ACCOUNTS, set_accounts


def main() -> None:
    run_redfish_module(ACCOUNTS, set_accounts)


if __name__ == "__main__":
    main()
