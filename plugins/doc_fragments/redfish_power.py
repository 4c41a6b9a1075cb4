# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options of Redfish for power; named before the fragment ipmi, whose O(bmcs) this one replaces."""

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
        description: Port of the BMC, UDP for IPMI, TCP for Redfish.
        type: int
      username:
        description: User of the BMC.
        type: str
      password:
        description: Password of the BMC.
        type: str
      tls_fingerprint:
        description:
          - SHA-256 of the BMC's certificate. Exactly this one is trusted then, whatever O(redfish_ca_path) and O(redfish_validate_certs)
            say. With another one nothing is sent. Needs O(via=redfish).
        type: str
      system:
        description: The C(Id) of the system, where a BMC has several that can be powered. Needs O(via=redfish).
        type: str
  redfish_port:
    description: TCP port of the BMCs' Redfish.
    type: int
    default: 443
  redfish_username:
    description:
      - User of those BMCs whose user BCM does not know, with O(via=redfish).
      - Without it the environment variable E(REDFISH_USERNAME) is used.
    type: str
  redfish_password:
    description:
      - Password of those BMCs whose password BCM does not know, with O(via=redfish).
      - Without it the environment variable E(REDFISH_PASSWORD) is used.
    type: str
  redfish_ca_path:
    description:
      - Path of the certificate authority that signed the certificates of the BMCs, in PEM format.
      - Without it the environment variable E(REDFISH_CA_PATH) is used.
    type: path
  redfish_validate_certs:
    description:
      - Whether the certificates of the BMCs are checked. Prefer O(redfish_ca_path) or O(bmcs[].tls_fingerprint) to switching this off.
      - Without it the environment variable E(REDFISH_VALIDATE_CERTS) is used.
    type: bool
    default: true
"""
