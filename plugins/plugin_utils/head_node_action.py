# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What this collection's action plugins share: they act on the controller itself, to speak while they work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.arguments import CONNECTION, Spec
from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.runner import guard_parent, open_head_node
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.client import HeadNode
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.errors import BcmError


class HeadNodeAction(ActionBase):
    """An action with a head node: subclasses give SPEC and `work`, which may raise BcmError."""

    SPEC: ClassVar[Spec] = {}
    _requires_connection = False

    def work(self, params: Mapping[str, Any], head_node: HeadNode, check_mode: bool) -> dict[str, Any]:
        raise NotImplementedError

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        validated = ArgumentSpecValidator({**CONNECTION, **self.SPEC}).validate(dict(self._task.args))
        if validated.error_messages:
            raise AnsibleActionFail("; ".join(validated.error_messages))
        params = validated.validated_parameters
        check_mode = bool(self._task.check_mode)
        try:
            with open_head_node(params, check_mode=check_mode, before_write=guard_parent()) as head_node:
                result = self.work(params, head_node, check_mode)
        except BcmError as error:
            result = {"failed": True, "msg": str(error)}
        secrets = [params[option] for option, spec in CONNECTION.items() if spec.get("no_log") and params[option]]
        scrubbed: dict[str, Any] = remove_values(result, secrets)
        return scrubbed

    def say(self, line: str) -> None:
        """Print one line at once, whatever the verbosity."""
        Display().display(line)
