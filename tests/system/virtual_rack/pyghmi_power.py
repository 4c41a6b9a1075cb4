# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks BMCs for their power with pyghmi, all log-ins at once. Reads and writes JSON.

A program of its own: pyghmi keeps sessions and threads for as long as the process lives.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from typing import Any

LIMIT_S = 60.0


def main() -> None:
    """Read {addresses, port, username, password, operation}, write address: power or error."""
    asked: dict[str, Any] = json.load(sys.stdin)
    command = importlib.import_module("pyghmi.ipmi.command")
    session: Any = importlib.import_module("pyghmi.ipmi.private.session")
    # One process asks all of them: an answer that it is late to read is no reason to log in anew.
    session.initialtimeout = 5.0
    results: dict[str, str] = {}
    ready: list[Any] = []

    def on_login(response: dict[str, Any], bmc: Any) -> None:
        if "error" in response:
            results[bmc.bmc] = str(response["error"])
        else:
            ready.append(bmc)

    kept = [
        command.Command(
            bmc=address,
            port=asked["port"],
            userid=asked["username"],
            password=asked["password"],
            keepalive=False,
            onlogon=on_login,
        )
        for address in asked["addresses"]
    ]
    ends_s = time.monotonic() + LIMIT_S
    while len(ready) + len(results) < len(kept) and time.monotonic() < ends_s:
        session.Session.wait_for_rsp(timeout=0.5)
    for bmc in ready:
        if asked["operation"] != "status":
            bmc.set_power(asked["operation"])
        results[bmc.bmc] = bmc.get_power()["powerstate"]
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
