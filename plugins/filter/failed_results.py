# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Results of nodes that failed before bcm_provision could say anything about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def failed_results(nodes: Mapping[str, str] | Iterable[str], message: str = "") -> dict[str, dict[str, Any]]:
    """One failed result a node, shaped as bcm_provision returns them: from names and one message, or name: message."""
    messages = dict(nodes) if isinstance(nodes, Mapping) else dict.fromkeys(nodes, message)
    return {name: _failed_result(text) for name, text in messages.items()}


def _failed_result(message: str) -> dict[str, Any]:
    return {
        "action": "nothing",
        "reason": "",
        "outcome": "failed",
        "failed": True,
        "changed": False,
        "message": message,
        "status": "",
        "phase": "",
        "image": "",
        "seconds": 0.0,
        "power_sent": [],
        "started": None,
        "timeline": [],
    }


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Any]:
        return {"failed_results": failed_results}
