# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""`memtester SIZE LOOPS`: prints as it goes, with backspaces, and ends with `Done.`"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .output import ParseError, bounded

_GOT = re.compile(r"^got\s+(\d{1,9})MB", re.MULTILINE)
_LOOP = re.compile(r"^Loop (\d{1,9})", re.MULTILINE)
_OK = re.compile(r": *ok\s*$")
_FAILURE = re.compile(r"FAILURE: (.{1,200})")
_MOST_FAILURES = 20


@dataclass(frozen=True)
class MemtesterRun:
    """`done` is whether it came to its end; `tests` are those that ended with ok, over all loops."""

    mib: int
    loops: int
    tests: int
    failures: int
    first_failures: tuple[str, ...]
    locked: bool
    done: bool


def read_memtester(text: str) -> MemtesterRun:
    """Read the output of one run, also of one that was killed. Raises ParseError where it never got any memory."""
    plain = _without_backspaces(bounded(text))
    got = _GOT.search(plain)
    if got is None:
        raise ParseError("memtester got no memory")
    failures = [match[1].strip() for match in _FAILURE.finditer(plain)]
    return MemtesterRun(
        mib=int(got[1]),
        loops=len(_LOOP.findall(plain)),
        tests=sum(1 for line in plain.splitlines() if _OK.search(line)),
        failures=len(failures),
        first_failures=tuple(failures[:_MOST_FAILURES]),
        locked="locked." in plain,
        done=bool(re.search(r"^Done\.\s*$", plain, re.MULTILINE)),
    )


def _without_backspaces(text: str) -> str:
    kept: list[str] = []
    for letter in text:
        if letter != "\b":
            kept.append(letter)
        elif kept and kept[-1] != "\n":
            kept.pop()
    return "".join(kept)
