#!/usr/bin/python
# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Give BMCs certificates of the site's authority, through Redfish."""

from __future__ import annotations

DOCUMENTATION = r"""
module: redfish_certificate
short_description: Give BMCs certificates of the site's authority, through Redfish
version_added: 0.1.0
description:
  - Reads the HTTPS certificate that each BMC shows, and says whether another one is due, because this one is not issued by the site's
    authority, expires soon, lacks a name, or has a weak key.
  - Where it is, the BMC makes a key and a signing request. The key never leaves the BMC.
  - The request is signed here with O(authority_key), or elsewhere, between a task with O(state=requested) and one with O(certificates).
  - Nothing is installed that does not belong to the request, is not issued by the authority, or would be due again at once.
  - It counts once the BMC shows the new certificate on a new connection, and lets us in there. One that goes on showing the old one is
    reset, which its server does not notice.
  - Certificates that are pinned in NetBox follow. While one is being replaced both are trusted, so that a run that is killed at any point
    shuts nobody out.
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
    details: What the authority will sign is not known before; issuer and names are shown as they are wanted.
  idempotent:
    support: partial
    details: With O(state=requested) each run makes new requests where certificates are due, and those of before are void.
options:
  state:
    description:
      - V(installed) brings BMCs to certificates of the authority, or to those in O(certificates).
      - V(requested) has signing requests made where certificates are due, and installs nothing.
    type: str
    choices: [installed, requested]
    default: installed
  authority:
    description:
      - The site's authority, one or more certificates in PEM. One of them must have issued a BMC's certificate itself; where that is an
        intermediate one, give it.
    type: str
    required: true
  authority_key:
    description:
      - The private key of one of the certificates in O(authority), in PEM, by which requests are signed here. It is used where the task
        runs, and sent nowhere.
      - Its certificate must be valid for longer than O(renew_within_days).
      - With O(state=installed) either this or O(certificates) is needed.
    type: str
  authority_passphrase:
    description: What opens O(authority_key), where that is encrypted.
    type: str
  certificates:
    description:
      - Certificates in PEM that were signed elsewhere, by server, which are installed. After the first one there may be those of
        intermediate authorities. Servers that are not in it are left as they are.
      - With it nothing is judged by O(renew_within_days) but these certificates.
    type: dict
    default: {}
  signing_requests:
    description:
      - The requests that O(certificates) were signed for, by server, as a task with O(state=requested) has returned them. A certificate with
        another key is refused before anything is sent.
    type: dict
    default: {}
  names:
    description:
      - The names that certificates must have, by server, as lists of DNS names and addresses. The first one is the common name.
      - A server that is not in it needs the address of its BMC.
    type: dict
    default: {}
  subject:
    description: What requests say beside the names. Needed unless O(certificates) is given. Certificates are not compared with it.
    type: dict
    suboptions:
      organization:
        description: Name of the organization.
        type: str
        required: true
      organizational_unit:
        description: Unit of the organization.
        type: str
        required: true
      city:
        description: City.
        type: str
        required: true
      state:
        description: State or province.
        type: str
        required: true
      country:
        description: Country, in two letters.
        type: str
        required: true
  renew_within_days:
    description: A certificate that expires within so many days is due.
    type: int
    default: 30
  valid_days:
    description: How long certificates that are signed here are valid, in days, but no longer than O(authority).
    type: int
    default: 397
  allow_bmc_reset:
    description:
      - Whether a BMC may be reset that took a certificate and goes on showing the old one, as an iDRAC before 5.10.10 does. Its server goes
        on running. An iLO resets by itself, whatever is said here.
    type: bool
    default: true
  certificate_timeout:
    description:
      - How long a BMC may take to make a request, and again to show its new certificate, in seconds. An iLO may take 10 minutes for the
        first, and some for the second. O(deadline) is for all else.
    type: float
    default: 900
  lock_path:
    description:
      - Directory of the files by which runs on this computer keep out of each other's way, one BMC at a time. Those on other computers need
        O(netbox).
    type: path
    default: ~/.ansible/baremetal.bcm/locks
requirements:
  - cryptography
notes:
  - A certificate that is pinned by O(servers[].tls_fingerprint) must be changed there afterwards, to the C(tls_fingerprint) that is returned.
    Several with blanks between them are each trusted.
  - With O(ca_path) a certificate is refused that the next run would not trust by it.
"""

