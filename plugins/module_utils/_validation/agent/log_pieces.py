# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""A step's output in pieces that are sent while it runs, so that a machine that dies leaves its log."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable

from ..messages import MAX_LOG_BYTES, MAX_PIECES

# What can't be compressed grows by little: a piece of so many bytes stays below the limit of the wire.
PIECE_BYTES = 192 * 1024
_CUT = b"\n[the log is longer than what is kept, the rest is left out]\n"
_ROOM_FOR_CUT = 4096


class LogPieces:
    """Collects bytes and gives compressed pieces to `send(number, compressed)`; of use from several threads."""

    def __init__(self, send: Callable[[int, bytes], None]) -> None:
        self._send = send
        self._held = bytearray()
        self._lock = threading.Lock()
        self._sent_bytes = 0
        self._full = False
        self.count = 0

    def write(self, output: bytes) -> None:
        """Take output; whole pieces go at once."""
        with self._lock:
            if self._full:
                return
            self._held += output
            while len(self._held) >= PIECE_BYTES and not self._full:
                self._give(PIECE_BYTES)

    def flush(self) -> None:
        """Send what is held, if anything is."""
        with self._lock:
            if self._held and not self._full:
                self._give(len(self._held))

    def _give(self, size: int) -> None:
        piece = bytes(self._held[:size])
        del self._held[:size]
        compressed = gzip.compress(piece, compresslevel=6, mtime=0)
        if self._sent_bytes + len(compressed) + _ROOM_FOR_CUT > MAX_LOG_BYTES or self.count + 1 >= MAX_PIECES:
            self._full = True
            self._held.clear()
            compressed = gzip.compress(_CUT, mtime=0)
        self._send(self.count, compressed)
        self._sent_bytes += len(compressed)
        self.count += 1
