# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Claims on BMCs that are renewed for as long as somebody works."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Renewable(Protocol):
    """Claims that hold for `lease_s` seconds after they were taken or renewed."""

    lease_s: float

    def renew(self) -> None:
        """Let the claims hold for longer. Raises nothing."""


@contextmanager
def renewed(claims: Renewable) -> Iterator[None]:
    """Renew claims three times in the time that they hold, from a thread of its own, while the block lasts."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(claims.lease_s / 3):
            claims.renew()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