EXAMPLES = r"""
- name: Give BMCs certificates that are signed here
  baremetal.bcm.redfish_certificate:
    servers:
      - {name: dgx-05, address: 10.229.10.15, serial: MXP1111111}
    username: hardener
    password: "{{ vault_bmc_password }}"
    authority: "{{ lookup('file', '/etc/site/bmc-ca.pem') }}"
    authority_key: "{{ lookup('file', '/etc/site/bmc-ca.key') }}"
    authority_passphrase: "{{ vault_authority_passphrase }}"
    names:
      dgx-05: [dgx-05-bmc.example.com, 10.229.10.15]
    subject: {organization: Example, organizational_unit: IT, city: Bern, state: BE, country: CH}

- name: Have requests made where certificates are due, to be signed elsewhere
  baremetal.bcm.redfish_certificate:
    state: requested
    servers:
      - {name: dgx-06, address: 10.229.10.16, serial: MXP1111112}
    username: hardener
    password: "{{ vault_bmc_password }}"
    authority: "{{ lookup('file', '/etc/site/bmc-ca.pem') }}"
    names:
      dgx-06: [dgx-06-bmc.example.com, 10.229.10.16]
    subject: {organization: Example, organizational_unit: IT, city: Bern, state: BE, country: CH}
  register: requested

- name: Have a certificate signed by whatever the site has
  ansible.builtin.command:
    cmd: /opt/site/sign dgx-06-bmc.example.com
    stdin: "{{ requested.servers['dgx-06'].signing_request }}"
  register: signed
  changed_when: true

- name: Install what was signed
  baremetal.bcm.redfish_certificate:
    servers:
      - {name: dgx-06, address: 10.229.10.16, serial: MXP1111112}
    username: hardener
    password: "{{ vault_bmc_password }}"
    authority: "{{ lookup('file', '/etc/site/bmc-ca.pem') }}"
    names:
      dgx-06: [dgx-06-bmc.example.com, 10.229.10.16]
    certificates:
      dgx-06: "{{ signed.stdout }}"
    signing_requests:
      dgx-06: "{{ requested.servers['dgx-06'].signing_request }}"
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
              V(not_tried) where others refused the same credentials, or V(not_kept) where a BMC goes on showing the old certificate.
          type: str
          sample: null
        phase:
          description: "Where it failed, V(claim), V(login), V(read), V(request), V(sign), V(install) or V(verify); empty otherwise."
          type: str
          sample: ""
        error: {description: Why it failed; empty otherwise., type: str, sample: ""}
        requests: {description: How many HTTP requests it took., type: int, sample: 14}
        seconds: {description: How long it took., type: float, sample: 12.4}
        certificate:
          description: The certificate that the BMC shows at the end; in check mode the one that it has. Null where it could not be read.
          type: dict
          contains:
            subject: {description: Whose it is., type: str, sample: "CN=dgx-05-bmc.example.com,O=Example"}
            issuer: {description: Who has signed it., type: str, sample: CN=BMC authority}
            names:
              description: Its DNS names and addresses.
              type: list
              elements: str
              sample: [dgx-05-bmc.example.com, 10.229.10.15]
            not_after: {description: When it expires., type: str, sample: "2027-12-24T10:00:00Z"}
            sha256: {description: Its SHA-256., type: str, sample: 5d41402abc4b2a76b9719d911017c592ae0a2c1d5b5c6a2f1c1f1d1f1e1a1b1c}
            key: {description: Kind and length of its key., type: str, sample: RSA 2048}
          sample: {issuer: CN=BMC authority, names: [dgx-05-bmc.example.com, 10.229.10.15], key: RSA 2048}
        due:
          description: Why another one is due, each the end of a sentence. Empty where it is not, and with O(certificates).
          type: list
          elements: str
          sample: [is not issued by the site's authority but by CN=factory]
        plan:
          description: What was found to be done, in order, V(request), V(sign) and V(install).
          type: list
          elements: str
          sample: [request, sign, install]
        done:
          description: What was done, V(reset) among it where the BMC was reset for it; empty in check mode.
          type: list
          elements: str
          sample: [request, sign, install]
        signing_request: {description: "The signing request that was made, in PEM; else empty.", type: str, sample: ""}
  sample: {dgx-05: {vendor: idrac, plan: [request, sign, install], done: [request, sign, install, reset]}}
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
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.certificate_servers import (
    CERTIFICATE,
    set_certificates,
)


def main() -> None:
    run_redfish_module(CERTIFICATE, set_certificates)


if __name__ == "__main__":
    main()
