# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options of Redfish straight to BMCs."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  servers:
    description: The servers, all of the batch in one task. An empty list is an error, never all servers.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the server, under which its result comes back.
        type: str
        required: true
      address:
        description:
          - Address of its BMC, such as C(10.0.0.5), C(bmc.example.com:443) or C(https://10.0.0.5).
          - C(http) is taken for this computer's own loopback only.
        type: str
        required: true
      username:
        description: User of this BMC, where it is not O(username).
        type: str
      password:
        description: Password of this BMC, where it is not O(password).
        type: str
      tls_fingerprint:
        description:
          - SHA-256 of the BMC's certificate. Exactly this one is trusted then, whatever O(ca_path) and O(validate_certs) say. With another
            one nothing is sent.
          - The modules return the one they saw as C(tls_fingerprint), to be kept for the next time.
        type: str
      serial:
        description: Serial number of the server. Of an enclosure with several systems it chooses one.
        type: str
      device_type:
        description: Device type of the server, by which a profile may differ.
        type: str
  username:
    description:
      - User of the BMCs.
      - Without it the environment variable E(REDFISH_USERNAME) is used.
    type: str
  password:
    description:
      - Password of the BMCs.
      - Without it the environment variable E(REDFISH_PASSWORD) is used.
    type: str
  validate_certs:
    description:
      - Whether the certificates of the BMCs are checked. Prefer O(ca_path) or O(servers[].tls_fingerprint) to switching this off.
      - Without it the environment variable E(REDFISH_VALIDATE_CERTS) is used.
    type: bool
    default: true
  ca_path:
    description:
      - Path of the certificate authority that signed the certificates of the BMCs, in PEM format.
      - Without it the environment variable E(REDFISH_CA_PATH) is used.
    type: path
  netbox:
    description:
      - The NetBox that knows the servers by their names, so that runs on other computers keep away from a BMC that one is changing, and
        certificates are pinned.
      - Who changes BMCs claims them in the custom field C(bmc_claim) of their devices. Where another run has one already, nothing is
        written to it. Without this option only runs on the same computer keep out of each other's way.
      - Without O(ca_path), a BMC's certificate must be the one in the custom field C(bmc_certificate) of its device. Who changes BMCs
        pins there the one of a BMC that has none yet. Switching O(validate_certs) off switches that off too.
      - M(baremetal.bcm.netbox_bootstrap) makes both fields.
    type: dict
    suboptions:
      url:
        description:
          - Address of NetBox, such as C(https://netbox.example.com).
          - Without it the environment variable E(NETBOX_URL) is used.
        type: str
      token:
        description:
          - API token of a user who may view and change devices.
          - Without it the environment variable E(NETBOX_TOKEN) is used.
        type: str
      validate_certs:
        description:
          - Whether NetBox's certificate is checked.
          - Without it the environment variable E(NETBOX_VALIDATE_CERTS) is used.
        type: bool
        default: true
      ca_path:
        description:
          - Path of the certificate authority that signed NetBox's certificate, in PEM format.
          - Without it the environment variable E(NETBOX_CA_PATH) is used.
        type: path
      timeout:
        description: How long to wait for an answer of NetBox, in seconds.
        type: float
        default: 60
  timeout:
    description: How long to wait for an answer, in seconds.
    type: float
    default: 30
  deadline:
    description: How long one BMC may take in all, in seconds. A dead one never delays the others.
    type: float
    default: 120
  in_flight:
    description: How many BMCs are talked to at once.
    type: int
    default: 64
  fail_on_error:
    description:
      - Whether the task fails when a BMC could not be talked to. The others are done in any case.
      - Without it the caller looks at C(failures).
    type: bool
    default: true
  debug_calls:
    description:
      - Whether C(debug_calls) has one line for each request, with its method and path, how it ended, how long it took, and how many bytes
        were sent and received. Contents and secrets are never in it.
      - With C(-vvv) the lines are shown in any case.
      - Without it the environment variable E(REDFISH_DEBUG_CALLS) is used.
    type: bool
    default: false
attributes:
  action_group:
    description: Use C(group/baremetal.bcm.redfish) in C(module_defaults) to set the login once.
    support: full
    membership:
      - baremetal.bcm.redfish
requirements:
  - httpx
notes:
  - Runs where the network of the BMCs can be reached, usually on the controller, with C(delegate_to) set to C(localhost).
  - Of all BMCs that share a set of credentials one is asked first. If it refuses them, one more is; if that refuses them too, no other
    BMC is asked, so that a typo can't lock them all. A BMC that refuses a login is never asked again with it.
  - Sessions are deleted at the end, however that comes. Where a BMC has no sessions or no more of them, HTTP Basic is used within TLS.
  - Redirects, and links that lead out of the service, are never followed.
"""

    # Given before the fragment above, whose servers have no state.
    REBOOTED = r"""
options:
  servers:
    description: The servers, all of the batch in one task. An empty list is an error, never all servers.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the server, under which its result comes back.
        type: str
        required: true
      address:
        description:
          - Address of its BMC, such as C(10.0.0.5), C(bmc.example.com:443) or C(https://10.0.0.5).
          - C(http) is taken for this computer's own loopback only.
        type: str
        required: true
      username:
        description: User of this BMC, where it is not O(username).
        type: str
      password:
        description: Password of this BMC, where it is not O(password).
        type: str
      tls_fingerprint:
        description:
          - SHA-256 of the BMC's certificate. Exactly this one is trusted then, whatever O(ca_path) and O(validate_certs) say. With another
            one nothing is sent.
        type: str
      serial:
        description: Serial number that the server must have. Of an enclosure with several systems it chooses one.
        type: str
      device_type:
        description: Device type of the server, by which a profile may differ, or images are chosen.
        type: str
      state:
        description:
          - State of the server in its lifecycle. Only a server that is V(staged) or V(ready) is ever rebooted.
        type: str
"""
