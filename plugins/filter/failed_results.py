# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A filter to results of nodes that failed before bcm_provision could report anything about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.decide import Action, Decision
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.node_run import NodeResult
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.outcome import Outcome


def failed_results(
    nodes: Mapping[str, str] | Iterable[str], message: str = "", refused: Iterable[str] = ()
) -> dict[str, dict[str, Any]]:
    """Make one failed result per node, as bcm_provision returns them: from names and one message, or name: message.

    With those in `refused` nothing was attempted.
    """
    messages = dict(nodes) if isinstance(nodes, Mapping) else dict.fromkeys(nodes, message)
    return {name: result.to_ansible() for name, result in failed_nodes(messages, refused).items()}


def failed_nodes(messages: Mapping[str, str], refused: Iterable[str] = ()) -> dict[str, NodeResult]:
    """Make one failed result per node, by name; with those in `refused` nothing was attempted."""
    left_alone = set(refused)
    return {name: _failed_result(name, text, name in left_alone) for name, text in messages.items()}


def _failed_result(name: str, message: str, is_refused: bool) -> NodeResult:
    if is_refused:
        return NodeResult(name, Decision(Action.REFUSE, str(message)), Outcome.SKIPPED, message=str(message))
    return NodeResult(name, Decision(Action.NOTHING, ""), Outcome.FAILED, message=str(message))


class FilterModule:
    """The plugin with the filter failed_results."""

    def filters(self) -> dict[str, Any]:
        """Return the filter by name."""
        return {"failed_results": failed_results}
