# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Journal entries that are due, remembered on this computer before the changes they tell of are made.

A change and its entry are two requests. What ends between them, or gets no answer, leaves the entry here, and the next
run writes it once NetBox shows that the change was made.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..._values.clock import SystemClock
from .errors import NetBoxConfigError
from .journal import Entry

DEFAULT_PATH = "~/.ansible/baremetal.bcm/ledger"

_TABLE = """
create table if not exists due (
    netbox text, work text, device integer, key text, kind text, comment text, proof text, since real, run integer,
    primary key (netbox, work, device, key)
)
"""
_COLUMNS = "device, key, kind, comment, proof, since"
_BUSY_S = 60.0
_CLOCK = SystemClock()


@dataclass(frozen=True)
class Due:
    """An entry that is due, `proof`, which says in JSON what NetBox shows once its change was made, and since when.

    `since` is in seconds of Unix time.
    """

    entry: Entry
    proof: Mapping[str, Any]
    since: float = 0.0


class Ledger:
    """The entries that one kind of work owes one NetBox; safe to share between threads.

    What a run that lives has remembered is left alone. Raises NetBoxConfigError where the directory can't be used.
    With `read_only` nothing is written, and a directory that is not there owes nothing.
    """

    def __init__(
        self,
        directory: str,
        url: str,
        work: str,
        *,
        read_only: bool = False,
        now_s: Callable[[], float] = _CLOCK.wall_s,
    ) -> None:
        self._directory = Path(directory).expanduser()
        self._whose = (url, work)
        self._read_only = read_only
        self._now_s = now_s
        self._thread = threading.Lock()
        self._run = 1 + secrets.randbelow(1 << 40)
        self._lock: int | None = None
        if read_only:
            return
        try:
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = os.open(self._directory / "runs.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.lockf(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, self._run)
            with self._open() as store:
                store.execute(_TABLE)
        except OSError as error:
            raise NetBoxConfigError(f"could not use ledger_path {directory}: {error}") from error

    def close(self) -> None:
        """Leave what is still due to the next run."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def remember(self, dues: Iterable[Due]) -> None:
        """Keep entries, on disk before this returns; one that is kept already is kept as it is now."""
        since = self._now_s()
        rows = [
            (*self._whose, each.entry.device_id, each.entry.key, each.entry.kind, each.entry.text,
             json.dumps(each.proof, sort_keys=True), each.since or since, self._run)
            for each in dues
        ]  # fmt: skip
        if rows:
            with self._open() as store:
                store.executemany("insert or replace into due values (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def forget(self, entries: Iterable[Entry]) -> None:
        """Drop entries that were written, or whose changes were certainly not made."""
        rows = [(*self._whose, each.device_id, each.key) for each in entries]
        if rows and not self._read_only:
            with self._open() as store:
                store.executemany("delete from due where netbox = ? and work = ? and device = ? and key = ?", rows)

    def left_behind(self) -> list[Due]:
        """Take over what runs that ended still owed, oldest first; read only, look at it."""
        if self._read_only and not self._file.exists():
            return []
        with self._open() as store:
            runs = store.execute("select distinct run from due where netbox = ? and work = ?", self._whose).fetchall()
            ended = [run for (run,) in runs if run != self._run and not self._lives(run)]
            found: list[Due] = []
            for run in ended:
                which = (*self._whose, run)
                rows = store.execute(
                    f"select {_COLUMNS} from due where netbox = ? and work = ? and run = ? order by since, rowid",  # noqa: S608
                    which,
                )
                found += [
                    Due(Entry(device, key, kind, text), json.loads(proof), since)
                    for device, key, kind, text, proof, since in rows
                ]
                if not self._read_only:
                    store.execute(
                        "update due set run = ? where netbox = ? and work = ? and run = ?", (self._run, *which)
                    )
        return sorted(found, key=lambda each: each.since)

    def age_s(self, due: Due) -> float:
        """Give for how long an entry has been due."""
        return self._now_s() - due.since

    @property
    def _file(self) -> Path:
        return self._directory / "due.sqlite"

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """Open the file for one transaction, in which nobody else writes."""
        mode = "ro" if self._read_only else "rwc"
        try:
            with self._thread, closing(
                sqlite3.connect(f"{self._file.absolute().as_uri()}?mode={mode}", uri=True, timeout=_BUSY_S)
            ) as store:  # fmt: skip
                store.isolation_level = None
                store.execute("begin" if self._read_only else "begin immediate")
                yield store
                store.execute("commit")
        except sqlite3.Error as error:
            raise NetBoxConfigError(f"could not use ledger_path {self._directory}: {error}") from error

    def _lives(self, run: int) -> bool:
        """Return whether the process of a run still holds its lock."""
        try:
            file = self._lock
            if file is None:
                file = os.open(self._directory / "runs.lock", os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, run)
                fcntl.lockf(file, fcntl.LOCK_UN, 1, run)
            finally:
                if self._lock is None:
                    os.close(file)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return False
