# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Options of the connection to a NetBox, and the one place that turns its errors into a task's failure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ansible.module_utils.basic import AnsibleModule, env_fallback

from .._netbox.client import NetBox
from .._netbox.errors import NetBoxError
from .._netbox.transport import NetBoxConnection, NetBoxTransport

Spec = dict[str, Any]

NETBOX: Spec = {
    "url": {"type": "str", "fallback": (env_fallback, ["NETBOX_URL"])},
    "token": {"type": "str", "no_log": True, "fallback": (env_fallback, ["NETBOX_TOKEN"])},
    "validate_certs": {"type": "bool", "default": True, "fallback": (env_fallback, ["NETBOX_VALIDATE_CERTS"])},
    "ca_path": {"type": "path", "fallback": (env_fallback, ["NETBOX_CA_PATH"])},
    "timeout": {"type": "float", "default": 60.0},
}


def netbox_connection_of(params: dict[str, Any]) -> NetBoxConnection:
    """The connection options of a task; raises NetBoxConfigError where they do not fit together."""
    return NetBoxConnection(
        url=params["url"] or "",
        token=params["token"] or "",
        validate_certs=params["validate_certs"],
        ca_path=params["ca_path"],
        timeout_s=params["timeout"],
    )


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
