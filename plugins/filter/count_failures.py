# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How many nodes of a run failed, as the limit of failures counts them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.outcome import Outcome


def count_failures(results: Mapping[str, Mapping[str, Any]]) -> int:
    """Count the results of bcm_provision, by host name, that count for its option max_failures."""
    try:
        return sum(Outcome(result["outcome"]).counts_against_limit for result in results.values())
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise AnsibleFilterError("count_failures needs what bcm_provision returned: its nodes") from error


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"count_failures": count_failures}
