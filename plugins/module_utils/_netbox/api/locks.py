# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""One writer at a time per device on this computer, for NetBox before 4.6, which has no If-Match."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import NetBoxConfigError, NetBoxError

_PAUSE_S = 0.1
_PATIENCE_S = 300.0


@contextmanager
def locked(directory: str, url: str, device_ids: Iterable[int], *, sleep: Callable[[float], None]) -> Iterator[None]:
    """Hold the locks of these devices of the NetBox at `url`; they end with the process, however it ends.

    Raises NetBoxConfigError where the directory can't be used, NetBoxError where another run holds a lock for 300 s.
    """
    name = hashlib.sha256(url.encode()).hexdigest()[:16]
    try:
        folder = Path(directory).expanduser()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise NetBoxConfigError(f"could not use lock_path {directory}: {error}") from error
    try:
        # One file, a byte a device: any number of devices costs one descriptor. In ascending order, so that two runs
        # never wait for each other.
        waited_s = 0.0
        for device_id in sorted(set(device_ids)):
            while not _try(file, device_id):
                if waited_s >= _PATIENCE_S:
                    raise NetBoxError(f"another run has been working on device {device_id} for {_PATIENCE_S:g} s")
                sleep(_PAUSE_S)
                waited_s += _PAUSE_S
        yield
    finally:
        os.close(file)


def _try(file: int, device_id: int) -> bool:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, device_id)
    except (BlockingIOError, PermissionError):
        return False
    return True
