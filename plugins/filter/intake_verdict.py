# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A filter that decides what is done with rows of a DHCP tap's spool after the lifecycle has returned their results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.lifecycle.transitions import EventOutcome
from ansible_collections.baremetal.bcm.plugins.module_utils._values.table import align

Row = Mapping[str, Any]
Result = Mapping[str, Any]

_APPLIED = (EventOutcome.CHANGED, EventOutcome.UNCHANGED)
# NetBox has these: as a state and an address, or as an entry in the journal with the reason why not.
_SETTLED = (*_APPLIED, EventOutcome.CONFLICT, EventOutcome.REFUSED)


def intake_verdict(
    rows: Iterable[Row],
    brought: Mapping[str, Any],
    unknown_seconds: float = 0.0,
    so_far: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Decide which receipts are acknowledged, which are tried again soon and which later, with lines for people.

    `brought` is what the lifecycle returned, whole or failed. What NetBox does not know is tried again later until it
    has waited for `unknown_seconds`, and acknowledged then: the machine's next renewal brings it again. What NetBox
    refuses lastingly is acknowledged too, as a failure that its journal has. `so_far` is the verdict on the batch
    before, to which counts and failures are added. The result has the lists of receipts
    `acknowledge`, `retry` and `later`, `counts` by outcome, `failures` by MAC address, and `lines`.
    """
    results = {result["key"]: result for result in brought.get("events", [])}
    nothing = {
        "outcome": str(EventOutcome.FAILED),
        "message": brought.get("msg", "the lifecycle returned nothing"),
    }
    pairs = [(row, results.get(row["receipt"], nothing)) for row in rows]
    later = [row["receipt"] for row, result in pairs if _is_kept(row, result, unknown_seconds)]
    retry = [row["receipt"] for row, result in pairs if _is_tried_again(result)]
    before = so_far or {"counts": {}, "failures": {}}
    counts = Counter(before["counts"]) + Counter(result["outcome"] for _row, result in pairs)
    failures = {row["mac"]: result["message"] for row, result in pairs if result["outcome"] == EventOutcome.FAILED}
    return {
        "acknowledge": [row["receipt"] for row, _result in pairs if row["receipt"] not in {*later, *retry}],
        "retry": retry,
        "later": later,
        "counts": dict(counts),
        "failures": {**before["failures"], **failures},
        "lines": align([_cells(row, result, is_kept=row["receipt"] in later) for row, result in pairs]),
    }


def _is_tried_again(result: Result) -> bool:
    return bool(result["outcome"] == EventOutcome.FAILED and not result.get("lasting"))


def _is_kept(row: Row, result: Result, unknown_seconds: float) -> bool:
    is_known = result["outcome"] in (*_SETTLED, EventOutcome.FAILED)
    return not is_known and bool(row["waited_s"] < unknown_seconds)


def _cells(row: Row, result: Result, *, is_kept: bool) -> tuple[str, ...]:
    before, after = result.get("state_before") or "", result.get("state_after") or ""
    states = f"{before} -> {after}" if before != after else before
    is_applied = result["outcome"] in _APPLIED
    details = ", ".join(result.get("effects") or []) if is_applied else str(result.get("message") or "")
    outcome = f"{result['outcome']}, kept" if is_kept else str(result["outcome"])
    return (row["mac"], row["ip"], str(result.get("device") or "-"), states or "-", outcome, details)


class FilterModule:
    """The plugin with the filter intake_verdict."""

    def filters(self) -> dict[str, Any]:
        """Return the filter by name."""
        return {"intake_verdict": intake_verdict}
