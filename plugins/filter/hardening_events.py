# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A filter from the result of redfish_harden to the events of netbox_lifecycle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

_LONGEST = 300


def hardening_events(result: Mapping[str, Any], rollback: bool = False) -> list[dict[str, str]]:
    """Return an event for each server that passed, or failed after something was written to it; none of a rollback.

    A server that was not reached, or to which nothing was written, stays in its state: nothing new is known of it.
    Raises AnsibleFilterError for what is no result of redfish_harden.
    """
    try:
        servers = dict(result["servers"])
        if rollback:
            return []
        passed = [
            {"event": "hardening_passed", "device": name, "reason": f"meets the profile {server['profile']}"}
            for name, server in servers.items()
            if server["compliant"]
        ]
        failed = [
            {"event": "hardening_failed", "device": name, "reason": str(server["error"])[:_LONGEST]}
            for name, server in servers.items()
            if server["failure"] and (server["written"] or server["rebooted"] or server.get("sent"))
        ]
    except (KeyError, TypeError) as error:
        raise AnsibleFilterError("hardening_events needs the result of redfish_harden") from error
    return [*passed, *failed]


class FilterModule:
    """The plugin with the filter hardening_events."""

    def filters(self) -> dict[str, Any]:
        """Return the filter by name."""
        return {"hardening_events": hardening_events}
