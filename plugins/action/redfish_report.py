# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action of redfish_report, which runs on the controller to print a table line by line and to write the files there."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any, ClassVar

from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.arguments import Spec
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmConfigError
from ansible_collections.baremetal.bcm.plugins.module_utils._values.clock import SystemClock
from ansible_collections.baremetal.bcm.plugins.plugin_utils._report.files import write_whole
from ansible_collections.baremetal.bcm.plugins.plugin_utils._report.matrix import (
    draw_findings,
    draw_junit,
    draw_matrix,
    summarize,
)
from ansible_collections.baremetal.bcm.plugins.plugin_utils.controller_action import ControllerAction

_NEEDED = {"controls", "compliant", "error"}
_NEEDED_OF_A_CONTROL = {"control", "title", "state", "reference"}


class ActionModule(ControllerAction):
    """An action that reports on an audit; it talks to no server."""

    SPEC: ClassVar[Spec] = {
        "servers": {"type": "dict", "required": True},
        "before": {"type": "dict", "default": {}},
        "heading": {"type": "str", "default": "Hardening of servers"},
        "path": {"type": "path"},
        "junit": {"type": "path"},
        "html": {"type": "path"},
    }
    ERRORS: ClassVar[tuple[type[Exception], ...]] = (BcmConfigError,)

    def act(self, params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
        """Print the table and write the files; raises BcmConfigError for what is no audit, and for files."""
        servers, before = params["servers"], params["before"]
        for name, given in (("servers", servers), ("before", before)):
            if not _is_audit(given):
                raise BcmConfigError(f"{name} must be what redfish_audit returned as servers")
        stamp = datetime.fromtimestamp(SystemClock().wall_s(), timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
        table = [*draw_findings(servers), *summarize(servers)]
        for line in table:
            self.say(line)
        # An audit is run by check mode too, and its files are what it is for; they are no change of a server.
        if params["path"]:
            write_whole(params["path"], json.dumps({"servers": servers}, indent=2, sort_keys=True) + "\n")
        if params["junit"]:
            write_whole(params["junit"], draw_junit(servers))
        if params["html"]:
            write_whole(params["html"], draw_matrix(servers, before, heading=params["heading"], written=stamp))
        return {"changed": False, "table": table}


def _is_audit(servers: dict[str, Any]) -> bool:
    return all(
        isinstance(server, dict)
        and set(server) >= _NEEDED
        and isinstance(server["controls"], list)
        and all(isinstance(each, dict) and set(each) >= _NEEDED_OF_A_CONTROL for each in server["controls"])
        for server in servers.values()
    )
