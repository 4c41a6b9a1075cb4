# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""One run at a time per BMC: by a lock on this computer, by a claim in the register on all; and whom a run trusts.

A lock ends with its process, however that ends. A claim is renewed while the block lasts, and ends by itself.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from .._bmc.renewal import renewed
from .._values.clock import Clock
from .connection import BmcLogin
from .errors import ClaimLost, RedfishConfigError, RedfishError
from .fleet import Batch
from .register import Register
from .session import Redfish

_IN_USE = "another run on this computer is changing this BMC; nothing was written"


@contextmanager
def exclusive(
    lock_path: str, bmcs: Mapping[str, BmcLogin], batch: Batch, clock: Clock
) -> Iterator[tuple[Batch, dict[str, str]]]:
    """Keep other runs away from these BMCs for as long as the block lasts.

    Gives the batch to talk with, and why some BMCs can't be had, by name. Where certificates are pinned, those that
    have none yet are seen here, before anybody logs in. A batch that only reads claims and keeps nothing.
    Raises RedfishConfigError where the lock's directory can't be used, and what the register raises.
    """
    if batch.read_only:
        yield replace(batch, pins=_with_new(batch.pins, first_sight(bmcs, batch, clock))), {}
        return
    with claimed(lock_path, bmcs) as locked:
        refused = dict.fromkeys(locked, _IN_USE)
        register = batch.register
        if register is None:
            yield batch, refused
            return
        try:
            refused.update(register.claim([name for name in bmcs if name not in refused]))
            with renewed(register):
                free = {name: bmc for name, bmc in bmcs.items() if name not in refused}
                shown = first_sight(free, batch, clock)
                refused.update(register.pin(shown))
                guard = _guard_of(register)
                yield replace(batch, pins=_with_new(batch.pins, shown), guard=guard), refused
        finally:
            register.release()


def first_sight(bmcs: Mapping[str, BmcLogin], batch: Batch, clock: Clock) -> dict[str, str]:
    """Return the SHA-256 of the certificates of those BMCs of which none is known, where certificates are pinned.

    Nobody logs in for that. One that does not answer is not in it: the talk with it will say why.
    """
    pins = batch.pins
    new = {} if pins is None else {
        name: bmc for name, bmc in bmcs.items()
        if not (bmc.fingerprint or pins.get(name) or bmc.base.startswith("http:"))
    }  # fmt: skip
    if not new:
        return {}

    def look(bmc: BmcLogin) -> str:
        deadline_s = clock.now_s() + min(batch.deadline_s, 2 * bmc.timeout_s)
        seen = Redfish(
            replace(bmc, validate_certs=False),
            clock,
            deadline_s=deadline_s,
            on_call=batch.on_call,
            http_transport=batch.http_transport,
        )
        try:
            return seen.show_certificate()
        except RedfishError:
            return ""

    with ThreadPoolExecutor(max_workers=min(batch.in_flight, len(new))) as pool:
        seen = dict(zip(new, pool.map(look, new.values())))
    return {name: digest for name, digest in seen.items() if digest}


def _with_new(pins: Mapping[str, str] | None, shown: Mapping[str, str]) -> Mapping[str, str] | None:
    return None if pins is None else {**shown, **pins}


def _guard_of(register: Register) -> Callable[[str], None]:
    def guard(name: str) -> None:
        problem = register.problem(name)
        if problem:
            raise ClaimLost(f"{name}: this run has lost its claim, so that nothing more is written: {problem}")

    return guard


@contextmanager
def claimed(directory: str, bmcs: Mapping[str, BmcLogin]) -> Iterator[list[str]]:
    """Hold the locks of these BMCs for as long as the block lasts; gives the names of those that another run holds.

    Raises RedfishConfigError where the directory can't be used.
    """
    held: list[int] = []
    refused = []
    try:
        folder = Path(directory).expanduser()
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for name, bmc in bmcs.items():
                key = hashlib.sha256(bmc.base.lower().encode()).hexdigest()[:16]
                file = os.open(folder / f"bmc-{key}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                held.append(file)
                if not _try(file):
                    refused.append(name)
        except OSError as error:
            raise RedfishConfigError(f"could not use lock_path {directory}: {error.strerror}") from error
        yield refused
    finally:
        for file in held:
            os.close(file)


def _try(file: int) -> bool:
    try:
        # Of the open file, so that two runs in one process exclude each other too.
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
