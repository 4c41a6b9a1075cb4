# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The base of actions that need a head node."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, ClassVar

from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.arguments import CONNECTION, Spec
from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.runner import guard_parent, open_head_node
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.client import HeadNode
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmError
from ansible_collections.baremetal.bcm.plugins.plugin_utils.controller_action import ControllerAction


class HeadNodeAction(ControllerAction):
    """An action with a head node: subclasses give SPEC and `work`, which may raise BcmError."""

    CONNECTION: ClassVar[Spec] = CONNECTION
    ERRORS: ClassVar[tuple[type[Exception], ...]] = (BcmError,)

    def work(self, params: Mapping[str, Any], head_node: HeadNode, check_mode: bool) -> dict[str, Any]:
        """Do the work and return the task's result. In check mode, calls that would write raise WriteRefused."""
        raise NotImplementedError

    def act(self, params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
        """Open the head node and do the work. Raises BcmError."""
        with self.opened(params, read_only=check_mode) as head_node:
            return self.work(params, head_node, check_mode)

    def opened(self, params: dict[str, Any], *, read_only: bool) -> AbstractContextManager[HeadNode]:
        """Return the head node, open for as long as a block lasts. With `read_only`, calls that would write raise."""
        return open_head_node(params, check_mode=read_only, before_write=guard_parent(), on_call=self.log_calls(params))
