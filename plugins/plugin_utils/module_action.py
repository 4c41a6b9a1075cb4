# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The base of actions that do the work of a module where it would run here anyway, without a process for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, ClassVar, NoReturn

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.client import HeadNode
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmError
from ansible_collections.baremetal.bcm.plugins.module_utils._https.call_log import CallLog, OnCall
from ansible_collections.baremetal.bcm.plugins.plugin_utils.head_node_action import HeadNodeAction

# ansible-playbook -vvv
_SHOWS_CALLS = 3


class TaskFailed(BcmError):
    """The module's work ended in a failure, with this result."""

    def __init__(self, msg: str, result: Mapping[str, Any]) -> None:
        super().__init__(msg)
        self.result = dict(result)


class _Task:
    """What the work of a module needs of its AnsibleModule."""

    def __init__(self, params: Mapping[str, Any], check_mode: bool, warn: Callable[[str], None]) -> None:
        self.params = params
        self.check_mode = check_mode
        self.warn = warn

    def fail_json(self, msg: str, **result: Any) -> NoReturn:
        raise TaskFailed(msg, result)


class ModuleAction(HeadNodeAction):
    """An action for a module whose file has SPEC and `work`: subclasses name it."""

    MODULE: ClassVar[ModuleType]
    _requires_connection = True
    _call_log: CallLog | None = None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.SPEC = cls.MODULE.SPEC
        cls.TAKES_WORDS = getattr(cls.MODULE, "TAKES_WORDS", ())

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Do the module's work here where it would run here anyway, else run the module where the task is."""
        if not self._is_here():
            ActionBase.run(self, tmp, task_vars)
            result: dict[str, Any] = self._execute_module(task_vars=task_vars, wrap_async=bool(self._task.async_val))
            return result
        result = super().run(tmp, task_vars)
        return result if self._call_log is None else {**result, "debug_calls": self._call_log.lines}

    def act(self, params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
        """Do the module's work; returns what the module does, failed or not. Raises BcmError."""
        try:
            return super().act(params, check_mode)
        except TaskFailed as failure:
            return {**failure.result, "failed": True, "msg": str(failure)}

    def work(self, params: Mapping[str, Any], head_node: HeadNode, check_mode: bool) -> dict[str, Any]:
        """Return what the module returns; raises BcmError."""
        result: dict[str, Any] = self.MODULE.work(_Task(params, check_mode, self.warn), head_node)
        return result

    def log_calls(self, params: Mapping[str, Any]) -> OnCall | None:
        """Return what keeps each call's line for the result, as the module does."""
        if not params["debug_calls"] and Display().verbosity < _SHOWS_CALLS:
            return None
        self._call_log = CallLog()
        return self._call_log.add

    def _is_here(self) -> bool:
        """Return whether the module would run on the controller, as this user and in this environment."""
        return (
            self._connection.transport == "local"
            and not self._task.async_val
            and not self._play_context.become
            and not any(self._task.environment or ())
        )
