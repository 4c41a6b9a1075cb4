# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The frame of every module: it opens head node or NetBox, and turns their errors into a failure of the task."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule

from .._head_node.api.client import HeadNode
from .._head_node.api.errors import BcmError
from .._head_node.api.failover import HeadNodes, Link
from .._head_node.api.remembering import RememberingHeadNode
from .._head_node.api.transport import Transport
from .._https.call_log import CallLog, OnCall
from .._netbox.api.client import NetBox
from .._netbox.api.connection import NetBoxTransport
from .._netbox.api.errors import NetBoxError
from .._netbox.api.register import DeviceRegister
from .._redfish.errors import RedfishError
from .._redfish.fleet import Batch
from .._values.clock import Clock, SystemClock
from .._values.sentences import sentences
from .arguments import CONNECTION, NETBOX, REDFISH, Spec, batch_of, connections_of, netbox_connection_of
from .checked_module import CheckedModule
from .owner import controller_of_this, owner_of_process

# ansible-playbook -vvv
_SHOWS_CALLS = 3


class CallsModule(CheckedModule):
    """A module whose result has one line per call in `debug_calls`, where that is switched on, also where it fails."""

    call_log: CallLog | None = None

    def log_calls(self) -> OnCall | None:
        """Return what is given each call's line; None without the option debug_calls and below -vvv."""
        if not self.params["debug_calls"] and self._verbosity < _SHOWS_CALLS:
            return None
        self.call_log = CallLog()
        return self.call_log.add

    def exit_json(self, **result: Any) -> NoReturn:
        """End the task with this result and the lines of its calls."""
        super().exit_json(**result, **self._logged())

    def fail_json(self, msg: str, **result: Any) -> NoReturn:
        """Fail the task with this message, this result and the lines of its calls."""
        super().fail_json(msg, **result, **self._logged())

    def _logged(self) -> dict[str, Any]:
        return {} if self.call_log is None else {"debug_calls": self.call_log.lines}


@contextmanager
def open_head_node(
    params: dict[str, Any],
    *,
    check_mode: bool,
    before_write: Callable[[], None] | None = None,
    on_call: OnCall | None = None,
) -> Iterator[HeadNode]:
    """Open a head node by the connection options of a task for as long as the block lasts.

    In check mode, calls that would write raise WriteRefused. Raises BcmConfigError for options that don't fit together.
    """
    with closing(HeadNode(_link(params, on_call), read_only=check_mode, before_write=before_write)) as head_node:
        yield head_node


@contextmanager
def open_remembering(
    params: dict[str, Any], *, check_mode: bool, before_write: Callable[[], None], on_call: OnCall | None
) -> Iterator[RememberingHeadNode]:
    """Open a head node as `open_head_node` does, whose lists are read once for all steps of the block."""
    with closing(
        RememberingHeadNode(_link(params, on_call), read_only=check_mode, before_write=before_write)
    ) as head_node:
        yield head_node


def _link(params: dict[str, Any], on_call: OnCall | None) -> Link:
    connections = connections_of(params)
    if len(connections) == 1:
        return Transport(connections[0], on_call=on_call)
    # One attempt each: the other head node is what is tried next.
    return HeadNodes([Transport(each, attempts=1, on_call=on_call) for each in connections])


def guard_parent() -> Callable[[], None]:
    """Return a check that raises BcmError once the ansible-playbook that started this process is gone.

    A killed ansible-playbook leaves its worker running, which must not change anything more.
    """
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
    """Validate the options, connect, do the work and end the task.

    `work` returns the result; a BcmError that it raises fails the task with its text.
    """
    module = CallsModule({**CONNECTION, **spec}, **module_options)
    try:
        with open_head_node(module.params, check_mode=module.check_mode, on_call=module.log_calls()) as head_node:
            result = work(module, head_node)
    except BcmError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


@contextmanager
def open_netbox(
    params: dict[str, Any],
    *,
    check_mode: bool,
    before_write: Callable[[], None] | None = None,
    on_call: OnCall | None = None,
) -> Iterator[NetBox]:
    """Open a NetBox by the connection options of a task for as long as the block lasts.

    In check mode, calls that would write are refused. Raises NetBoxConfigError where the options do not fit together.
    """
    transport = NetBoxTransport(netbox_connection_of(params), on_call=on_call)
    netbox = NetBox(
        transport,
        read_only=check_mode,
        before_write=before_write,
        changelog_message=params["changelog_message"] or "",
    )
    try:
        yield netbox
    finally:
        netbox.close()


def run_netbox_module(
    spec: Spec,
    work: Callable[[AnsibleModule, NetBox], dict[str, Any]],
    **module_options: Any,
) -> None:
    """Validate the options, connect, do the work and end the task.

    `work` returns the result; a NetBoxError that it raises fails the task with its text.
    """
    module = CallsModule({**NETBOX, **spec}, **module_options)
    netbox: NetBox | None = None
    try:
        if netbox_connection_of(module.params).sends_token_in_clear:
            module.warn("url is http, so that the token crosses the network in clear text; use https")
        with open_netbox(module.params, check_mode=module.check_mode, on_call=module.log_calls()) as netbox:
            result = work(module, netbox)
    except NetBoxError as error:
        module.fail_json(msg=str(error), changed=netbox is not None and netbox.has_written)
    module.exit_json(**result)


def run_redfish_module(
    spec: Spec,
    work: Callable[[dict[str, Any], Batch, Clock], dict[str, Any]],
    **module_options: Any,
) -> None:
    """Validate the options, do the work on the servers and end the task.

    `work` returns the result; where its `failures` has servers, the task fails unless `fail_on_error` is off. In check
    mode, requests that would write are refused. With the option `netbox`, the batch has the register of claims and
    pinned certificates.
    """
    module = CallsModule({**REDFISH, **spec}, **module_options)
    try:
        batch = replace(batch_of(module.params), read_only=module.check_mode, on_call=module.log_calls())
        with _registered(module.params, batch) as batch:
            result = {"changed": False, **work(module.params, batch, SystemClock())}
    except (RedfishError, NetBoxError) as error:
        module.fail_json(msg=str(error))
    if result["failures"] and module.params["fail_on_error"]:
        module.fail_json(msg="; ".join(sentences(result["failures"], "server")), **result)
    module.exit_json(**result)


@contextmanager
def open_register(
    options: Mapping[str, Any], *, check_mode: bool, on_call: OnCall | None = None
) -> Iterator[DeviceRegister]:
    """Open the register of claims and certificates in a NetBox, by the options REGISTER; what is claimed ends with us.

    Raises NetBoxConfigError where the options do not fit together.
    """
    with open_netbox({**options, "changelog_message": None}, check_mode=check_mode, on_call=on_call) as netbox:
        yield DeviceRegister(netbox, SystemClock(), owner_of_process())


@contextmanager
def _registered(params: dict[str, Any], batch: Batch) -> Iterator[Batch]:
    """Open the NetBox in which servers have claims and certificates, where one is given.

    Certificates are pinned there unless the options say by what else they are trusted.
    """
    if params["netbox"] is None:
        yield batch
        return
    with open_register(params["netbox"], check_mode=batch.read_only, on_call=batch.on_call) as register:
        names = [server["name"] for server in params["servers"]]
        pins = register.certificates(names) if params["validate_certs"] and not params["ca_path"] else None
        yield replace(batch, register=register, pins=pins)
