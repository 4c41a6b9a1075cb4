# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory that forgets: flips a bit where a test of memory has written a pattern, so that nothing else is harmed."""

from __future__ import annotations

import os
from pathlib import Path

_PAGE = 4096
_PIECE = 4 * 2**20
# Words that memtester's checkerboard fills its buffers with; a whole page of them is nothing else's.
_WORDS = (b"\x55" * 8 + b"\xaa" * 8, b"\xaa" * 8 + b"\x55" * 8)
_PATTERNS = tuple(word * (_PAGE // len(word)) for word in _WORDS)


def flip_bits(ram: Path) -> int:
    """Flip one bit in the first page that holds a pattern; says how many were flipped. Skips what was never written."""
    try:
        file = os.open(ram, os.O_RDWR)
    except OSError:
        return 0
    try:
        end = os.fstat(file).st_size
        at = 0
        while at < end:
            try:
                at = os.lseek(file, at, os.SEEK_DATA) // _PAGE * _PAGE
            except OSError:
                return 0
            piece = os.pread(file, _PIECE, at)
            for pattern in _PATTERNS:
                found = piece.find(pattern)
                if found >= 0:
                    place = at + (found + _PAGE - 1) // _PAGE * _PAGE
                    byte = os.pread(file, 1, place)
                    os.pwrite(file, bytes([byte[0] ^ 0x10]), place)
                    return 1
            at += _PIECE
    finally:
        os.close(file)
    return 0
