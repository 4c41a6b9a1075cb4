# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The base of actions that need a NetBox."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.arguments import NETBOX, Spec, netbox_connection_of
from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.runner import guard_parent, open_netbox
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmError
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.client import NetBox
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.errors import NetBoxError
from ansible_collections.baremetal.bcm.plugins.plugin_utils.controller_action import ControllerAction


class NetBoxAction(ControllerAction):
    """An action with a NetBox: subclasses give SPEC and `work`, which may raise NetBoxError."""

    CONNECTION: ClassVar[Spec] = NETBOX
    # The guard that stops writing when ansible-playbook is gone raises BcmError.
    ERRORS: ClassVar[tuple[type[Exception], ...]] = (NetBoxError, BcmError)

    def work(self, params: Mapping[str, Any], netbox: NetBox, check_mode: bool) -> dict[str, Any]:
        """Do the work and return the task's result. In check mode, calls that would write are refused."""
        raise NotImplementedError

    def act(self, params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
        """Open NetBox and do the work; warns where the token is sent in clear text. Raises NetBoxError and BcmError."""
        with open_netbox(
            params, check_mode=check_mode, before_write=guard_parent(), on_call=self.log_calls(params)
        ) as netbox:
            result = self.work(params, netbox, check_mode)
        if netbox_connection_of(params).sends_token_in_clear:
            clear = "url is http, so that the token crosses the network in clear text; use https"
            result["warnings"] = [*result.get("warnings", []), clear]
        return result
