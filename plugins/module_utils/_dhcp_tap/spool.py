# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The spool of sightings: one row a MAC address, first where the MAC address has another IP address than before.

Relay and VLAN are how a lease was seen, not whose it is. One lease seen twice on its way (server to relay, relay to
client) is one row, and NetBox has one address to learn for an interface. A first sighting that is refused comes again
with the machine's next renewal.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from .._spool import spool
from .._spool.spool import MAX_BYTES, MAX_KNOWN, MAX_ROWS, Offered, Receipt, SpoolError, Stats
from .sighting import Sighting

__all__ = ["MAX_BYTES", "MAX_ROWS", "Offered", "Receipt", "Row", "Spool", "SpoolError", "Stats"]

Row = spool.Row[Sighting]


class Spool(spool.Spool[Sighting]):
    """The spool of sightings in the file `path`, as `_spool.spool.Spool`."""

    def __init__(
        self,
        path: str | Path,
        clock: Callable[[], float] = time.time,
        *,
        max_rows: int = MAX_ROWS,
        max_bytes: int = MAX_BYTES,
        max_known: int = MAX_KNOWN,
        create: bool = True,
    ) -> None:
        """Open the file, and make it unless `create` is false, which is for consumers."""
        super().__init__(
            path,
            clock,
            read_item=Sighting.from_dict,
            max_rows=max_rows,
            max_bytes=max_bytes,
            max_known=max_known,
            create=create,
            maker="the tap",
        )

    def __enter__(self) -> Spool:
        return self
