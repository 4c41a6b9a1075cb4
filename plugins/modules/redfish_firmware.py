#!/usr/bin/python
# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Update the firmware of servers, through Redfish, and prove it by the versions that are read back."""

from __future__ import annotations

DOCUMENTATION = r"""
module: redfish_firmware
short_description: Update the firmware of servers, through Redfish
version_added: 0.1.0
description:
  - Brings BMC, BIOS and other components of servers to the versions that are wanted, for any number of servers at once, and one update at a
    time on each of them, the BMC first, then the BIOS, then the others.
  - The checksums of all images that are needed are verified before anything is sent to any BMC.
  - An update is done when the version that is wanted is read back. A BMC may be away for ten minutes after its own update began. The BIOS and
    other components may take a boot, for which O(allow_reboot) and the state V(staged) or V(ready) are needed; without these nothing is sent
    for them.
  - Where an update fails, the version that is there is named, and those after it are not begun.
  - A server is never brought to an older version without O(allow_downgrade).
  - Nothing is sent to a server that has another serial number than O(servers[].serial), on which tasks of somebody else have not ended or BIOS
    values wait for the next boot, or that another run is changing, which all computers know by O(netbox). A run after one that was killed
    goes on where that was.
  - Use it before M(baremetal.bcm.redfish_harden), whose profile names least versions in C(bios_firmware) and C(bmc_firmware) and updates
    nothing.
author:
  - The baremetal.bcm contributors (!UNKNOWN)
extends_documentation_fragment:
  - baremetal.bcm.redfish.rebooted
  - baremetal.bcm.redfish
  - baremetal.bcm.attributes
attributes:
  check_mode:
    support: full
    details: Reads the versions, verifies the checksums, and returns the plan.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  firmware:
    description: The versions that are wanted, and the images that bring them. The order does not matter.
    type: list
    elements: dict
    required: true
    suboptions:
      component:
        description: V(bmc), V(bios), or the C(Id), C(Name) or C(SoftwareId) of a member of the BMC's firmware inventory.
        type: str
        required: true
      version:
        description: The least version, as C(>=2.19), or the only one, as C(==2.19.1). Numbers are compared by value.
        type: str
        required: true
      file:
        description:
          - The image as a file where the task runs. It is sent to the BMC piece by piece (C(MultipartHttpPushUri)).
          - This or O(firmware[].url) is needed.
        type: path
      url:
        description:
          - The image as a URL, C(https) or C(http), without an account. The BMC fetches it (C(SimpleUpdate)).
          - It is read once from where the task runs too, for its checksum; O(ca_path) and O(validate_certs) hold there.
        type: str
      sha256:
        description: SHA-256 of the image.
        type: str
        required: true
      device_types:
        description: Types of the servers that it is for; without any, for all.
        type: list
        elements: str
        default: []
      targets:
        description: Resources of the BMC that the image is for, for those that must be told (C(Targets)).
        type: list
        elements: str
        default: []
  allow_downgrade:
    description: Whether a component may get an older version than it has.
    type: bool
    default: false
  deadline:
    description: How long one server may take in all, its updates, reboots and waiting for its turn included, in seconds.
    type: float
    default: 7200
  allow_reboot:
    description: Whether servers may be rebooted. A server that is off is switched on. The BMC's own restart needs no leave.
    type: bool
    default: false
  max_rebooting:
    description: How many servers are rebooted at once.
    type: int
    default: 8
  max_failures:
    description: No further server is rebooted after more than so many have failed. Without it that does not matter.
    type: int
  update_timeout:
    description: How long one update may take until the BMC says that it has ended, in seconds.
    type: float
    default: 3600
  reboot_timeout:
    description: How long a version may take to be there after the reboot was ordered, in seconds.
    type: float
    default: 1800
  lock_path:
    description:
      - Directory of the files by which runs on this computer keep out of each other's way, one BMC at a time, and of those by which a run
        knows what one before it had sent.
    type: path
    default: ~/.ansible/baremetal.bcm/locks
seealso:
  - module: baremetal.bcm.redfish_harden
  - module: baremetal.bcm.redfish_info
"""

EXAMPLES = r"""
- name: Bring BMC and BIOS of servers that nobody uses yet to what is supported
  baremetal.bcm.redfish_firmware:
    servers:
      - {name: dgx-05, address: 10.229.10.15, serial: MXP1111111, state: staged}
    username: hardener
    password: "{{ vault_bmc_password }}"
    firmware:
      - component: bmc
        version: ">=2.10"
        file: /srv/firmware/bmc-2.10.3.bin
        sha256: 5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef
      - component: bios
        version: ">=2.18"
        url: https://files.example.com/bios-2.18.1.bin
        sha256: 7d865e959b2466918c9863afca942d0fb89d7c9ac0c99bafc3749504ded97730
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
          description: Class of the failure as with M(baremetal.bcm.redfish_info). Null where there was none.
          type: str
          sample: null
        error: {description: Why it failed; empty otherwise., type: str, sample: ""}
        phase:
          description: Where it failed, V(claim), V(login), V(read), V(preflight), V(update) or V(reboot); empty otherwise.
          type: str
          sample: ""
        requests: {description: How many requests it took., type: int, sample: 40}
        seconds: {description: How long it took., type: float, sample: 312.4}
        versions:
          description: The versions that were read last, by component.
          type: dict
          sample: {bmc: 7.10.50.00, bios: 2.19.1}
        plan:
          description: What was found to be updated, in the order in which it is done.
          type: list
          elements: dict
          contains:
            component: {description: Name of the component., type: str, sample: bios}
            before: {description: The version that was there., type: str, sample: 2.18.1}
            wanted: {description: The version that is wanted., type: str, sample: ">=2.19"}
            image: {description: File or URL of the image., type: str, sample: "https://files.example.com/bios-2.19.1.bin"}
            disruption: {description: "V(restarts the BMC), or V(reboot).", type: str, sample: reboot}
        left:
          description: Why components that do not have what is wanted are left so, by component.
          type: dict
          sample: {bios: "it needs a reboot, and the server is active"}
        updated:
          description: What was updated, by the versions that were read; empty in check mode.
          type: list
          elements: dict
          contains:
            component: {description: Name of the component., type: str, sample: bios}
            before: {description: The version that was there., type: str, sample: 2.18.1}
            after: {description: The version that is there., type: str, sample: 2.19.1}
        sent:
          description:
            - Whether a BMC took an image, or may have, also where the update then failed. One that refuses it, or is not reached, has not.
          type: bool
          sample: true
        rebooted: {description: Whether a reboot was ordered., type: bool, sample: true}
        unmet: {description: The components that do not have what is wanted., type: list, elements: str, sample: []}
  sample: {dgx-05: {vendor: idrac, versions: {bios: 2.19.1}, unmet: []}}
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
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.firmware_servers import FIRMWARE, update_firmware


def main() -> None:
    run_redfish_module(FIRMWARE, update_firmware)


if __name__ == "__main__":
    main()
