# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""04-lldp: who is at the other end of each cable."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..messages import COMPLETED, NO_DATA, Measurement, StepResult
from ..parsers.lldpcli import Neighbour, read_neighbours
from ..parsers.output import ParseError
from . import hardware
from .context import Context, Done, ToolMissing, call, say

_LINK_S = 10.0  # what an interface takes from up to a link
_RESERVE_S = 10.0  # of the budget, to end
_POLL_S = 1.0
# By driver of a card whose firmware may keep LLDP to itself: its private flag, and what lets the kernel hear.
_FIRMWARE_AGENTS = {"i40e": ("disable-fw-lldp", "on"), "ice": ("fw-lldp-agent", "off")}


def take(context: Context) -> StepResult:
    """Listen until each interface with a link has heard a neighbour, or the wait is over. Raises ToolMissing."""
    begun = time.monotonic()
    nics = hardware.nics(context)
    for nic in nics:
        call(["ip", "link", "set", "dev", nic["name"], "up"])
    nics = _with_links(context, min(_LINK_S, context.budget_s / 4))
    linked = [nic for nic in nics if nic["link"]]
    if not linked:
        return StepResult(NO_DATA, "no interface has a link", measurements=_counts(0, 0))
    with _heard_by_the_kernel(linked):
        left_s = context.budget_s - (time.monotonic() - begun) - _RESERVE_S
        wait_s = min(context.option("intervals") * context.task.lldp_interval_seconds, left_s)
        with _daemon(context, linked) as socket:
            neighbours = _listen(socket, {nic["name"] for nic in linked}, wait_s)
    macs = {nic["name"]: nic["mac"] for nic in nics}
    heard = {neighbour.interface for neighbour in neighbours}
    return StepResult(
        COMPLETED,
        "" if neighbours else f"no neighbour was heard in {wait_s:.0f} s",
        work=len(heard),
        measurements=_counts(len(heard), len(linked)),
        neighbours=tuple({**asdict(each), "mac": macs.get(each.interface, "")} for each in neighbours),
    )


def _counts(heard: int, linked: int) -> tuple[Measurement, ...]:
    return Measurement("lldp_neighbours", heard), Measurement("nics_with_link", linked)


def _with_links(context: Context, wait_s: float) -> list[dict[str, Any]]:
    """Wait until all interfaces have a link, at most so long: one without a cable never has."""
    until = time.monotonic() + wait_s
    while True:
        nics = hardware.nics(context)
        if all(nic["link"] for nic in nics) or time.monotonic() > until:
            return nics
        time.sleep(_POLL_S)


@contextmanager
def _heard_by_the_kernel(nics: Sequence[dict[str, Any]]) -> Iterator[None]:
    """Switch off the LLDP agents in cards' firmware, which swallow what arrives, for as long as the block lasts.

    The cards keep the setting, so it is given back. A card that does not take it is listened to all the same.
    """
    changed: list[tuple[str, str, str]] = []
    for name, driver in ((nic["name"], nic["driver"]) for nic in nics if nic["driver"] in _FIRMWARE_AGENTS):
        flag, wanted = _FIRMWARE_AGENTS[driver]
        shown = _ethtool("--show-priv-flags", name)
        found = re.search(rf"^{flag} *: (on|off)$", shown.output, re.MULTILINE) if shown else None
        if found and found[1] != wanted:
            # Even one that says it failed is given back what it had.
            changed.append((name, flag, found[1]))
            _ethtool("--set-priv-flags", name, flag, wanted)
    try:
        yield
    finally:
        for each in changed:
            _ethtool("--set-priv-flags", *each)


def _ethtool(*words: str) -> Done | None:
    """Run ethtool, whose answer is in the log; None where it gave none."""
    try:
        return call(["ethtool", *words], _LINK_S)
    except (ParseError, ToolMissing) as error:
        say(f"{error}: a neighbour may go unheard where the card's firmware listens")
        return None


@contextmanager
def _daemon(context: Context, nics: Sequence[dict[str, Any]]) -> Iterator[Path]:
    """Run lldpd, which only listens, for as long as the block lasts; gives its socket."""
    socket = context.work / "lldpd.socket"
    socket.unlink(missing_ok=True)
    names = ",".join(nic["name"] for nic in nics)
    command = ["lldpd", "-d", "-r", "-u", str(socket), "-p", str(context.work / "lldpd.pid"), "-I", names]
    say(f"$ {' '.join(command)}")
    try:
        # No module runs here. pylint: disable=ansible-bad-function
        daemon = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        raise ToolMissing("lldpd is missing") from None
    try:
        yield socket
    finally:
        daemon.terminate()
        try:
            daemon.wait(timeout=5)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()


def _listen(socket: Path, wanted: set[str], wait_s: float) -> tuple[Neighbour, ...]:
    """Ask the daemon until all interfaces have heard someone. Raises ParseError where it never answered."""
    until = time.monotonic() + wait_s
    neighbours: tuple[Neighbour, ...] | None = None
    while True:
        done = call(["lldpcli", "-u", str(socket), "-f", "json0", "show", "neighbors", "details"])
        if done.code == 0:
            neighbours = read_neighbours(done.output)
            if wanted <= {neighbour.interface for neighbour in neighbours}:
                return neighbours
        if time.monotonic() > until:
            break
        time.sleep(_POLL_S)
    if neighbours is None:
        raise ParseError("lldpd never answered")
    return neighbours
