# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Runs a module's work: opens the head node, turns every BcmError into one clear failure. The only place that does."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from .._head_node.client import HeadNode
from .._head_node.errors import BcmError
from .._head_node.transport import Transport
from .arguments import CONNECTION, Spec, connection_of
from .owner import controller_of_this


@contextmanager
def open_head_node(
    params: dict[str, Any], *, check_mode: bool, before_write: Callable[[], None] | None = None
) -> Iterator[HeadNode]:
    """A client for the connection options of a task; in check mode it refuses to send anything that writes."""
    head_node = HeadNode(Transport(connection_of(params)), read_only=check_mode, before_write=before_write)
    try:
        yield head_node
    finally:
        head_node.close()


def guard_parent() -> Callable[[], None]:
    """A check that the controller which started us still lives: a killed ansible-playbook leaves its worker running."""
    parent = controller_of_this()

    def check() -> None:
        if os.getppid() != parent:
            raise BcmError("the ansible-playbook that started this task is gone; nothing more is changed")

    return check


def run_module(
    spec: Spec,
    work: Callable[[AnsibleModule, HeadNode], dict[str, Any]],
    **module_options: Any,
) -> None:
    """Validate, connect, work, exit. `work` answers the result; what it raises as BcmError fails the task."""
    module = AnsibleModule(argument_spec={**CONNECTION, **spec}, supports_check_mode=True, **module_options)
    try:
        with open_head_node(module.params, check_mode=module.check_mode) as head_node:
            result = work(module, head_node)
    except BcmError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)
