# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""A module that never shows what it was given where that may be a secret."""

from __future__ import annotations

from collections.abc import Container
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule

from .validation import find_problems, hide_secrets, name_words, refusal


class CheckedModule(AnsibleModule):
    """A module whose options are checked before Ansible checks them, and shown without secrets.

    `takes_words` are the names of lists in which a plain word is {name: word}.
    """

    def __init__(self, argument_spec: dict[str, Any], *, takes_words: Container[str] = (), **options: Any) -> None:
        self._takes_words = takes_words
        self._checked = False
        super().__init__(argument_spec, supports_check_mode=True, **options)  # type: ignore[no-untyped-call]
        self._checked = True

    def _set_internal_properties(self, *arguments: Any) -> None:
        """Check the options as soon as Ansible has taken its own from among them, before it checks them itself."""
        super()._set_internal_properties(*arguments)  # type: ignore[no-untyped-call]
        self.params = name_words(self.argument_spec, self.params, self._takes_words)
        given = {name: value for name, value in self.params.items() if not name.startswith("_ansible_")}
        problems = find_problems(self.argument_spec, given, "this module")
        if problems:
            self.fail_json(msg=refusal(problems))

    def _log_invocation(self) -> None:
        self.log(f"Invoked with {hide_secrets(self.argument_spec, self.params)}")  # type: ignore[no-untyped-call]

    def exit_json(self, **result: Any) -> NoReturn:
        """End the task with this result and the options, without secrets."""
        super().exit_json(**{"invocation": self._invocation(), **result})

    def fail_json(self, msg: str, **result: Any) -> NoReturn:
        """Fail the task with this message, this result and the options, without secrets."""
        super().fail_json(msg, **{"invocation": self._invocation(), **result})

    def _invocation(self) -> dict[str, Any]:
        """Return the options as they may be shown; none before they were found to be what the spec says."""
        return {"module_args": hide_secrets(self.argument_spec, self.params) if self._checked else {}}
