# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Event source: machines that get an address by DHCP."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: dhcp_tap
short_description: Notify when machines get an address by DHCP
description:
  - Listens on Ethernet interfaces for DHCP acknowledgements, to clients and to relays, and records which machine got
    which address in a spool, a file that survives the end of any process.
  - An event is only a notification. It says that rows wait in the spool, not what is in them. A playbook leases the
    rows, works on them, and acknowledges them, for instance with the module M(baremetal.bcm.dhcp_spool).
  - Many acknowledgements in a short time are one event. An event comes again for as long as rows wait that are
    not leased, and at the start if rows have been waiting since before.
  - An event is C({"spool":"/path","waiting":1,"dhcp":{"news":1,"newest":{},"first_waiting":1,"oldest_age_s":0,
    "full":false,"dropped":0,"refused":0}}). In C(dhcp), C(newest) is the newest sighting and is there if there is news;
    C(alarm) is C(spool_full) and is there in the event that reports that the spool has become full.
  - Texts that machines send about themselves (host name, vendor class) are cleaned. The vendor is a hint from the MAC
    address. The vendor class is known only where the server repeats it.
requirements:
  - Linux, and the capability CAP_NET_RAW for ansible-rulebook's Python
  - netaddr, for hints of vendors and to filter by their names
options:
  interfaces:
    description:
      - Names of the interfaces to listen on. One that is missing or goes away is waited for.
      - A tagged VLAN is seen on the physical interface below it, with its number.
    type: list
    elements: str
    required: true
  spool:
    description:
      - Path of the spool. It is made if it is missing. It must be on a local disk.
    type: path
    required: true
  only_vendors:
    description:
      - Keep only machines of these vendors. An element is part of the vendor's name in the list of the IEEE, in any
        case, or the first three bytes of MAC addresses.
    type: list
    elements: str
    default: []
  max_rows:
    description:
      - With so many waiting rows the spool is full. Renewals are dropped then. First sightings are still stored, until
        the file reaches 64 MiB.
    type: int
    default: 20000
  gather_seconds:
    description:
      - Notify so long after the first of several sightings, in seconds.
    type: float
    default: 1
  every_seconds:
    description:
      - Notify about news at most every so many seconds.
    type: float
    default: 5
  again_seconds:
    description:
      - Notify again after so many seconds while rows wait that are not leased.
    type: float
    default: 60
"""

EXAMPLES = r"""
- baremetal.bcm.dhcp_tap:
    interfaces:
      - eth1
    spool: /var/lib/dhcp-tap/spool

- baremetal.bcm.dhcp_tap:
    interfaces:
      - eth1
      - eth2
    spool: /var/lib/dhcp-tap/spool
    only_vendors:
      - Dell
      - Super Micro
      - "5c:25:73"
