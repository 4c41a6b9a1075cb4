# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A filter that makes one result of those of redfish_harden and of redfish_firmware before it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.controls import GUIDES
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.decide import State
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.options import count_states

Result = dict[str, Any]


def with_firmware(result: Mapping[str, Any], firmware: Mapping[str, Any]) -> Result:
    """Return what became of servers in both tasks, in the shape of redfish_harden's result.

    Their firmware is one more finding, and a server without what was asked for is not compliant. `result` lacks the
    servers whose update failed, and has none where all did or its task failed; `firmware` has none where nothing was
    to be updated.
    Raises AnsibleFilterError for what is no result of these modules.
    """
    if "servers" not in firmware:
        return dict(result)
    try:
        hardened = result.get("servers", {})
        servers = {name: _both(each, hardened.get(name)) for name, each in firmware["servers"].items()}
        before = {
            name: {**each, "controls": [*_findings(firmware["servers"][name], was=True), *each["controls"]]}
            for name, each in result.get("before", {}).items()
        }
        return {
            "changed": bool(result.get("changed") or firmware["changed"]),
            "servers": servers,
            "before": before,
            "counts": count_states(servers),
            "compliant": [name for name, server in servers.items() if server["compliant"]],
            "bundle": result.get("bundle", ""),
            "failures": {**firmware["failures"], **result.get("failures", {})},
        }
    except (AttributeError, KeyError, TypeError) as error:
        raise AnsibleFilterError("with_firmware needs the results of redfish_harden and redfish_firmware") from error


def _both(updated: Mapping[str, Any], hardened: Mapping[str, Any] | None) -> Result:
    found = _findings(updated)
    if hardened is None:
        # Its update failed, or the task that follows it: it was not hardened, as far as is known.
        return {**updated, "profile": "", "compliant": False, "controls": found, "written": []}
    return {
        **hardened,
        "compliant": hardened["compliant"] and not updated["unmet"],
        "controls": [*found, *hardened["controls"]],
        "rebooted": hardened["rebooted"] or updated["rebooted"],
        "sent": updated["sent"],
        "requests": hardened["requests"] + updated["requests"],
        "seconds": round(hardened["seconds"] + updated["seconds"], 1),
    }


def _findings(updated: Mapping[str, Any], *, was: bool = False) -> list[Result]:
    """Return the finding about a server's firmware, or with `was` what it would have been before; none without any."""
    if not (updated["versions"] or updated["failure"]):
        return []
    wanted = {each["component"]: each["wanted"] for each in updated["plan"]}
    lacking = list(wanted) + list(updated["left"]) if was else updated["unmet"]
    seen = {**updated["versions"], **({each["component"]: each["before"] for each in updated["plan"]} if was else {})}
    left = [f"{component}: {why}" for component, why in updated["left"].items()]
    state = State.ERROR if updated["failure"] else State.DRIFT if lacking else State.COMPLIANT
    return [
        {
            "control": "firmware",
            "title": "Versions of firmware that were asked for",
            "state": str(state),
            "seen": seen,
            "wanted": wanted,
            "uris": [],
            "pending": False,
            "reference": GUIDES["updates"],
            "message": "; ".join([updated["error"]] if updated["failure"] else left),
        }
    ]


class FilterModule:
    """The plugin with the filter with_firmware."""

    def filters(self) -> dict[str, Any]:
        """Return the filter by name."""
        return {"with_firmware": with_firmware}
