# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Journal entries on devices, each with a key in its own text, by which a repetition is recognised."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from .client import JOURNAL, NetBox, Raw
from .errors import NetBoxError, NetBoxTransportError

INFO, SUCCESS, WARNING, DANGER = "info", "success", "warning", "danger"

# What a token must be allowed to do for that.
JOURNALING = (("GET", JOURNAL), ("POST", JOURNAL))

# Stands before the key; also what the server searches for, so that entries of others are not even read.
_MARK = "baremetal-bcm:"
_KEY_DIGITS = 20
_DEVICE = "dcim.device"
_ATTEMPTS = 3


@dataclass(frozen=True)
class Entry:
    """An entry to write. Two entries with the same key on the same device are the same entry.

    `is_new` says that its key can't have been used before, so that it need not be looked for.
    """

    device_id: int
    key: str
    kind: str
    text: str
    is_new: bool = False

    @property
    def comments(self) -> str:
        """Give what NetBox shows: the text, and the key as a code span below."""
        return f"{self.text}\n\n`{_MARK}{self.key}`"

    def to_api(self) -> Raw:
        """Give the fields of the journal entry in NetBox."""
        return {
            "assigned_object_type": _DEVICE,
            "assigned_object_id": self.device_id,
            "kind": self.kind,
            "comments": self.comments,
        }


def entry_key(*parts: object) -> str:
    """Make a key of what distinguishes an entry from all others of its device."""
    text = "\x1f".join(str(part) for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:_KEY_DIGITS]


def known_keys(netbox: NetBox, device_ids: Iterable[int]) -> set[tuple[int, str]]:
    """Read the keys of the entries that these devices have already, as pairs of device id and key."""
    found = set()
    wanted = {"assigned_object_type": _DEVICE, "assigned_object_id": sorted(set(device_ids)), "q": _MARK}
    for raw in netbox.find(JOURNAL, **wanted, fields="id,assigned_object_id,comments"):
        key = _key_in(str(raw.get("comments", "")))
        if key:
            found.add((int(raw["assigned_object_id"]), key))
    return found


def write_entries(netbox: NetBox, entries: Sequence[Entry]) -> dict[Entry, NetBoxError | None]:
    """Write entries that are not there yet; give the error of each, None where it was written or was there.

    Safe to repeat, and repeated here when no response came: the keys show which were written.
    """
    left = list(dict.fromkeys(entries))
    written: dict[Entry, NetBoxError | None] = {}
    for attempt in range(1, _ATTEMPTS + 1):
        doubtful = {entry.device_id for entry in left if attempt > 1 or not entry.is_new}
        known = known_keys(netbox, doubtful)
        written.update({entry: None for entry in left if (entry.device_id, entry.key) in known})
        left = [entry for entry in left if entry not in written]
        try:
            made = netbox.create_many(JOURNAL, [entry.to_api() for entry in left])
        except NetBoxTransportError as error:
            if attempt == _ATTEMPTS:
                written.update(dict.fromkeys(left, error))
            continue
        written.update({entry: one if isinstance(one, NetBoxError) else None for entry, one in zip(left, made)})
        return written
    return written


def write_new(
    netbox: NetBox, entries: Sequence[Entry], *, dry_run: bool = False
) -> tuple[set[Entry], dict[Entry, NetBoxError]]:
    """Write the entries that are not there; give those that were written, and why others could not be.

    A dry run gives those that would be written. Raises NetBoxError where the journal can't be read.
    """
    if not entries:
        return set(), {}
    known = known_keys(netbox, {entry.device_id for entry in entries if not entry.is_new})
    fresh = [entry for entry in dict.fromkeys(entries) if (entry.device_id, entry.key) not in known]
    if dry_run:
        return set(fresh), {}
    # What was looked for is not there.
    sent = {entry: replace(entry, is_new=True) for entry in fresh}
    made = write_entries(netbox, list(sent.values()))
    errors = {entry: error for entry in fresh if (error := made[sent[entry]]) is not None}
    return {entry for entry in fresh if entry not in errors}, errors


def _key_in(comments: str) -> str:
    mark, after = comments.rpartition(f"`{_MARK}")[1:]
    return after.partition("`")[0] if mark else ""
