# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory that forgets: one bit flips whenever a test of memory has written a pattern there. Nothing else is harmed."""

from __future__ import annotations

import mmap
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

_PAGE = 4096
_WORD = 8
_ALL = 2 ** (8 * _WORD) - 1
_PIECE = 4 * 2**20
_BIT = 0x10
# A test writes each page a thousand times, and reads it again some hundredths of a second later.
_LOOK_S = 0.001
_STAY_S = 2.0


def forget(ram: Path, *, wanted: Callable[[], bool]) -> int:
    """Flip a bit in a page of the file as often as a pattern is written there, while `wanted`; says how often."""
    flipped = 0
    with ram.open("r+b") as file:
        while wanted():
            page = next(_pages_with_pattern(file.fileno()), None)
            if page is not None:
                flipped += _flip_while_tested(file.fileno(), page, wanted)
    return flipped


def _flip_while_tested(file: int, page: int, wanted: Callable[[], bool]) -> int:
    flipped, until = 0, time.monotonic() + _STAY_S
    with mmap.mmap(file, _PAGE, offset=page) as memory:
        while wanted() and time.monotonic() < until:
            if _is_pattern(memory[:]):
                memory[0] ^= _BIT
                flipped += 1
                until = time.monotonic() + _STAY_S
            time.sleep(_LOOK_S)
    return flipped


def _pages_with_pattern(file: int) -> Iterator[int]:
    """Find pages that hold a pattern, in what was ever written. Reads, since mapping all of it takes seconds."""
    piece = bytearray(_PIECE)
    at, end = 0, os.fstat(file).st_size
    while at < end:
        try:
            at = os.lseek(file, at, os.SEEK_DATA) // _PAGE * _PAGE
        except OSError:
            return
        length = os.preadv(file, [piece], at)
        for start in _likely(piece, length):
            if _is_pattern(piece[start : start + _PAGE]):
                yield at + start
        at += _PIECE


def _likely(piece: bytearray, length: int) -> list[int]:
    """Find the pages whose second word is the complement of their first."""
    with memoryview(piece)[: length // _PAGE * _PAGE] as whole, whole.cast("Q") as words:
        pairs = zip(words[:: _PAGE // _WORD].tolist(), words[1 :: _PAGE // _WORD].tolist(), strict=True)
        return [number * _PAGE for number, (first, second) in enumerate(pairs) if first ^ second == _ALL]


def _is_pattern(page: bytes | bytearray) -> bool:
    """Say whether a page holds a word and its complement in turn, as memtester writes them, and nobody else."""
    first, second = page[:_WORD], page[_WORD : 2 * _WORD]
    return all(a ^ b == 0xFF for a, b in zip(first, second, strict=True)) and page == (first + second) * (
        _PAGE // _WORD // 2
    )