"""

import asyncio
import contextlib
import importlib
import logging
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.tap import Settings, Tap

_logger = logging.getLogger("dhcp_tap")

_PACKAGE = "baremetal_bcm_dhcp"
_CODE = Path(__file__).resolve().parents[4] / "plugins" / "module_utils"
_AGAIN_AFTER_A_BUG_S = 5.0
_MOST_WAITING = 16  # notifications for a busy rule engine; the oldest are dropped
# What ansible-rulebook adds to the arguments of a source.
_NOT_OURS = frozenset({"eda_feedback_queue"})
_SECONDS = {"gather_seconds": "gather_s", "every_seconds": "every_s", "again_seconds": "again_s"}


def load(name: str) -> ModuleType:
    """Import a module of the collection's tap.

    ansible-rulebook runs this file by its path, without a loader of collections: the rooms are found beside it.
    """
    if _PACKAGE not in sys.modules:
        rooms = ModuleType(_PACKAGE)
        rooms.__path__ = [str(_CODE)]
        sys.modules[_PACKAGE] = rooms
    return importlib.import_module(f"{_PACKAGE}._dhcp_tap.{name}")


def settings_from(args: Mapping[str, Any]) -> Settings:
    """Check the arguments. Raises ValueError, which ends the rulebook at its start: nothing has been missed yet."""
    given = {name: value for name, value in args.items() if name not in _NOT_OURS}
    unknown = sorted(set(given) - {"interfaces", "spool", "only_vendors", "max_rows", *_SECONDS})
    if unknown:
        raise ValueError(f"dhcp_tap has no option {', '.join(unknown)}")
    fields: dict[str, Any] = {
        "interfaces": _texts("interfaces", given.get("interfaces")),
        "only_vendors": _texts("only_vendors", given.get("only_vendors", [])),
        "spool": str(given.get("spool") or ""),
    }
    if not fields["interfaces"] or not fields["spool"]:
        raise ValueError("dhcp_tap needs the options interfaces and spool")
    if "max_rows" in given:
        fields["max_rows"] = int(_number("max_rows", given["max_rows"]))
    for option, name in _SECONDS.items():
        if option in given:
            fields[name] = _number(option, given[option])
    made: Settings = load("tap").Settings(**fields)
    return made


async def main(queue: asyncio.Queue[Any], args: dict[str, Any]) -> None:
    """Run until cancelled."""
    settings = settings_from(args)
    load("vendor").vendor_filter(settings.only_vendors)
    while True:
        try:
            await _run(queue, settings)
        except Exception:
            # What leaves a source ends the rulebook, and with it all that could still be seen.
            _logger.exception("event=bug then=starting_again")
            await asyncio.sleep(_AGAIN_AFTER_A_BUG_S)


async def _run(queue: asyncio.Queue[Any], settings: Settings) -> None:
    """Run the tap in a thread, and hand its notifications to the rule engine, the newest if that is busy."""
    loop = asyncio.get_running_loop()
    notifications: asyncio.Queue[dict[str, Any]] = asyncio.Queue(maxsize=_MOST_WAITING)

    def arrive(event: dict[str, Any]) -> None:
        if notifications.full():
            notifications.get_nowait()
        notifications.put_nowait(event)

    def notify(event: dict[str, Any]) -> None:
        loop.call_soon_threadsafe(arrive, event)

    tap: Tap = load("tap").Tap(settings, notify)
    running = threading.Thread(target=tap.run, name="dhcp-tap", daemon=True)
    running.start()
    try:
        while True:
            event = await notifications.get()
            await queue.put(_newest(event, notifications))
            await asyncio.sleep(0)
    finally:
        tap.stop()
        # What was seen is stored by then. Nothing is awaited here: a cancelled task is to end.
        running.join(timeout=5)


def _newest(event: dict[str, Any], notifications: asyncio.Queue[dict[str, Any]]) -> dict[str, Any]:
    """Skip notifications that newer ones have replaced, but no alarm."""
    while not notifications.empty() and "alarm" not in event["dhcp"]:
        event = notifications.get_nowait()
    return event


def _texts(option: str, value: object) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(element, str) and element for element in value):
        raise ValueError(f"dhcp_tap's option {option} must be a list of texts")
    return value


def _number(option: str, value: object) -> float:
    try:
        number = float(str(value))
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise ValueError(f"dhcp_tap's option {option} must be a positive number")
    return number


if __name__ == "__main__":
    # A test by hand, as root: dhcp_tap.py SPOOL INTERFACE...
    class MockQueue(asyncio.Queue[Any]):
        """Prints what the rule engine would get."""

        async def put(self, item: Any) -> None:
            sys.stdout.write(f"{item}\n")
            sys.stdout.flush()

    async def run_until_stopped() -> None:
        """Run until SIGINT or SIGTERM, also where it was started in the background, with SIGINT ignored."""
        running = asyncio.ensure_future(main(MockQueue(), {"spool": sys.argv[1], "interfaces": sys.argv[2:]}))
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, running.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await running

    logging.basicConfig(level=logging.INFO)
    asyncio.run(run_until_stopped())
