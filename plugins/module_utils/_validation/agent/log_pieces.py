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
_MASK = b"[not shown]"
_TELLS_NOTHING = 8  # bytes of a secret


class LogPieces:
    """Collects bytes and gives compressed pieces to `send(number, compressed)`; of use from several threads.

    `secret` is never in a piece, wherever output or pieces are cut: the kernel's own log has its command line.
    """

    def __init__(self, send: Callable[[int, bytes], None], secret: bytes = b"") -> None:
        self._send = send
        self._secret = secret
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
            if self._secret:
                self._held = self._held.replace(self._secret, _MASK)
            while len(self._held) - self._begun() >= PIECE_BYTES and not self._full:
                self._give(PIECE_BYTES)

    def flush(self) -> None:
        """Send what is held, if anything is, but for the beginning of what may become the secret."""
        with self._lock:
            size = len(self._held) - self._begun()
            if size and not self._full:
                self._give(size)

    def close(self) -> None:
        """Send the rest; as much of the secret as tells something of it is left out."""
        self.flush()
        with self._lock:
            if self._held and not self._full and len(self._held) < _TELLS_NOTHING:
                self._give(len(self._held))

    def _begun(self) -> int:
        """Count the bytes at the end of what is held that the secret begins with."""
        sizes = range(min(len(self._secret) - 1, len(self._held)), 0, -1)
        return next((size for size in sizes if self._held.endswith(self._secret[:size])), 0)

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
