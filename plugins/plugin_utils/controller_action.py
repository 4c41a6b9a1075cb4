# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The base of this collection's action plugins: they run on the controller itself, to print while they work."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any, ClassVar

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.arguments import Spec
from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.validation import (
    find_problems,
    name_words,
    refusal,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._https.call_log import OnCall


class OptionsRefused(Exception):
    """The options of a task are not what its spec says; the message has no values."""


class ControllerAction(ActionBase):
    """An action that connects to no host: subclasses give their specs and `act`, which may raise one of ERRORS."""

    CONNECTION: ClassVar[Spec] = {}
    SPEC: ClassVar[Spec] = {}
    RULES: ClassVar[dict[str, Any]] = {}  # which options exclude or need each other
    TAKES_WORDS: ClassVar[Container[str]] = ()  # the lists in which a word alone is the name of an element
    ERRORS: ClassVar[tuple[type[Exception], ...]] = ()
    _requires_connection = False
    _task_vars: Mapping[str, Any]  # all variables, while the action runs

    def act(self, params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
        """Do the work with validated options and return the task's result; one of ERRORS fails the task."""
        raise NotImplementedError

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Validate the options, act, and return the result without the connection's secrets.

        Options that are not valid are a failure too, and not raised: Ansible shows the task's source with an exception.
        """
        super().run(tmp, task_vars)
        self._task_vars = task_vars or {}
        try:
            params = self.validated({**self.CONNECTION, **self.SPEC}, self._task.args, **self.RULES)
        except OptionsRefused as error:
            return {"failed": True, "msg": str(error)}
        try:
            result = self.act(params, bool(self._task.check_mode))
        except OptionsRefused as error:
            result = {"failed": True, "msg": str(error)}
        except self.ERRORS as error:
            result = {"failed": True, "msg": str(error)}
        secrets = [params[option] for option, spec in self.CONNECTION.items() if spec.get("no_log") and params[option]]
        scrubbed: dict[str, Any] = remove_values(result, secrets)
        return scrubbed

    def validated(self, spec: Spec, given: Mapping[str, Any], **rules: Any) -> dict[str, Any]:
        """Return options as their spec makes them. Raises OptionsRefused, without a value, for those that don't fit."""
        named = name_words(spec, given, self.TAKES_WORDS)
        problems = find_problems(spec, named, "this module")
        # What is left for Ansible to find are the rules, whose messages name options only.
        validated = ArgumentSpecValidator(spec, **rules).validate({} if problems else named)
        if problems or validated.error_messages:
            raise OptionsRefused(refusal(problems or validated.error_messages))
        params: dict[str, Any] = validated.validated_parameters
        return params

    def say(self, line: str) -> None:
        """Print one line at once, whatever the verbosity."""
        Display().display(line)

    def warn(self, line: str) -> None:
        """Print a warning, as modules do."""
        Display().warning(line)

    def log_calls(self, params: Mapping[str, Any]) -> OnCall | None:
        """Return what prints each call's line: at any verbosity with the option debug_calls, else from -vvv on."""
        show = Display().display if params["debug_calls"] else Display().vvv
        return lambda line: show(str(line))
