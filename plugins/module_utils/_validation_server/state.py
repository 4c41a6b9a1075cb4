# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What receiver and worker both know: who may boot the image, and what runs there are. One SQLite file.

The worker writes admissions and verdicts, the receiver runs and their progress. No call holds a transaction while
something else is waited for.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .._spool.spool_file import SpoolFile
from .events import AcceptedEvent

_MAX_BYTES = 1 << 30
# A service that gave no sign of life for so long was away, or the clock was set.
_GAP_S = 30.0
# How long a run is kept that never began: machines that wait for months are offered the image again and again.
_UNUSED_S = 86400.0
# Older admissions are none: without the worker, or without NetBox, nobody knows what is `discovered` still.
_KNOWN_S = 600.0
_TABLES = """
CREATE TABLE admissions (
    mac TEXT PRIMARY KEY, device INTEGER NOT NULL, name TEXT NOT NULL, serial TEXT NOT NULL, task TEXT NOT NULL)
    WITHOUT ROWID;
CREATE TABLE runs (
    run TEXT PRIMARY KEY, device INTEGER NOT NULL, name TEXT NOT NULL, serial TEXT NOT NULL, mac TEXT NOT NULL,
    token_key BLOB NOT NULL, task TEXT NOT NULL, via TEXT NOT NULL, image TEXT NOT NULL,
    minted REAL NOT NULL, expires REAL NOT NULL,
    started REAL NOT NULL DEFAULT 0, heard REAL NOT NULL DEFAULT 0, sequence INTEGER NOT NULL DEFAULT 0,
    events INTEGER NOT NULL DEFAULT 0,
    last_body TEXT NOT NULL DEFAULT '', last_answer TEXT NOT NULL DEFAULT '', step TEXT NOT NULL DEFAULT '',
    step_since REAL NOT NULL DEFAULT 0, closed TEXT NOT NULL DEFAULT '', done REAL NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE INDEX runs_by_device ON runs (device, minted);
CREATE INDEX runs_open ON runs (done, closed);
CREATE TABLE results (
    run TEXT NOT NULL, sequence INTEGER NOT NULL, event TEXT NOT NULL, PRIMARY KEY (run, sequence)) WITHOUT ROWID;
CREATE TABLE siblings (
    device INTEGER PRIMARY KEY, kind TEXT NOT NULL, run TEXT NOT NULL, metrics TEXT NOT NULL);
CREATE INDEX siblings_by_kind ON siblings (kind);
CREATE TABLE outgoing (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, made REAL NOT NULL, event TEXT NOT NULL);
CREATE TABLE services (name TEXT PRIMARY KEY, since REAL NOT NULL, at REAL NOT NULL) WITHOUT ROWID
"""
_ADMITTING = "admitting"  # among the services: when admissions were written
# Why a run takes no more messages.
FINISHED, CONFLICTED, SUPERSEDED, LOST = "finished", "conflict", "superseded", "lost"


@dataclass(frozen=True)
class Admission:
    """A machine that may boot the image. `task` is what its agent is to do, as it is sent but for run and time."""

    mac: str
    device: int
    name: str
    serial: str
    task: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """One boot. Times are Unix time, 0 for what has not been; `closed` is why it takes no more messages, "" if it does.

    `image` is the digest of the image that it was given, "" where that has none; `done` is when NetBox had its verdict.
    """

    run: str
    device: int
    name: str
    serial: str
    mac: str
    token_key: bytes
    task: Mapping[str, Any]
    via: str
    image: str
    minted: float
    expires: float
    started: float = 0.0
    heard: float = 0.0
    sequence: int = 0
    events: int = 0
    last_body: str = ""
    last_answer: str = ""
    step: str = ""
    step_since: float = 0.0
    closed: str = ""
    done: float = 0.0


