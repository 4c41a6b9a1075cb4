#!/usr/bin/python
# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Move servers through their lifecycle in NetBox."""

from __future__ import annotations

DOCUMENTATION = r"""
module: netbox_lifecycle
short_description: Move servers through their lifecycle in NetBox
version_added: 0.1.0
description:
  - Applies events to servers in NetBox. What happened is looked up, with the state the server is in, in one table of transitions, which
    C(docs/lifecycle.md) shows. What is not in the table is refused, journaled once, and changes nothing.
  - Of a DHCP acknowledgement for a BMC it keeps the address, and moves the server from C(offline) to C(discovered).
  - The address is assigned first and the state moves last, so that a failure in between is finished by the next event. Events that come
    twice, or at the same moment from several places, end in the same state.
  - An address that belongs to something else is never taken. A server that NetBox does not know is never created.
  - What was done stands in the journal of the device, once, also where NetBox or this run ended in between. What was refused, by the table
    or by NetBox itself, stands there once too, whatever the number of lease renewals.
  - Where a device is known by an address that it loses, its C(primary_ip4), C(primary_ip6) or C(oob_ip) follows to the new one. An
    C(oob_ip) that is not set is left so.
  - A MAC address that is on several devices is a conflict, of which the journal of each of them tells.
author:
  - The baremetal.bcm contributors (!UNKNOWN)
extends_documentation_fragment:
  - baremetal.bcm.netbox
  - baremetal.bcm.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: partial
    details:
      - Events that come again change nothing. But a list that leads one server through several states ends in another state than it
        began in, so that the first of its events are refused when it comes again, which the journal has once.
options:
  events:
    description:
      - What happened, in the order it happened. Some hundred of them take hardly more requests than one.
    type: list
    elements: dict
    required: true
    suboptions:
      event:
        description:
          - What happened.
          - V(dhcp_ack) a BMC was given a lease. It needs O(events[].ip).
          - V(validation_passed), V(validation_failed), V(hardening_passed) and V(hardening_failed) are what these phases report.
          - V(provisioned) the server was handed over.
          - V(retired), V(quarantined) and V(readmitted) are what people decide. V(readmitted) takes a failed server back to C(discovered).
        type: str
        required: true
        choices:
          - dhcp_ack
          - validation_passed
          - validation_failed
          - hardening_passed
          - hardening_failed
          - provisioned
          - retired
          - quarantined
          - readmitted
      device:
        description:
          - The server, by its name or id in NetBox. One of O(events[].device) and O(events[].mac) is needed.
        type: str
      mac:
        description:
          - A MAC address of the server, in any notation. For V(dhcp_ack) it must be that of the BMC.
        type: str
      ip:
        description:
          - The address of the lease.
        type: str
      prefix_length:
        description:
          - Length of the lease's prefix, for an address object that is created. Without it that is one of a single host.
        type: int
      hostname:
        description:
          - Host name that the client gave. Only the journal shows it, as one label of RFC 1123 (C(Demo_GPU 01.example.com) becomes
            C(demo-gpu-01)), which is the rule of the DHCP tap too.
        type: str
      time:
        description:
          - When it happened. Only the journal shows it.
        type: str
      reason:
        description:
          - Why, in a sentence. Only the journal shows it.
        type: str
      key:
        description:
          - The caller's own name for this event, which comes back in RV(events[].key). The role P(baremetal.bcm.intake#role) gives the
            receipt of a row of the spool.
        type: str
  state_field:
    description:
      - Where the state lives. V(status) is the status of the device. V(custom_field:NAME) is a custom field, and the status stays as it is.
      - NetBox has neither a status C(discovered) nor C(ready) by itself. See M(baremetal.bcm.netbox_bootstrap).
    type: str
    default: status
  interface_names:
    description:
      - Names of interfaces that belong to a BMC, in any case.
      - An interface with the MAC address of a lease is taken for the BMC's if it has one of these names or is marked C(Management only) in
        NetBox, or if the device has no interface with one of these names.
    type: list
    elements: str
    default: [bmc, ilo, idrac]
  vrf:
    description:
      - Name of the VRF that addresses are looked for and created in. Without it that is the global table.
    type: str
  tags:
    description:
      - Names of tags that address objects get when they are created. M(baremetal.bcm.netbox_bootstrap) creates missing ones.
    type: list
    elements: str
    default: []
  lock_path:
    description:
      - Directory of the file by which runs on this computer keep out of each other's way, one device at a time.
      - From NetBox 4.6 on, runs on other computers are kept out by C(If-Match) too.
    type: path
    default: ~/.ansible/baremetal.bcm/locks
  ledger_path:
    description:
      - Directory, on a local disk, of the file in which journal entries are remembered before the changes they tell of are made. What a
        run that died or got no answer still owed the journal is written by the next run with the same directory.
      - In a container that does not outlive a run this must be a volume.
    type: path
    default: ~/.ansible/baremetal.bcm/ledger
  fail_on_error:
    description:
      - Whether the task fails when an event failed. The others are done in any case.
      - Without it the caller looks at RV(failures). An event with another outcome never fails the task.
    type: bool
    default: true
seealso:
  - module: baremetal.bcm.netbox_bootstrap
"""

