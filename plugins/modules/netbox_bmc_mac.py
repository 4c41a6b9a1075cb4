#!/usr/bin/python
# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Load the MAC addresses of BMCs from a manifest into NetBox."""

from __future__ import annotations

DOCUMENTATION = r"""
module: netbox_bmc_mac
short_description: Load the MAC addresses of BMCs from a manifest into NetBox
version_added: 0.1.0
description:
  - Takes the list of serial numbers and BMC MAC addresses that a manufacturer sends with an order, as CSV, and gives the BMC
    interfaces of these devices in NetBox their MAC addresses, many devices a request.
  - The file is read whole first. Its first line must name the columns C(server_serial) and C(server_bmc_mac), in any order; others
    are ignored. Columns are separated by commas. Quotation marks, a byte order mark, any line ends and blank lines are understood,
    and MAC addresses in any usual notation. The file must be UTF-8.
  - A row whose interface has no MAC address sets it. One whose interface has this MAC address changes nothing. One whose interface
    has B(another) MAC address is skipped and changes nothing either. What was set and what was skipped gets one entry in the
    journal of the device.
  - A row fails if it can't be read, if it contradicts another row (one serial number with two MAC addresses or the reverse), if its
    serial number belongs to no device or to several, if the device has no BMC interface or several, or if another interface has
    the MAC address. Failed rows leave the others alone; the task fails at its end.
  - It is safe to run the same again after an interruption, and the journal then has what the interrupted run did.
  - Acts on the controller. It prints a line every few seconds, and at the end the rows that were skipped or failed, and the counts.
author:
  - The baremetal.bcm contributors (!UNKNOWN)
extends_documentation_fragment:
  - baremetal.bcm.netbox
  - baremetal.bcm.attributes
attributes:
  check_mode:
    support: full
    details: The file of O(report_path) is not written in check mode.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  path:
    description:
      - The manifest, a file on the controller. A relative path is below the directory that C(ansible-playbook) was started in,
        or below the project in AWX.
      - Either this or O(content) must be given.
    type: path
  content:
    description: The manifest itself.
    type: str
  interface_names:
    description:
      - What the interface of a BMC is called, in any case.
      - A device that has several of these fails its row, unless one of them has the MAC address already. Fewer names help then.
    type: list
    elements: str
    default: [bmc, ilo, idrac]
  batch_size:
    description: How many rows are looked up and written at a time, from 1 to 1000.
    type: int
    default: 50
  parallel_batches:
    description: How many batches are under way at a time, from 1 to 32. More than the worker processes of NetBox gain nothing.
    type: int
    default: 4
  report_path:
    description:
      - File on the controller to which a report of all rows is written, as CSV where its name ends in C(.csv), else as JSON.
      - It is readable for its owner only.
    type: path
  ledger_path:
    description:
      - Directory, on a local disk of the controller, of the file in which journal entries are remembered before their MAC addresses are
        set. What a run that died or got no answer still owed the journal is written by the next run with the same directory.
      - In a container that does not outlive a run this must be a volume.
    type: path
    default: ~/.ansible/baremetal.bcm/ledger
  fail_on_error:
    description:
      - Whether the task fails when a row failed. The others are done in any case.
      - Without it, the caller has to look at RV(failures).
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Load the manifest of an order
  baremetal.bcm.netbox_bmc_mac:
    url: https://netbox.example.com
    token: "{{ vault_netbox_token }}"
    path: manifest.csv
    report_path: manifest-report.csv

- name: Load two rows; the connection comes from NETBOX_URL and NETBOX_TOKEN
  baremetal.bcm.netbox_bmc_mac:
    content: |
      server_serial,server_bmc_mac
      MXP1111111,A0:36:9F:7C:05:00
      MXP1111112,a036.9f7c.0501
"""

RETURN = r"""
rows:
  description: What became of each line that is not blank, in the order of the file.
  returned: always, unless nothing could be done at all
  type: list
  elements: dict
  contains:
    line: {description: Its number in the file., type: int, sample: 2}
    serial: {description: The serial number., type: str, sample: MXP1111111}
    mac: {description: The MAC address as NetBox writes it., type: str, sample: "A0:36:9F:7C:05:00"}
    outcome:
      description:
        - V(set), V(unchanged), V(skipped) where the interface has another MAC address, V(repeated) where an earlier line has the
          same, or V(failed).
      type: str
      sample: set
    device: {description: Name of the device, type: str, sample: dgx-05}
    interface: {description: Name of its BMC interface., type: str, sample: iLO}
    message: {description: Why., type: str, sample: interface iLO gets this MAC address}
    changed: {description: Whether a MAC address was set or a journal entry was written., type: bool, sample: true}
  sample: [{line: 2, serial: MXP1111111, outcome: set}]
counts:
  description: How many rows had which outcome.
  returned: always, unless nothing could be done at all
  type: dict
  contains:
    set: {description: Rows that set a MAC address., type: int, sample: 9950}
    unchanged: {description: Rows whose MAC address was there already., type: int, sample: 40}
    skipped: {description: Rows whose interface keeps another MAC address., type: int, sample: 7}
    repeated: {description: Rows that have the same as an earlier one., type: int, sample: 0}
    failed: {description: Rows that failed., type: int, sample: 3}
  sample: {set: 9950, unchanged: 40, skipped: 7, repeated: 0, failed: 3}
failures:
  description: Why rows failed, by the number of the line.
  returned: always, unless nothing could be done at all
  type: dict
  sample: {"17": "MXP1111119: NetBox has no device with serial number MXP1111119"}
ignored_columns:
  description: Columns of the file that are not used.
  returned: always, unless nothing could be done at all
  type: list
  elements: str
  sample: ["'rack'"]
"""