@dataclass(frozen=True)
class Progress:
    """What one accepted message changes of its run."""

    run: str
    sequence: int
    body: str
    answer: str
    heard: float
    expires: float
    step: str = ""
    closed: str = ""
    is_event: bool = True


class State:
    """The file `path`. `clock` gives Unix time. All methods raise SpoolError where it can't be used."""

    def __init__(self, path: str | Path, clock: Callable[[], float]) -> None:
        """Open the file, and make it where it is not there."""
        self._file = SpoolFile(Path(path), clock, _MAX_BYTES, create=True, tables=_TABLES)
        self._db = self._file.db

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    # -- admissions -----------------------------------------------------------------------------------------------

    def admit(self, admissions: Iterable[Admission]) -> None:
        """Replace all admissions by these."""
        rows = [(each.mac, each.device, each.name, each.serial, json.dumps(each.task)) for each in admissions]
        with self._file.writing("write admissions to") as now:
            self._db.execute("DELETE FROM admissions")
            self._db.execute("INSERT OR REPLACE INTO services VALUES (?, ?, ?)", (_ADMITTING, now, now))
            self._db.executemany("INSERT OR REPLACE INTO admissions VALUES (?, ?, ?, ?, ?)", rows)

    def admission(self, mac: str) -> Admission | None:
        """Find the admission of a MAC address such as A0:36:9F:7C:05:00."""
        with self._file.reading():
            row = self._db.execute("SELECT * FROM admissions WHERE mac = ?", (mac,)).fetchone()
        return _admission(row) if row is not None else None

    def is_current(self, now: float) -> bool:
        """Say whether admissions were read lately enough to act by them; never read is not."""
        return abs(now - self.life(_ADMITTING)[1]) <= _KNOWN_S

    def admissions(self) -> list[Admission]:
        """Give all of them."""
        with self._file.reading():
            return [_admission(row) for row in self._db.execute("SELECT * FROM admissions ORDER BY mac")]

    # -- runs -----------------------------------------------------------------------------------------------------

    def mint(self, run: Run) -> None:
        """Keep a new run; those of its port that were offered in the same way and never began are superseded."""
        with self._file.writing("write a run to") as now:
            self._db.execute(
                "UPDATE runs SET closed = ?, done = ? WHERE device = ? AND via = ? AND mac = ? AND closed = ''"
                " AND started = 0",
                (SUPERSEDED, now, run.device, run.via, run.mac),
            )
            values = (run.run, run.device, run.name, run.serial, run.mac, run.token_key, json.dumps(run.task))
            self._db.execute(
                "INSERT INTO runs (run, device, name, serial, mac, token_key, task, via, image, minted, expires)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*values, run.via, run.image, run.minted, run.expires),
            )

    def run(self, run: str) -> Run | None:
        """Find a run."""
        with self._file.reading():
            row = self._db.execute("SELECT * FROM runs WHERE run = ?", (run,)).fetchone()
        return _run(row) if row is not None else None

    def runs(self, *names: str) -> list[Run]:
        """Give these runs, those that there are."""
        with self._file.reading():
            found = [self._db.execute("SELECT * FROM runs WHERE run = ?", (name,)).fetchone() for name in names]
        return [_run(row) for row in found if row is not None]

    def open_runs(self) -> list[Run]:
        """Give the runs whose verdict NetBox does not have, oldest first, without files that wait for a machine."""
        return self._open("AND NOT (via = 'grub' AND started = 0 AND closed = '')")

    def waiting_files(self) -> list[Run]:
        """Give the runs whose token lies in a file for GRUB that no machine has come for: one for each port."""
        return self._open("AND via = 'grub' AND started = 0 AND closed = ''")

    def _open(self, which: str) -> list[Run]:
        with self._file.reading():
            rows = self._db.execute(f"SELECT * FROM runs WHERE done = 0 {which} ORDER BY minted").fetchall()  # noqa: S608
        return [_run(row) for row in rows]

    def under_way(self, device: int) -> Run | None:
        """Find the run of a device that has begun and has no verdict in NetBox."""
        with self._file.reading():
            row = self._db.execute(
                "SELECT * FROM runs WHERE device = ? AND done = 0 AND (started > 0 OR closed != '') LIMIT 1", (device,)
            ).fetchone()
        return _run(row) if row is not None else None

    def begin(self, run: str, expires: float) -> None:
        """Note that a run's machine was heard for the first time, from when on its deadline counts."""
        with self._file.writing("write a run to") as now:
            self._db.execute(
                "UPDATE runs SET started = ?, heard = ?, expires = ? WHERE run = ? AND started = 0",
                (now, now, expires, run),
            )

    def change_task(self, run: str, task: Mapping[str, Any]) -> None:
        """Keep another task of a run: the one that its machine is given."""
        with self._file.writing("write a run to"):
            self._db.execute("UPDATE runs SET task = ? WHERE run = ?", (json.dumps(task), run))

    def advance(self, steps: Sequence[Progress]) -> None:
        """Note accepted messages in one transaction."""
        with self._file.writing("write progress to"):
            for each in steps:
                self._db.execute(
                    "UPDATE runs SET events = events + ?, sequence = ?, last_body = ?, last_answer = ?, heard = ?,"
                    " expires = ?,"
                    " started = CASE started WHEN 0 THEN ? ELSE started END,"
                    " step_since = CASE WHEN ? IN ('', step) THEN step_since ELSE ? END,"
                    " step = CASE ? WHEN '' THEN step ELSE ? END,"
                    " closed = CASE closed WHEN '' THEN ? ELSE closed END WHERE run = ?",
                    (each.is_event, each.sequence, each.body, each.answer, each.heard, each.expires, each.heard,
                     each.step, each.heard,
                     each.step, each.step, each.closed, each.run),
                )  # fmt: skip

    def end(self, runs: Iterable[str], closed: str) -> None:
        """Note that these take no more messages."""
        with self._file.writing("write runs to"):
            self._db.executemany(
                "UPDATE runs SET closed = ? WHERE run = ? AND closed = ''", [(closed, run) for run in runs]
            )

    def settle(self, runs: Iterable[str], events: Iterable[Mapping[str, Any]] = ()) -> None:
        """Note that NetBox has the verdict of these; what else was offered to their machines is void.

        `events` are to be sent now, each with an id that is its own.
        """
        with self._file.writing("write verdicts to") as now:
            self._db.executemany(
                "INSERT OR IGNORE INTO outgoing (id, made, event) VALUES (?, ?, ?)",
                [(each["id"], now, json.dumps(each)) for each in events],
            )
            for run in runs:
                self._db.execute("UPDATE runs SET done = ? WHERE run = ? AND done = 0", (now, run))
                # Until NetBox is read again, nobody offers the image to a machine that has just been judged.
                self._db.execute(
                    "DELETE FROM admissions WHERE device = (SELECT device FROM runs WHERE run = ?)", (run,)
                )
                self._db.execute(
                    "UPDATE runs SET closed = ?, done = ? WHERE done = 0 AND started = 0 AND closed = ''"
                    " AND device = (SELECT device FROM runs WHERE run = ?)",
                    (SUPERSEDED, now, run),
                )

    def forget(self, older_than_s: float) -> list[str]:
        """Drop runs that were done that long ago, with their results and events; give which."""
        with self._file.writing("drop runs from") as now:
            old = [
                row["run"]
                for row in self._db.execute("SELECT run FROM runs WHERE done > 0 AND done < ?", (now - older_than_s,))
            ]
            self._db.execute("DELETE FROM outgoing WHERE made < ?", (now - older_than_s,))
            self._db.execute(
                "DELETE FROM runs WHERE closed = ? AND started = 0 AND done < ?", (SUPERSEDED, now - _UNUSED_S)
            )
            for table in ("runs", "results"):
                self._db.executemany(f"DELETE FROM {table} WHERE run = ?", [(run,) for run in old])  # noqa: S608
        return old

    # -- events ---------------------------------------------------------------------------------------------------

    def outgoing(self, most: int) -> list[dict[str, Any]]:
        """Give the events that are to be sent, oldest first."""
        with self._file.reading():
            rows = self._db.execute("SELECT event FROM outgoing ORDER BY number LIMIT ?", (most,)).fetchall()
        return [json.loads(row["event"]) for row in rows]

    def sent(self, ids: Sequence[str]) -> None:
        """Drop events that were taken."""
        if ids:
            with self._file.writing("write events to"):
                self._db.executemany("DELETE FROM outgoing WHERE id = ?", [(each,) for each in ids])

    # -- results --------------------------------------------------------------------------------------------------

    def keep(self, events: Sequence[AcceptedEvent]) -> set[str]:
        """Keep messages of the spool; give the keys of those that were new here."""
        new = set()
        with self._file.writing("write results to"):
            for each in events:
                added = self._db.execute(
                    "INSERT OR IGNORE INTO results VALUES (?, ?, ?)",
                    (each.run, each.sequence, json.dumps(each.to_dict())),
                ).rowcount
                if added:
                    new.add(each.key)
        return new

    def results(self, run: str) -> list[AcceptedEvent]:
        """Give all messages of a run that were taken from the spool, by their sequence."""
        with self._file.reading():
            rows = self._db.execute("SELECT event FROM results WHERE run = ? ORDER BY sequence", (run,)).fetchall()
        return [AcceptedEvent.from_dict(json.loads(row["event"])) for row in rows]

    # -- siblings -------------------------------------------------------------------------------------------------

    def remember_metrics(self, device: int, kind: str, run: str, metrics: Mapping[str, float]) -> None:
        """Keep the metrics of a server's last good run; `kind` is equal for servers that are built the same."""
        with self._file.writing("write metrics to"):
            self._db.execute(
                "INSERT OR REPLACE INTO siblings VALUES (?, ?, ?, ?)", (device, kind, run, json.dumps(metrics))
            )

    def siblings(self, device: int, kind: str) -> list[dict[str, float]]:
        """Give the metrics of other servers of a kind, those that were kept last first, up to a thousand."""
        with self._file.reading():
            rows = self._db.execute(
                "SELECT metrics FROM siblings WHERE kind = ? AND device != ? ORDER BY rowid DESC LIMIT 1000",
                (kind, device),
            ).fetchall()
        return [json.loads(row["metrics"]) for row in rows]

    # -- services -------------------------------------------------------------------------------------------------

    def beat(self, service: str, *, starting: bool = False) -> None:
        """Note that a service lives; `starting` that it did not before, as after a gap, or a clock that was set."""
        with self._file.writing("write a sign of life to") as now:
            if starting:
                self._db.execute("DELETE FROM services WHERE name = ?", (service,))
            self._db.execute(
                "INSERT INTO services VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET at = excluded.at,"
                " since = CASE WHEN excluded.at - at BETWEEN 0 AND ? THEN since ELSE excluded.at END",
                (service, now, now, _GAP_S),
            )

    def life(self, service: str) -> tuple[float, float]:
        """Give since when a service lives, and its last sign of it; (0, 0) for none."""
        with self._file.reading():
            row = self._db.execute("SELECT since, at FROM services WHERE name = ?", (service,)).fetchone()
        return (row["since"], row["at"]) if row is not None else (0.0, 0.0)


def _admission(row: sqlite3.Row) -> Admission:
    return Admission(row["mac"], row["device"], row["name"], row["serial"], json.loads(row["task"]))


def _run(row: sqlite3.Row) -> Run:
    return Run(**{**{name: row[name] for name in row.keys()}, "task": json.loads(row["task"])})  # noqa: SIM118