EXAMPLES = r"""
- name: BMCs were given leases
  baremetal.bcm.netbox_lifecycle:
    url: https://netbox.example.com
    token: "{{ vault_netbox_token }}"
    events:
      - {event: dhcp_ack, mac: "a0:36:9f:7c:05:00", ip: 10.229.10.11, prefix_length: 24, hostname: ilo-mxp1111111}
      - {event: dhcp_ack, mac: "a0:36:9f:7c:05:04", ip: 10.229.10.12, prefix_length: 24}

- name: A server passed validation
  baremetal.bcm.netbox_lifecycle:
    url: https://netbox.example.com
    token: "{{ vault_netbox_token }}"
    events:
      - {event: validation_passed, device: dgx-05, reason: memory and disks without errors}

- name: Take a server out of use
  baremetal.bcm.netbox_lifecycle:
    url: https://netbox.example.com
    token: "{{ vault_netbox_token }}"
    events:
      - {event: quarantined, device: dgx-05, reason: two DIMMs with errors that were not corrected}
"""

RETURN = r"""
events:
  description: What became of each event, in the order they were given.
  returned: success or failure of single events
  type: list
  elements: dict
  contains:
    event: {description: What happened., type: str, sample: dhcp_ack}
    key: {description: The caller's own name for the event., type: str, sample: "17"}
    mac: {description: "The MAC address, as NetBox writes it.", type: str, sample: "A0:36:9F:7C:05:00"}
    ip: {description: The address of the lease., type: str, sample: 10.229.10.11}
    device: {description: Name of the server., type: str, sample: dgx-05}
    device_id: {description: Its id in NetBox., type: int, sample: 7}
    interface: {description: The BMC's interface., type: str, sample: iLO}
    state_before: {description: The state it was found in., type: str, sample: offline}
    state_after: {description: The state it is in now., type: str, sample: discovered}
    effects:
      description: What was done beside the state.
      type: list
      elements: str
      sample: [10.229.10.11 assigned to iLO]
    journal: {description: The journal entry that was written. Null where there was nothing new., type: str, sample: ""}
    outcome:
      description:
        - V(changed) or V(unchanged) where the event is as it should be.
        - V(conflict) where NetBox contradicts the event, V(refused) where the event has no place in this state, V(not_found) where
          NetBox does not know the server. Trying again is pointless until NetBox was changed.
        - V(failed) where NetBox could not be read or written. Trying again is safe.
      type: str
      sample: changed
    lasting:
      description: Whether it failed because NetBox refused it, will refuse it again until somebody changes NetBox, and the journal has it.
      type: bool
      sample: false
    message: {description: "The outcome in words.", type: str, sample: ""}
  sample: []
counts:
  description: How many events ended with each outcome.
  returned: success or failure of single events
  type: dict
  contains:
    changed: {description: Those that changed something., type: int, sample: 1}
    unchanged: {description: Those that found all as it should be., type: int, sample: 0}
    conflict: {description: Those that NetBox contradicts., type: int, sample: 0}
    refused: {description: Those that have no place in the state., type: int, sample: 0}
    not_found: {description: Those of servers that NetBox does not know., type: int, sample: 0}
    failed: {description: Those that could not be applied., type: int, sample: 0}
failures:
  description: Why events failed, by device or MAC address.
  returned: success or failure of single events
  type: dict
  sample: {}
debug_calls:
  description: One line for each request to NetBox; the last 500.
  returned: when debug_calls is set, or with -vvv
  type: list
  elements: str
  sample: ["GET /api/dcim/devices/: HTTP 200, 41 ms, 0 bytes sent, 10412 received"]
"""

from typing import TYPE_CHECKING, Any

from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.runner import run_netbox_module
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.lifecycle.options import EVENTS, apply_events
from ansible_collections.baremetal.bcm.plugins.module_utils._values.sentences import sentences

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

    from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.client import NetBox


SPEC = {**EVENTS, "fail_on_error": {"type": "bool", "default": True}}


def work(module: AnsibleModule, netbox: NetBox) -> dict[str, Any]:
    result = apply_events(netbox, module.params, check_mode=module.check_mode)
    if result["failures"] and module.params["fail_on_error"]:
        module.fail_json(msg="; ".join(sentences(result["failures"], "server")), **result)
    return result


def main() -> None:
    run_netbox_module(SPEC, work)


if __name__ == "__main__":
    main()
