# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""A head node whose answers are remembered, so that the steps of one run read the cluster once."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ..._values.shape import Shape, anything
from .calls import Json
from .client import HeadNode
from .failover import Link

# What shows the cluster as a whole. Calls that look at single nodes again, right before they are changed, are not here.
_DEVICES = "cmdevice.getDevices"
_STATUSES = "cmstatus.getStatusForDevices"
_CATEGORIES = "cmdevice.getCategories"
_REMEMBERED = frozenset(
    {
        _DEVICES,
        _STATUSES,
        _CATEGORIES,
        "cmpart.getSoftwareImages",
        "cmpart.getPartitions",
        "cmnet.getNetworks",
        "cmprov.getProvisioningStatus",
        "cmmain.getVersion",
        "cmmain.getLicenseInfo",
    }
)
# What else than statuses a call that writes is known to change; one that is not listed may change everything.
_VERBS = ("add", "update", "remove")
_CHANGED_BY = {
    **{f"cmdevice.{verb}{what}": frozenset({_DEVICES}) for verb in _VERBS for what in ("Device", "Devices")},
    **{f"cmdevice.{verb}{what}": frozenset({_CATEGORIES}) for verb in _VERBS for what in ("Category", "Categories")},
    "cmdevice.powerOperation": frozenset(),
    "cmdevice.preboot": frozenset(),
    "cmdevice.pshutdown": frozenset(),
}


class RememberingHeadNode(HeadNode):
    """A head node that reads each list once, until this run writes what it shows.

    What others write meanwhile is not seen, so it is for planning alone: who writes looks at the nodes in question once
    more, by calls that are never remembered. The answers are shared: nobody may change them.
    """

    def __init__(
        self, transport: Link, *, read_only: bool = False, before_write: Callable[[], None] | None = None
    ) -> None:
        super().__init__(transport, read_only=read_only, before_write=before_write)
        self._remembered: dict[tuple[str, str], Json] = {}

    def reader(self) -> RememberingHeadNode:
        """Return this head node for reading alone, with the same connection and the same memory."""
        reader = RememberingHeadNode(self._transport, read_only=True)
        reader._remembered = self._remembered
        return reader

    def _call(
        self,
        service: str,
        call: str,
        args: list[Json],
        *,
        reads: bool,
        action: str,
        shape: Shape = anything,
        **how: Any,
    ) -> Json:
        name = f"{service}.{call}"
        if not reads:
            self._forget(name)
            try:
                return super()._call(service, call, args, reads=reads, action=action, shape=shape, **how)
            finally:
                # Another thread may have read while this was on its way.
                self._forget(name)
        if name not in _REMEMBERED:
            return super()._call(service, call, args, reads=reads, action=action, shape=shape, **how)
        key = (name, json.dumps(args))
        if key not in self._remembered:
            self._remembered[key] = super()._call(service, call, args, reads=reads, action=action, shape=shape, **how)
        return self._remembered[key]

    def _forget(self, writes: str) -> None:
        changed = _CHANGED_BY.get(writes, _REMEMBERED) | {_STATUSES}
        for key in [key for key in self._remembered.copy() if key[0] in changed]:
            self._remembered.pop(key, None)
