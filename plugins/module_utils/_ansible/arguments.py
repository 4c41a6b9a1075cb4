# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Argument specs of connections and of options that several modules share, and how they are read."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import env_fallback

from .._bmc.schedule import Limits
from .._head_node.api.connection import Connection
from .._head_node.api.errors import BcmConfigError
from .._https.exchange import LONGEST_PATIENCE_S
from .._netbox.api.connection import NetBoxConnection
from .._redfish.errors import RedfishConfigError
from .._redfish.fleet import Batch

Spec = dict[str, Any]


def _from_environment(variable: str, **option: Any) -> Spec:
    return {**option, "fallback": (env_fallback, [variable])}


CONNECTION: Spec = {
    "head_node": _from_environment("BCM_HEAD_NODE", type="list", elements="str"),
    "port": _from_environment("BCM_PORT", type="int", default=8081),
    "username": _from_environment("BCM_USERNAME", type="str"),
    "password": _from_environment("BCM_PASSWORD", type="str", no_log=True),
    "client_cert": _from_environment("BCM_CLIENT_CERT", type="path"),
    "client_key": _from_environment("BCM_CLIENT_KEY", type="path", no_log=False),
    "ca_path": _from_environment("BCM_CA_PATH", type="path"),
    "validate_certs": _from_environment("BCM_VALIDATE_CERTS", type="bool", default=True),
    "tls_server_name": _from_environment("BCM_TLS_SERVER_NAME", type="str"),
    "tls_fingerprint": _from_environment("BCM_TLS_FINGERPRINT", type="str"),
    "connect_timeout": {"type": "float", "default": 10.0},
    "read_timeout": {"type": "float", "default": 60.0},
    "debug_calls": _from_environment("BCM_DEBUG_CALLS", type="bool", default=False),
}

NETBOX: Spec = {
    "url": _from_environment("NETBOX_URL", type="str"),
    "token": _from_environment("NETBOX_TOKEN", type="str", no_log=True),
    "validate_certs": _from_environment("NETBOX_VALIDATE_CERTS", type="bool", default=True),
    "ca_path": _from_environment("NETBOX_CA_PATH", type="path"),
    "timeout": {"type": "float", "default": 60.0},
    "changelog_message": {"type": "str"},
    "debug_calls": _from_environment("NETBOX_DEBUG_CALLS", type="bool", default=False),
}

# Where those who change BMCs find each other, and the certificates of BMCs.
REGISTER: Spec = {
    "netbox": {
        "type": "dict",
        "options": {name: NETBOX[name] for name in ("url", "token", "validate_certs", "ca_path", "timeout")},
    },
}

# Redfish straight to the BMCs.
REDFISH: Spec = {
    "username": _from_environment("REDFISH_USERNAME", type="str"),
    "password": _from_environment("REDFISH_PASSWORD", type="str", no_log=True),
    "validate_certs": _from_environment("REDFISH_VALIDATE_CERTS", type="bool", default=True),
    "ca_path": _from_environment("REDFISH_CA_PATH", type="path"),
    "timeout": {"type": "float", "default": 30.0},
    "deadline": {"type": "float", "default": 120.0},
    "in_flight": {"type": "int", "default": 64},
    "debug_calls": _from_environment("REDFISH_DEBUG_CALLS", type="bool", default=False),
    **REGISTER,
}

# IPMI straight to the BMCs.
IPMI: Spec = {
    "bmcs": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "address": {"type": "str"},
            "port": {"type": "int"},
            "username": {"type": "str"},
            "password": {"type": "str", "no_log": True},
        },
    },
    "ipmi_port": {"type": "int", "default": 623},
    "ipmi_connect_timeout": {"type": "float", "default": 30.0},
    "ipmi_tries": {"type": "int", "default": 5},
    "ipmi_retry_delay": {"type": "float", "default": 10.0},
    "ipmi_deadline": {"type": "float", "default": 150.0},
    "ipmi_in_flight": {"type": "int", "default": 64},
}

# BMCs straight by IPMI or Redfish.
_BMC: Spec = {**IPMI["bmcs"]["options"], "tls_fingerprint": {"type": "str"}, "system": {"type": "str"}}
STRAIGHT: Spec = {
    **IPMI,
    "bmcs": {**IPMI["bmcs"], "options": _BMC},
    "redfish_port": {"type": "int", "default": 443},
    "redfish_username": REDFISH["username"],
    "redfish_password": REDFISH["password"],
    "redfish_ca_path": REDFISH["ca_path"],
    "redfish_validate_certs": REDFISH["validate_certs"],
}

NAMES: Spec = {"names": {"type": "list", "elements": "str", "required": True}}
FILTER: Spec = {"names": {"type": "list", "elements": "str"}}


def connections_of(params: dict[str, Any]) -> list[Connection]:
    """Return the connections to a head node, or to each of a pair, from the options CONNECTION.

    Raises BcmConfigError where they do not fit together.
    """
    named = [name.strip() for name in params["head_node"] or [] if name.strip()]
    if len(named) > 1 and params["tls_fingerprint"]:
        raise BcmConfigError("tls_fingerprint is that of one certificate; several head nodes take ca_path")
    return [_connection(name, params) for name in dict.fromkeys(named or [""])]


def _connection(head_node: str, params: dict[str, Any]) -> Connection:
    return Connection(
        head_node=head_node,
        port=params["port"],
        username=params["username"],
        password=params["password"],
        client_cert=params["client_cert"],
        client_key=params["client_key"],
        ca_path=params["ca_path"],
        validate_certs=params["validate_certs"],
        tls_server_name=params["tls_server_name"],
        tls_fingerprint=params["tls_fingerprint"],
        connect_timeout_s=params["connect_timeout"],
        read_timeout_s=params["read_timeout"],
    )


def netbox_connection_of(params: dict[str, Any]) -> NetBoxConnection:
    """Return the connection to NetBox from the options NETBOX.

    Raises NetBoxConfigError where they do not fit together.
    """
    return NetBoxConnection(
        url=params["url"] or "",
        token=params["token"] or "",
        validate_certs=params["validate_certs"],
        ca_path=params["ca_path"],
        timeout_s=params["timeout"],
    )


def batch_of(params: dict[str, Any]) -> Batch:
    """Return how BMCs are talked to from the options REDFISH.

    Raises RedfishConfigError for those that let no BMC be asked at all.
    """
    if params["in_flight"] < 1:
        raise RedfishConfigError(f"in_flight must be at least 1, not {params['in_flight']}")
    if not 0 < params["deadline"] <= LONGEST_PATIENCE_S:
        raise RedfishConfigError(f"deadline takes seconds above 0 and up to {LONGEST_PATIENCE_S:,}")
    return Batch(deadline_s=params["deadline"], in_flight=params["in_flight"])


def limits_of(params: dict[str, Any]) -> Limits:
    """Return the limits from the options IPMI. Raises BcmConfigError for those that let no BMC be asked at all."""
    for option in ("ipmi_tries", "ipmi_in_flight"):
        if params[option] < 1:
            raise BcmConfigError(f"{option} must be at least 1, not {params[option]}")
    return Limits(
        connect_s=params["ipmi_connect_timeout"],
        tries=params["ipmi_tries"],
        retry_delay_s=params["ipmi_retry_delay"],
        deadline_s=params["ipmi_deadline"],
        in_flight=params["ipmi_in_flight"],
    )
