# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Pieces of logs on disk: written whole, bounded by piece, by step and together; unpacked only to be shown."""

from __future__ import annotations

import os
import shutil
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from .._validation.messages import MAX_LOG_BYTES, MAX_PIECE_BYTES, MAX_PIECES

MAX_STEPS = 64
_MOST_SHOWN = 64 * 1024 * 1024  # unpacked; what is more is cut, whatever a piece claims to hold
_CHUNK = 64 * 1024


class LogRefused(Exception):
    """A piece that goes past a bound."""


class Logs:
    """The directory of logs: RUN/STEP/PIECE.gz. Callers check names before."""

    def __init__(self, directory: str | Path, max_bytes: int) -> None:
        self._directory = Path(directory)
        self._max_bytes = max_bytes
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._bytes = sum(path.stat().st_size for path in self._directory.glob("*/*/*.gz"))

    @property
    def size_bytes(self) -> int:
        """Return what all pieces take."""
        return self._bytes

    def write(self, run: str, step: str, piece: int, content: bytes) -> None:
        """Keep one piece, on disk before this returns; the same piece again replaces it.

        Raises LogRefused past a bound, OSError where the disk is full.
        """
        folder = self._directory / run / step
        if len(content) > MAX_PIECE_BYTES or piece >= MAX_PIECES:
            raise LogRefused(f"a log takes {MAX_PIECES} pieces of {MAX_PIECE_BYTES} bytes")
        if not folder.is_dir() and len(list(folder.parent.glob("*"))) >= MAX_STEPS:
            raise LogRefused(f"a run takes the logs of {MAX_STEPS} steps")
        target = folder / f"{piece}.gz"
        others = sum(path.stat().st_size for path in folder.glob("*.gz") if path != target)
        if others + len(content) > MAX_LOG_BYTES:
            raise LogRefused(f"the log of a step takes {MAX_LOG_BYTES} bytes")
        old = target.stat().st_size if target.exists() else 0
        if self._bytes - old + len(content) > self._max_bytes:
            raise LogRefused(f"all logs together take {self._max_bytes} bytes")
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        half = folder / f".{piece}"
        with half.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        half.replace(target)
        self._bytes += len(content) - old

    def read(self, run: str, step: str) -> Iterator[bytes] | None:
        """Unpack a step's log, as far as it came, bounded; None where there is none."""
        pieces = sorted((self._directory / run / step).glob("*.gz"), key=lambda path: int(path.stem))
        return _unpack(pieces) if pieces else None

    def steps(self, run: str) -> list[str]:
        """Name the steps of a run that have a log, in their order."""
        return sorted({path.parent.name for path in (self._directory / run).glob("*/*.gz")})

    def remove(self, run: str) -> None:
        """Remove the logs of a run."""
        folder = self._directory / run
        gone = sum(path.stat().st_size for path in folder.glob("*/*.gz"))
        shutil.rmtree(folder, ignore_errors=True)
        self._bytes -= gone


def _unpack(pieces: list[Path]) -> Iterator[bytes]:
    left = _MOST_SHOWN
    for path in pieces:
        reader = zlib.decompressobj(wbits=31)
        with suppress(zlib.error, OSError), path.open("rb") as file:
            packed = file.read(_CHUNK)
            while packed and left > 0 and not reader.eof:
                shown = reader.decompress(packed, min(left, _CHUNK))
                left -= len(shown)
                yield shown
                packed = reader.unconsumed_tail or file.read(_CHUNK)
