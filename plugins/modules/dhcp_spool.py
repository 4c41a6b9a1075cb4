#!/usr/bin/python
# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Take what a DHCP tap has seen out of its spool, and give it back."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dhcp_spool
short_description: Take what a DHCP tap has seen out of its spool, and give it back
version_added: 0.1.0
description:
  - A DHCP tap writes every lease it sees into its spool, a file on the host it runs on. This module runs on that host and works on the
    file.
  - Rows are leased for a while, worked on, and then acknowledged, which deletes them, or released, which lets any run lease them again.
    A lease that is neither acknowledged nor released runs out, so that nothing is lost when its holder dies.
  - Any number of taps and consumers may use a spool at the same time; no row has two holders.
  - The user the task runs as must be able to write the file and its directory. The role P(baremetal.bcm.dhcp_tap#role) makes a user for that.
author:
  - The baremetal.bcm contributors (!UNKNOWN)
extends_documentation_fragment:
  - baremetal.bcm.attributes
attributes:
  action_group:
    support: none
    membership: []
  check_mode:
    support: full
    details: Does the same on a copy of the spool, and leaves the spool alone.
  diff_mode:
    support: full
  idempotent:
    support: partial
    details: V(lease) leases other rows each time, until none is left. The other actions are idempotent.
options:
  path:
    description: The spool. It must exist, the tap makes it when it starts.
    type: path
    required: true
  action:
    description:
      - What to do. V(stats) only reads.
      - V(lease) takes rows that have no holder, those that wait longest first.
      - V(acknowledge) deletes rows whose sighting NetBox has. Where the machine was seen again since the lease, that newer sighting stays.
      - V(release) gives rows back that O(holder) still holds.
    type: str
    required: true
    choices: [lease, acknowledge, release, stats]
  holder:
    description: The name of the run that leases. The same name belongs to the acknowledgement and the release. Required by all actions but V(stats).
    type: str
  receipts:
    description: RV(rows[].receipt) of the rows to acknowledge or release. With an empty list nothing is done.
    type: list
    elements: str
  limit:
    description: How many rows to lease at most.
    type: int
    default: 500
  seconds:
    description: How long a lease lasts. It should be longer than the work on the rows takes.
    type: float
    default: 900
  again_in:
    description: After how many seconds released rows can be leased again.
    type: float
    default: 0
"""

EXAMPLES = r"""
- name: See how much waits
  baremetal.bcm.dhcp_spool:
    path: /var/lib/dhcp-tap/spool.sqlite
    action: stats

- name: Lease what waits
  baremetal.bcm.dhcp_spool:
    path: /var/lib/dhcp-tap/spool.sqlite
    action: lease
    holder: "{{ inventory_hostname }}-4711"
    limit: 100
  register: leased

- name: Give back what could not be worked on, to be tried again in a minute
  baremetal.bcm.dhcp_spool:
    path: /var/lib/dhcp-tap/spool.sqlite
    action: release
    holder: "{{ inventory_hostname }}-4711"
    receipts: "{{ leased.rows | map(attribute='receipt') | list }}"
    again_in: 60

- name: Delete what NetBox has
  baremetal.bcm.dhcp_spool:
    path: /var/lib/dhcp-tap/spool.sqlite
    action: acknowledge
    holder: "{{ inventory_hostname }}-4711"
    receipts: "{{ leased.rows | map(attribute='receipt') | list }}"
"""

RETURN = r"""
rows:
  description: The rows that were leased.
  returned: when O(action=lease)
  type: list
  elements: dict
  contains:
    receipt: {description: What V(acknowledge) and V(release) need back in O(receipts)., type: str, sample: "02:00:00:00:00:01#17"}
    mac: {description: The MAC address the lease was given to., type: str, sample: "02:00:00:00:00:01"}
    ip: {description: The IP address it was given., type: str, sample: 10.229.10.15}
    hostname: {description: "The host name the client gave, not checked: its first label, made one of RFC 1123.", type: str, sample: ilo-mxq1234}
    vendor: {description: Whose MAC address it is. A hint., type: str, sample: Hewlett Packard Enterprise}
    vendor_class: {description: What the client says it is., type: str, sample: CPQRIB3}
    relay: {description: The relay the lease went through., type: str, sample: 10.229.10.1}
    circuit_id: {description: The relay's port in hexadecimal., type: str, sample: "0004000a0102"}
    remote_id: {description: The relay in hexadecimal., type: str, sample: ""}
    vlan: {description: The VLAN it was seen on., type: int, sample: null}
    lease_s: {description: "How long the address is leased for, in seconds.", type: int, sample: 43200}
    server: {description: The DHCP server., type: str, sample: 10.229.10.2}
    interface: {description: The interface it was seen on., type: str, sample: eth1}
    is_first: {description: Whether this MAC address is new here or has a new IP address., type: bool, sample: true}
    seen: {description: How many sightings were merged into this row., type: int, sample: 1}
    attempts: {description: "How often it was leased, this time included.", type: int, sample: 1}
    first_seen: {description: When it was first seen., type: str, sample: "2026-11-20T18:30:00.125Z"}
    last_seen: {description: When it was last seen., type: str, sample: "2026-11-20T18:30:00.125Z"}
    waited_s: {description: How long ago it was first seen., type: float, sample: 1.25}
done:
  description: How many rows were leased, acknowledged or released. The others had gone, or had a newer sighting.
  returned: success
  type: int
  sample: 1
stats:
  description: The spool afterwards.
  returned: success
  type: dict
  contains:
    rows: {description: Rows that wait or are leased., type: int, sample: 3}
    rows_first: {description: "Those of them that are first sightings.", type: int, sample: 3}
    leased: {description: Those of them that are leased now., type: int, sample: 1}
    available: {description: Those of them that can be leased now., type: int, sample: 2}
    oldest_age_s: {description: How long the oldest has waited., type: float, sample: 4.5}
    size_bytes: {description: Size of the file., type: int, sample: 36864}
    full: {description: "Whether it is full: renewals are no longer stored.", type: bool, sample: false}
    first_sightings: {description: "First sightings over the spool's life.", type: int, sample: 3}
    renewals: {description: "Renewals over the spool's life.", type: int, sample: 0}
    coalesced: {description: Sightings merged into a row that waited., type: int, sample: 0}
    dropped: {description: Renewals dropped because the spool was full., type: int, sample: 0}
    refused: {description: First sightings refused because the disk was full., type: int, sample: 0}
    acknowledged: {description: Rows acknowledged., type: int, sample: 0}
"""

import sqlite3
import time
from contextlib import closing
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.checked_module import CheckedModule
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.spool import Receipt, Row, Spool, SpoolError

# What a diff shows of the spool: what the actions change, and nothing that changes by itself.
_SHOWN = ("rows", "leased", "acknowledged")


def work(spool: Spool, params: dict[str, Any]) -> dict[str, Any]:
    """Do one action; `changed` is whether a row has another holder, or is gone. Raises SpoolError."""
    before = asdict(spool.stats())
    result = _act(spool, params)
    after = asdict(spool.stats())
    result.update(changed=bool(result["done"]), stats=after)
    if result["changed"]:
        result["diff"] = [
            {
                "header": params["path"],
                **{when: {key: stats[key] for key in _SHOWN} for when, stats in _pair(before, after)},
            }
        ]
    return result


def _pair(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [("before", before), ("after", after)]


def _act(spool: Spool, params: dict[str, Any]) -> dict[str, Any]:
    action, holder = params["action"], params["holder"]
    if action == "lease":
        rows = spool.lease(params["limit"], params["seconds"], holder)
        return {"rows": [_show(row) for row in rows], "done": len(rows)}
    if action == "stats":
        return {"done": 0}
    receipts = [_receipt_of(text) for text in params["receipts"]]
    if action == "acknowledge":
        return {"done": spool.acknowledge(receipts, holder)}
    return {"done": spool.release(receipts, holder, again_in_s=params["again_in"])}


def _show(row: Row) -> dict[str, Any]:
    return {
        **row.item.to_dict(),
        "receipt": row.receipt,
        "is_first": row.is_first,
        "seen": row.seen,
        "attempts": row.attempts,
        "first_seen": _moment(row.first_seen),
        "last_seen": _moment(row.last_seen),
        "waited_s": round(max(0.0, time.time() - row.first_seen), 3),
    }


def _moment(unix_s: float) -> str:
    text = datetime.fromtimestamp(unix_s, tz=timezone.utc).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _receipt_of(text: str) -> Receipt:
    try:
        return Receipt.from_text(text)
    except ValueError as error:
        raise SpoolError(
            f"could not read the receipt {text!r}: it must be rows[].receipt of a lease, unchanged"
        ) from error


def _copy(path: Path, copy: Path) -> None:
    """Copy a spool that others write to, as it is at one moment."""
    try:
        source = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        with closing(source), closing(sqlite3.connect(copy)) as target:
            source.backup(target)
    except sqlite3.Error as error:
        raise SpoolError(f"could not read the spool {path}: {error}; does the tap run on this host?") from error


def _run(params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    path = Path(params["path"])
    if not check_mode:
        with Spool(path, create=False) as spool:
            return work(spool, params)
    with TemporaryDirectory(prefix="dhcp_spool-") as directory:
        copy = Path(directory) / "spool"
        _copy(path, copy)
        with Spool(copy, create=False) as spool:
            return work(spool, params)


def main() -> None:
    module = CheckedModule(
        {
            "path": {"type": "path", "required": True},
            "action": {"type": "str", "required": True, "choices": ["lease", "acknowledge", "release", "stats"]},
            "holder": {"type": "str"},
            "receipts": {"type": "list", "elements": "str"},
            "limit": {"type": "int", "default": 500},
            "seconds": {"type": "float", "default": 900.0},
            "again_in": {"type": "float", "default": 0.0},
        },
        required_if=[
            ("action", "lease", ("holder",)),
            ("action", "acknowledge", ("holder", "receipts")),
            ("action", "release", ("holder", "receipts")),
        ],
    )
    if module.params["action"] == "lease" and (module.params["limit"] < 1 or module.params["seconds"] <= 0):
        module.fail_json(msg="limit must be at least 1 and seconds more than 0: a lease of nothing leases nothing")
    try:
        result = _run(module.params, check_mode=module.check_mode)
    except SpoolError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
