#!/usr/bin/python
# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Give BMCs new passwords, without ever being locked out."""

from __future__ import annotations

DOCUMENTATION = r"""
module: redfish_rotation
short_description: Give BMCs new passwords, without ever being locked out
version_added: 0.1.0
description:
  - Gives two administrators of each server new passwords, unlike on every server. The accounts are made, or repaired, where that is needed.
  - Each of the two is changed by the other one. A new password is in the store and was read back from there before the BMC gets it, and
    counts once a login with what was read back has succeeded.
  - Killed at any point, one login that works is known, every password that a BMC may have is in the store, and running the task again
    finishes it.
  - A login that was refused is not tried again for 15 minutes, not by another run with the same O(state_path) either.
  - Accounts of the factory are disabled at the end, when both administrators are proven.
  - A server whose two administrators have passwords of O(generation) is not changed.
author:
  - The baremetal.bcm contributors (!UNKNOWN)
extends_documentation_fragment:
  - baremetal.bcm.redfish
  - baremetal.bcm.attributes
attributes:
  check_mode:
    support: full
    details: Reads the store and logs in to each BMC.
  diff_mode:
    support: full
    details: It shows generations, never a password.
  idempotent:
    support: full
options:
  first:
    description: Name of the first administrator, which is changed last and by which others log in then.
    type: str
    required: true
  second:
    description: Name of the second administrator, by which the first one is changed.
    type: str
    required: true
  generation:
    description:
      - Any text, such as the month. Passwords are changed where they are of another one; change it to have new passwords.
    type: str
    required: true
  factory_accounts:
    description: Accounts to be disabled at the end, such as V(root). Those that a BMC does not have are left out.
    type: list
    elements: str
    default: []
  password_length:
    description: Length of the new passwords, 12 to 64. By IPMI some BMCs take no more than 16 characters, and none more than 20.
    type: int
    default: 16
  store_command:
    description:
      - The program that keeps the credentials, with its arguments. It is started for each question, and gets one JSON object on its standard
        input.
      - '{"action": "read", "server": NAME} is to be answered by {"record": RECORD}, or by {"record": null} where there is none.'
      - '{"action": "write", "server": NAME, "record": RECORD} is to replace the record as a whole, and to end when it is kept.'
      - C(username) and C(password) of a record are the login for others to use; it is never the one that is being changed. A record that
        has nothing else is taken as a login that works.
      - Any exit code but 0 is a failure. What it then says on its standard error is shown, and must not hold a secret.
      - Programs for files that Ansible Vault encrypts, and for HashiCorp Vault, come with the collection.
    type: list
    elements: str
    required: true
  store_timeout:
    description: How long the store may take for one answer, in seconds.
    type: float
    default: 60
  state_path:
    description: Directory of the journals, one file for each server, with a line before each step and no secret.
    type: path
    default: ~/.ansible/baremetal.bcm/rotation
  lock_path:
    description:
      - Directory of the files by which runs on this computer keep out of each other's way, one BMC at a time. Those on other computers need
        O(netbox).
    type: path
    default: ~/.ansible/baremetal.bcm/locks
notes:
  - O(username) and O(password) are needed only for servers that the store does not know yet.
seealso:
  - module: baremetal.bcm.redfish_accounts
"""

EXAMPLES = r"""
- name: Give a server new passwords, and disable the account that the factory made
  baremetal.bcm.redfish_rotation:
    servers:
      - {name: dgx-05, address: 10.229.10.15, serial: MXP1111111}
    username: root
    password: "{{ vault_bmc_password }}"
    first: bmc-first
    second: bmc-second
    generation: 2026-11
    factory_accounts: [root]
    store_command: [/opt/site/bmc-store]
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
              V(not_tried) where others refused the same credentials, V(not_kept) for a write that does not
              last, or V(store) where the store failed.
          type: str
          sample: null
        phase: {description: "Where it failed, V(claim), V(login), V(read), V(store) or V(write); empty otherwise.", type: str, sample: ""}
        error: {description: Why it failed; empty otherwise., type: str, sample: ""}
        requests: {description: How many requests it took., type: int, sample: 6}
        seconds: {description: How long it took., type: float, sample: 0.4}
        plan:
          description: The accounts that get a new password, in order, and then those that are disabled.
          type: list
          elements: str
          sample: [bmc-second, bmc-first, root]
        steps:
          description: What was done, in order; empty in check mode.
          type: list
          elements: str
          sample: ["write the store: bmc-second", read the store, "set the password: bmc-second", "log in: bmc-second"]
        generations:
          description: The generations of the passwords that are proven, by account.
          type: dict
          sample: {bmc-first: 2026-11, bmc-second: 2026-11}
  sample: {dgx-05: {vendor: idrac, generations: {bmc-first: 2026-11, bmc-second: 2026-11}}}
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
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.rotation_servers import ROTATION, rotate_servers


def main() -> None:
    run_redfish_module(ROTATION, rotate_servers)


if __name__ == "__main__":
    main()
