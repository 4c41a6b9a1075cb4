# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""One run at a time per BMC on this computer; a lock ends with its process, however that ends."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from .connection import BmcLogin
from .errors import RedfishConfigError


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
