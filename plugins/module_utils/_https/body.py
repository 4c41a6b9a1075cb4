# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Reading of an answer's body piece by piece, so that one that is too large is refused and not held in memory."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping

from .._values.text import quote
from .errors import MaybePerformed, TooLarge
from .exchange import Bounds

# The window that zlib calls 15, with the header and the checksum of gzip.
_GZIP = 16 + zlib.MAX_WBITS
_MOST_DIGITS = 20


class BodyReader:
    """The reader of one answer's body: it counts, unpacks and keeps what comes, or gives it to `sink`.

    Its methods raise TooLarge as soon as a limit is passed, however well the body is packed, and MaybePerformed where
    it can't be unpacked.
    """

    def __init__(self, limits: Bounds, sink: Callable[[bytes], object] | None = None) -> None:
        self._limits = limits
        self._sink = sink
        self._decoder: zlib._Decompress | None = None
        self._pieces: list[bytes] = []
        self._size_bytes = 0
        self.received_bytes = 0

    def begin(self, headers: Mapping[str, str]) -> None:
        """Check the headers before the body: one whose stated length is too large is not read at all."""
        length = headers.get("content-length", "")
        # Python refuses to read a number of thousands of digits; "²" is a digit to it.
        if length.isascii() and length.isdigit() and int(length[:_MOST_DIGITS]) > self._limits.wire_bytes:
            raise TooLarge(self._limits.wire_bytes)
        encoding = headers.get("content-encoding", "").strip().lower()
        if encoding in ("gzip", "x-gzip"):
            self._decoder = zlib.decompressobj(_GZIP)
        elif encoding not in ("", "identity"):
            raise MaybePerformed(f"the answer is packed as {quote(encoding)}, which was not asked for")

    def add(self, piece: bytes) -> None:
        """Add one piece as it came over the wire."""
        self.received_bytes += len(piece)
        if self.received_bytes > self._limits.wire_bytes:
            raise TooLarge(self._limits.wire_bytes)
        unpacked = self._unpack(piece)
        self._size_bytes += len(unpacked)
        if self._size_bytes > self._limits.body_bytes:
            raise TooLarge(self._limits.body_bytes)
        if self._sink is None:
            self._pieces.append(unpacked)
        else:
            self._sink(unpacked)

    def finish(self) -> bytes:
        """Return the whole body, unpacked."""
        if self._decoder is not None and self.received_bytes and not self._decoder.eof:
            raise MaybePerformed("the packed answer ends too early")
        return b"".join(self._pieces)

    def _unpack(self, piece: bytes) -> bytes:
        if self._decoder is None:
            return piece
        if self._decoder.eof:
            return b""
        try:
            # One byte more than there is room for shows that it is too large; no more than that is ever unpacked.
            return self._decoder.decompress(piece, self._limits.body_bytes - self._size_bytes + 1)
        except zlib.error as error:
            raise MaybePerformed(f"the packed answer is damaged: {error}") from error
