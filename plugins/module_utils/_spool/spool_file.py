# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The spool's SQLite file: opened, laid out, written in transactions, its errors reported in one way."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

_BUSY_S = 10.0
_LAYOUT = 1
# The columns have the tap's names, which came first: files outlive versions. mac is the key, ip the novelty,
# sighting the item.
_TABLES = """
CREATE TABLE waiting (
    mac TEXT PRIMARY KEY, version INTEGER NOT NULL, ip TEXT NOT NULL, is_first INTEGER NOT NULL,
    sighting TEXT NOT NULL, seen INTEGER NOT NULL, first_seen REAL NOT NULL, last_seen REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, holder TEXT NOT NULL DEFAULT '',
    held_from REAL NOT NULL DEFAULT 0, held_until REAL NOT NULL DEFAULT 0,
    held_version INTEGER, held_ip TEXT, held_seen INTEGER);
CREATE INDEX waiting_by_age ON waiting (first_seen, mac);
CREATE INDEX waiting_by_kind ON waiting (is_first, first_seen);
CREATE TABLE known (mac TEXT PRIMARY KEY, ip TEXT NOT NULL, acknowledged REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""
_ADVICE = {
    "unable to open": "; its directory must exist and belong to who runs this",
    "readonly": "; it and its directory must be writable for who runs this",
    "not a database": "; move it away, and a new one is made",
    "malformed": "; move it away, and a new one is made",
    "locked": "; another process holds it, try again",
}


class SpoolError(Exception):
    """The spool can't be used; the message says why and what to do. Trying again is safe."""


class DiskFull(SpoolError):
    """The file has reached its bound, or the disk is full."""


class SpoolFile:
    """A connection that threads may share. Raises SpoolError."""

    def __init__(
        self,
        path: Path,
        clock: Callable[[], float],
        max_bytes: int,
        *,
        create: bool,
        tables: str = _TABLES,
        maker: str = "its writer",
    ) -> None:
        """Open the file; it gets `tables` where it is made. `maker` is who makes it, for messages."""
        self.path = path
        self._tables = tables
        self._clock = clock
        self._lock = threading.Lock()
        if not create and not path.exists():
            raise SpoolError(f"could not open the spool {path}: there is no such file; does {maker} run on this host?")
        with self._explaining("open"):
            self.db = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            self._prepare(max_bytes)
        except SpoolError:
            self.db.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        self.db.close()

    def reading(self) -> AbstractContextManager[float]:
        """Begin one consistent view that waits for no writer; gives the Unix time. Raises SpoolError."""
        return self._transaction("read", "BEGIN")

    def writing(self, action: str) -> AbstractContextManager[float]:
        """Begin one transaction that excludes other writers; gives the Unix time. Raises SpoolError, DiskFull."""
        return self._transaction(action, "BEGIN IMMEDIATE")

    def number(self, query: str) -> int:
        """Give the one number that a query without parameters returns."""
        value: int = self.db.execute(query).fetchone()[0]
        return value

    def _prepare(self, max_bytes: int) -> None:
        with self._explaining("open"):
            self.db.row_factory = sqlite3.Row
            self.db.execute("PRAGMA journal_mode = WAL")
            self.db.execute("PRAGMA synchronous = FULL")
            self.db.execute(f"PRAGMA journal_size_limit = {max(max_bytes // 4, 1 << 20)}")
            self.db.execute(f"PRAGMA max_page_count = {max(max_bytes // self.number('PRAGMA page_size'), 16)}")
        with self.writing("open"):
            layout = self.number("PRAGMA user_version")
            if layout == 0:
                for statement in self._tables.split(";"):
                    self.db.execute(statement)
                self.db.execute(f"PRAGMA user_version = {_LAYOUT}")
            elif layout != _LAYOUT:
                raise SpoolError(
                    f"could not open the spool {self.path}: its layout is {layout}, this version knows {_LAYOUT}; "
                    "let the version that made it empty it, or move it away"
                )

    @contextmanager
    def _transaction(self, action: str, begin: str) -> Iterator[float]:
        with self._lock, self._explaining(action):
            self.db.execute(begin)
            try:
                yield self._clock()
                self.db.execute("COMMIT")
            except BaseException:
                if self.db.in_transaction:
                    self.db.execute("ROLLBACK")
                raise

    @contextmanager
    def _explaining(self, action: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            reason = str(error)
            if "is full" in reason:
                raise DiskFull(f"could not {action} the spool {self.path}: {reason}; make room on its disk") from error
            advice = next((advice for word, advice in _ADVICE.items() if word in reason), "")
            raise SpoolError(f"could not {action} the spool {self.path}: {reason}{advice}") from error
