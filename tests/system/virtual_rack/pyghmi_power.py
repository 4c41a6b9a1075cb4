# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks BMCs for their power with pyghmi, many log-ins at once. Reads and writes JSON.

A program of its own: pyghmi keeps sessions and threads for as long as the process lives.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from typing import Any

LIMIT_S = 60.0
# It logs in anew where one process is late to read an answer, which with more of them makes it later still.
AT_ONCE = 25


def main() -> None:
    """Read {addresses, port, username, password, operation}, write address: power or error."""
    asked: dict[str, Any] = json.load(sys.stdin)
    results: dict[str, str] = {}
    for first in range(0, len(asked["addresses"]), AT_ONCE):
        results.update(ask(asked, asked["addresses"][first : first + AT_ONCE]))
    json.dump(results, sys.stdout)


def ask(asked: dict[str, Any], addresses: list[str]) -> dict[str, str]:
    """Log in to BMCs and ask each."""
    command = importlib.import_module("pyghmi.ipmi.command")
    session = importlib.import_module("pyghmi.ipmi.private.session")
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
        for address in addresses
    ]
    ends_s = time.monotonic() + LIMIT_S
    while len(ready) + len(results) < len(kept) and time.monotonic() < ends_s:
        session.Session.wait_for_rsp(timeout=0.5)
    for bmc in ready:
        if asked["operation"] != "status":
            bmc.set_power(asked["operation"])
        results[bmc.bmc] = bmc.get_power()["powerstate"]
    return results


if __name__ == "__main__":
    main()
