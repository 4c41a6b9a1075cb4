# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The work of the Redfish modules: from the options of a task by way of many BMCs to the task's result."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from .._values.clock import Clock
from .audit import Audit, Identity, audit, identify
from .connection import BmcLogin
from .controls import BY_NAME
from .decide import Finding, State
from .errors import RedfishConfigError
from .fleet import Batch, End, talk_to_all
from .profile import Profile, profile_for
from .reader import Reader
from .session import Redfish

Spec = dict[str, Any]
Result = dict[str, Any]

_TEXT: Spec = {"type": "str"}

SERVERS: Spec = {
    "servers": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "address": {"type": "str", "required": True},
            "username": _TEXT,
            "password": {"type": "str", "no_log": True},
            "tls_fingerprint": _TEXT,
            "serial": _TEXT,
            "device_type": _TEXT,
        },
    },
    "fail_on_error": {"type": "bool", "default": True},
}
PROFILE: Spec = {"profile": {"type": "dict", "default": {}}}


def logins_of(params: Mapping[str, Any]) -> dict[str, BmcLogin]:
    """Return the BMCs of a task by the name of their server. Raises RedfishConfigError."""
    servers = params["servers"]
    if not servers:
        raise RedfishConfigError("servers is empty: nothing is asked. An empty list never means all servers")
    names = Counter(server["name"] for server in servers)
    doubled = [name for name, times in names.items() if times > 1]
    if doubled:
        raise RedfishConfigError(f"servers names {doubled[0]} more than once")
    return {
        server["name"]: BmcLogin(
            name=server["name"],
            address=server["address"],
            username=server["username"] or params["username"] or "",
            password=server["password"] or params["password"] or "",
            ca_path=params["ca_path"],
            validate_certs=params["validate_certs"],
            fingerprint=server["tls_fingerprint"],
            timeout_s=params["timeout"],
        )
        for server in servers
    }


def profiles_of(params: Mapping[str, Any]) -> dict[str, Profile]:
    """Return the profile of each server, by name. Raises RedfishConfigError."""
    return {each["name"]: profile_for(params["profile"], each["device_type"] or "") for each in params["servers"]}


def today_of(clock: Clock) -> str:
    """Return the day as waivers name it, in UTC."""
    return time.strftime("%Y-%m-%d", time.gmtime(clock.wall_s()))


def inspect_servers(params: Mapping[str, Any], batch: Batch, clock: Clock) -> Result:
    """Read who the servers are; the result is what redfish_info documents. Raises RedfishConfigError."""
    logins, serials = logins_of(params), _serials(params)

    def work(name: str, redfish: Redfish) -> Identity:
        return identify(Reader(redfish, serials[name]))

    ends = talk_to_all(logins, work, batch, clock)
    servers = {name: {**ended(logins[name], end), **asdict(end.value or Identity())} for name, end in ends.items()}
    return {"servers": servers, "failures": failures_of(ends)}


def audit_servers(params: Mapping[str, Any], batch: Batch, clock: Clock) -> Result:
    """Audit servers; the result is what redfish_audit documents. Raises RedfishConfigError."""
    logins, profiles, serials = logins_of(params), profiles_of(params), _serials(params)
    today = today_of(clock)

    def work(name: str, redfish: Redfish) -> Audit:
        return audit(redfish, profiles[name], today, serial=serials[name])

    ends = talk_to_all(logins, work, batch, clock)
    servers = {name: {**ended(logins[name], end), **audited(end, profiles[name])} for name, end in ends.items()}
    return {
        "servers": servers,
        "counts": count_states(servers),
        "compliant": [name for name, server in servers.items() if server["compliant"]],
        "failures": failures_of(ends),
    }


def audited(end: End[Audit], profile: Profile) -> Result:
    """Return what was found of one server; of one that failed every control is an error."""
    if end.value is None:
        lost = tuple(Finding(BY_NAME[name], State.ERROR, message=end.message) for name in profile.controls)
        found = Audit(Identity(), lost)
    else:
        found = end.value
    return {
        **asdict(found.identity),
        "profile": profile.name,
        "compliant": end.failure is None and all(finding.state.is_good for finding in found.findings),
        "controls": [finding.to_ansible() for finding in found.findings],
    }


def count_states(servers: Mapping[str, Result]) -> dict[str, int]:
    """Count the findings of all servers by state; every state is there."""
    counted = Counter(control["state"] for server in servers.values() for control in server["controls"])
    return {str(state): counted[str(state)] for state in State}


def _serials(params: Mapping[str, Any]) -> dict[str, str]:
    return {server["name"]: server["serial"] or "" for server in params["servers"]}


def ended(login: BmcLogin, end: End[Any]) -> Result:
    """Return how the talk with one server ended."""
    return {
        "address": login.base,
        "failure": None if end.failure is None else str(end.failure),
        "phase": end.phase,
        "error": end.message,
        "requests": end.requests,
        "seconds": end.seconds,
        "tls_fingerprint": end.fingerprint,
    }


def failures_of(ends: Mapping[str, End[Any]]) -> dict[str, str]:
    """Return why servers failed, by name."""
    return {name: end.message for name, end in ends.items() if end.failure is not None}
