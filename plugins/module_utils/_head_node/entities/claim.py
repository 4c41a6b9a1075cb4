# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Claims: how one run keeps its nodes from another. Pure; the time is an argument.

A claim stands on the device, in `extra_values`, beside the intent. It names the run and ends at a time. A run renews
one of its claims, and with it all: what counts is the latest end among all devices of that run. So keeping
claims alive costs one write now and then, whatever the number of nodes.

BCM has no compare-and-set. A run that has written its claims waits for a moment, reads all again and looks at the power
history: of two runs that wrote at the same time the last writer keeps the node, and one that finds power sent by
another steps back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..._values.owner import Owner
from .fields import Json

_OWNER = "baremetal_claim_owner"
_RUN = "baremetal_claim_run"
_UNTIL = "baremetal_claim_until"
_LATEST_S = 10**10


@dataclass(frozen=True)
class Claim:
    """The claim on a device: name and word of the run that works on it, and its end in Unix time."""

    owner: str
    run: str
    until_s: float

    @property
    def words(self) -> str:
        """Return the claim as it stands in a sentence: alice until 12:00:00 UTC."""
        of_day_s = int(self.until_s) % 86_400
        return f"{self.owner} until {of_day_s // 3600:02}:{of_day_s // 60 % 60:02}:{of_day_s % 60:02} UTC"

    @classmethod
    def from_api(cls, extra_values: Mapping[str, Any] | None) -> Claim | None:
        """Read a claim; None where there is none. One whose end can't be read is over."""
        stored = extra_values or {}
        if not stored.get(_RUN):
            return None
        try:
            until_s = float(stored.get(_UNTIL) or 0)
        except (TypeError, ValueError, OverflowError):
            until_s = 0.0
        # Others may have written to the device; what is no time would hold for ever.
        until_s = until_s if 0 <= until_s < _LATEST_S else 0.0
        return cls(str(stored.get(_OWNER) or "another run"), str(stored[_RUN]), until_s)


def claim_values(owner: Owner, *, until_s: float) -> dict[str, Json]:
    """Return the `extra_values` that claim a device, or renew the claim; `until_s` is Unix time."""
    return {_OWNER: owner.name, _RUN: owner.run, _UNTIL: int(until_s)}


def released_values() -> dict[str, Json]:
    """Return the `extra_values` that remove a claim: each key with null."""
    return {_OWNER: None, _RUN: None, _UNTIL: None}


def ends_of(devices: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Return when the claims of each run end, in Unix time by the run's word: the latest of all its devices."""
    ends: dict[str, float] = {}
    for device in devices:
        claim = Claim.from_api(device.get("extra_values"))
        if claim is not None:
            ends[claim.run] = max(claim.until_s, ends.get(claim.run, 0.0))
    return ends


def rival_of(device: Mapping[str, Any], owner: Owner, ends: Mapping[str, float], now_s: float) -> Claim | None:
    """Return the live claim of another run on this device; None where it is free, ours, or that run is over.

    `ends` are those of `ends_of`; `now_s` is Unix time.
    """
    claim = Claim.from_api(device.get("extra_values"))
    if claim is None or claim.run == owner.run:
        return None
    until_s = max(claim.until_s, ends.get(claim.run, 0.0))
    if until_s <= now_s or owner.is_dead(claim.run):
        return None
    return Claim(claim.owner, claim.run, until_s)
