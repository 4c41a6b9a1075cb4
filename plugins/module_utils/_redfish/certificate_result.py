# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What becomes known of the certificate of each server, and the result that redfish_certificate documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from .audit import Identity
from .certificate import Certificate, Wanted
from .connection import BmcLogin
from .fleet import End
from .options import Result, ended, failures_of
from .x509 import Request


@dataclass
class Server:
    """What is known of one server so far. `new` is what it gets, `pem` that as it is sent."""

    wanted: Wanted
    identity: Identity = field(default_factory=Identity)
    before: Certificate | None = None
    after: Certificate | None = None
    due: list[str] = field(default_factory=list)
    plan: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    request: Request | None = None
    new: Certificate | None = None
    pem: str = field(default="", repr=False)


def result_of(
    servers: Mapping[str, Server], logins: Mapping[str, BmcLogin], ends: Mapping[str, End[None]], *, is_checked: bool
) -> Result:
    """Return the result of a task; of one that `is_checked` what it would do."""
    done = {name: each.plan if is_checked else each.done for name, each in servers.items()}
    return {
        "changed": any(done.values()),
        "diff": _diff({name: servers[name] for name, steps in done.items() if steps}),
        "servers": {name: {**ended(logins[name], ends[name]), **_shown(server)} for name, server in servers.items()},
        "failures": failures_of({name: ends[name] for name in servers}),
    }


def _shown(server: Server) -> Result:
    request = server.request if "request" in server.done else None
    return {
        **asdict(server.identity),
        "certificate": None if server.after is None else server.after.to_ansible(),
        "due": server.due,
        "plan": server.plan,
        "done": server.done,
        "signing_request": "" if request is None else request.pem,
    }


def _diff(changed: Mapping[str, Server]) -> Any:
    if not changed:
        return []
    return {
        "before": {name: _of_now(server) for name, server in changed.items()},
        "after": {name: _of_plan(server) for name, server in changed.items()},
    }


def _of_now(server: Server) -> Result:
    before = server.before
    return {} if before is None else {"names": list(before.names), "issuer": before.issuer, "not_after": before.ends}


def _of_plan(server: Server) -> Result:
    """Return what can be known before anything was signed, so that a check shows the same."""
    if "install" not in server.plan:
        return {"signing_request": "made anew"}
    return {"names": list(server.wanted.names), "issuer": "the site's authority", "not_after": "renewed"}
