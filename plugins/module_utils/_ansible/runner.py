# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Runs a module's work: opens its head node or NetBox, and turns their errors into one clear failure of the task."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from .._head_node.api.client import HeadNode
from .._head_node.api.connection import Transport
from .._head_node.api.errors import BcmError
from .._netbox.api.client import NetBox
from .._netbox.api.connection import NetBoxTransport
from .._netbox.api.errors import NetBoxError
from .arguments import CONNECTION, NETBOX, Spec, connection_of, netbox_connection_of
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


@contextmanager
def open_netbox(
    params: dict[str, Any], *, check_mode: bool, before_write: Callable[[], None] | None = None
) -> Iterator[NetBox]:
    """A client for the connection options of a task; in check mode it refuses to send anything that writes."""
    netbox = NetBox(NetBoxTransport(netbox_connection_of(params)), read_only=check_mode, before_write=before_write)
    try:
        yield netbox
    finally:
        netbox.close()


def run_netbox_module(
    spec: Spec,
    work: Callable[[AnsibleModule, NetBox], dict[str, Any]],
    **module_options: Any,
) -> None:
    """Validate, connect, work, exit. `work` answers the result; what it raises as NetBoxError fails the task."""
    module = AnsibleModule(argument_spec={**NETBOX, **spec}, supports_check_mode=True, **module_options)
    try:
        if netbox_connection_of(module.params).sends_token_in_clear:
            module.warn("url is http, so that the token crosses the network in clear text; use https")
        with open_netbox(module.params, check_mode=module.check_mode) as netbox:
            result = work(module, netbox)
    except NetBoxError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)
