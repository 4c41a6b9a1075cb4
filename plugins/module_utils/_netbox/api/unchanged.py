# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Changes of objects that are as they were read, and of no others, where NetBox honours If-Match."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone

from .client import Made, NetBox, Raw
from .errors import NetBoxApiError, NetBoxStale


def update_unchanged(
    netbox: NetBox, path: str, changes: Mapping[int, Raw], stamps: Mapping[int, str]
) -> dict[int, Made]:
    """Change objects in bulk; `stamps` has the `last_updated` that each was read with.

    One that was changed since is NetBoxStale. NetBox before 4.6 changes it all the same.
    """
    if not changes or not netbox.has_etags:
        return netbox.update_many(path, changes)
    made = netbox.update_many(path, changes, etags={each: etag_of(stamps[each]) for each in changes})
    for object_id, result in made.items():
        if isinstance(result, NetBoxStale):
            made[object_id] = _update_one(netbox, path, object_id, changes[object_id], stamps[object_id], result)
    return made


def _update_one(netbox: NetBox, path: str, object_id: int, change: Raw, stamp: str, stale: NetBoxStale) -> Made:
    """Try again where the object was not changed: perhaps this NetBox makes its ETags in another way."""
    try:
        current = netbox.get(path, object_id)
        if current.etag is None or str(current.raw.get("last_updated") or "") != stamp:
            return stale
        return netbox.update(path, object_id, change, if_match=current.etag)
    except NetBoxApiError as error:
        return error


def etag_of(last_updated: str) -> str:
    """Make the ETag as NetBox 4.6 makes it of the time of the last change; so none is read for its ETag alone.

    Of an object without such a time it fits none, so that the true one is asked for.
    """
    if not last_updated:
        return 'W/"unknown"'
    moment = datetime.fromisoformat(last_updated.replace("Z", "+00:00"))
    return f'W/"{moment.astimezone(timezone.utc).isoformat()}"'
