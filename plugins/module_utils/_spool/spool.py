# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What was accepted and is not in NetBox yet, in a file that survives the end of every process.

What it keeps is an `Item`: a sighting of the DHCP tap, an event of a validation. This is the one spool of both.

One SQLite file in WAL mode (so on a local disk, never on a network's), used by any number of processes at once; every
call is one transaction, on disk when it returns. A process that is killed in between leaves all of a call or nothing.

* One row a key. An item whose key waits already is merged into its row: the newest wins, `seen` counts them.
* An item is first where its novelty is not the one that was acknowledged last of its key; else it is a renewal.
* Rows are leased, worked on, and then acknowledged or released. A lease that runs out is as good as released.
* Each item gives its row a new version, and no version is ever used twice. Acknowledging deletes the version that
  was leased; where a newer one came meanwhile, the row stays and waits for the next lease.
* A lease holds from one moment to another: a clock that was set back ends it instead of making it endless.
* From `max_rows` on the spool is full: renewals are refused, waiting ones are dropped for first items, and first
  items are stored on, up to `max_bytes` of file. Only past that is a first item `REFUSED`; its sender sends it again.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from .spool_file import DiskFull, SpoolError, SpoolFile

__all__ = ["MAX_BYTES", "MAX_ROWS", "Item", "Offered", "Receipt", "Row", "Spool", "SpoolError", "Stats"]

MAX_ROWS = 20_000
MAX_BYTES = 64 * 1024 * 1024
MAX_KNOWN = 100_000  # keys whose last acknowledged novelty is remembered; a forgotten one is first again


class Item(Protocol):
    """What a row holds: whose it is, what makes it news, and all of it for JSON."""

    @property
    def key(self) -> str:
        """Return whose it is; there is one row a key."""

    @property
    def novelty(self) -> str:
        """Return what makes it news."""

    def to_dict(self) -> dict[str, Any]:
        """Return all of it, ready for JSON."""


ItemT = TypeVar("ItemT", bound=Item)


class Offered(Enum):
    """What became of an item."""

    FIRST = "first"
    RENEWAL = "renewal"
    COALESCED = "coalesced"  # merged into the row that waits
    DROPPED = "dropped"  # a renewal, because the spool is full
    REFUSED = "refused"  # a first item, because the file has reached its bound or the disk is full


@dataclass(frozen=True)
class Receipt:
    """What `acknowledge` and `release` need back of a row: its key, and which of its contents was leased."""

    key: str
    version: int

    @classmethod
    def from_text(cls, text: str) -> Receipt:
        """Read the text that `Row.receipt` gives. Raises ValueError where it is no receipt."""
        key, _separator, version = text.rpartition("#")
        if not key or not version.isdecimal():
            raise ValueError(f"{text!r} is no receipt")
        return Receipt(key, int(version))


@dataclass(frozen=True)
class Row(Receipt, Generic[ItemT]):
    """A leased row, which is its own receipt.

    Times are Unix time, `attempts` counts its leases, this one included, `seen` its items.
    """

    item: ItemT
    is_first: bool
    seen: int
    attempts: int
    first_seen: float
    last_seen: float

    @property
    def receipt(self) -> str:
        """Give the receipt as text, `KEY#VERSION`, such as `02:00:00:00:00:01#17`."""
        return f"{self.key}#{self.version}"


@dataclass(frozen=True)
class Stats:
    """State now (rows to `full`), then counters over the life of the file."""

    rows: int
    rows_first: int
    leased: int
    available: int  # rows that a lease would get now
    oldest_age_s: float  # of the row that has waited longest, leased ones included; 0 where none waits
    size_bytes: int
    full: bool
    first_sightings: int
    renewals: int
    coalesced: int
    dropped: int
    refused: int
    acknowledged: int


class Spool(Generic[ItemT]):
    """The spool in the file `path`. `clock` gives Unix time. Safe to use from several threads.

    `read_item` is what turns an item's `to_dict` back into it.

    All methods raise SpoolError where the file can't be read or written.
    """

    def __init__(
        self,
        path: str | Path,
        clock: Callable[[], float] = time.time,
        *,
        read_item: Callable[[dict[str, Any]], ItemT],
        max_rows: int = MAX_ROWS,
        max_bytes: int = MAX_BYTES,
        max_known: int = MAX_KNOWN,
        create: bool = True,
        maker: str = "its writer",
    ) -> None:
        """Open the file, and make it unless `create` is false, which is for consumers.

        The process that may make it sets its bounds. `max_rows` is kept in the file, so that consumers know when it is
        full.
        """
        self.path = str(path)
        self._read_item = read_item
        self._max_rows = max_rows
        self._max_known = max_known
        self._file = SpoolFile(Path(path), clock, max_bytes, create=create, maker=maker)
        self._db = self._file.db
        if create:
            self._keep_bound()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Spool[ItemT]:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def offer(self, item: ItemT) -> Offered:
        """Store one item; give what became of it."""
        return self.offer_all([item])[0]

    def offer_all(self, items: Sequence[ItemT]) -> list[Offered]:
        """Store many in one transaction; give what became of each, in the order of the items."""
        if not items:
            return []
        try:
            with self._file.writing("write to") as now:
                return self._store(items, now)
        except DiskFull:
            return [self._store_without_space(item) for item in items]

    def lease(self, limit: int, seconds: float, holder: str) -> list[Row[ItemT]]:
        """Lease up to `limit` rows without a holder, those that wait longest first, for `seconds`."""
        with self._file.writing("lease from") as now:
            rows = self._available(limit, now)
            self._db.executemany(
                "UPDATE waiting SET holder = ?, held_from = ?, held_until = ?, attempts = attempts + 1,"
                " held_version = version, held_ip = ip, held_seen = seen WHERE mac = ?",
                [(holder, now, now + seconds, row["mac"]) for row in rows],
            )
            return [self._row(row, attempts=row["attempts"] + 1) for row in rows]

    def peek(self, limit: int) -> list[Row[ItemT]]:
        """Give the rows that `lease` would give, and change nothing."""
        with self._file.reading() as now:
            return [self._row(row, attempts=row["attempts"]) for row in self._available(limit, now)]

    def acknowledge(self, receipts: Iterable[Receipt], holder: str) -> int:
        """Delete the versions that NetBox has; give how many were deleted.

        A version is deleted also when its lease has run out, because NetBox has it. Of rows that have a newer version,
        the holder's lease ends.
        """
        deleted = 0
        with self._file.writing("acknowledge rows of") as now:
            for receipt in receipts:
                deleted += self._acknowledge_one(receipt, holder, now)
            self._forget_oldest()
            self._count("acknowledged", deleted)
        return deleted

    def release(self, receipts: Iterable[Receipt], holder: str, *, again_in_s: float = 0.0) -> int:
        """Give back rows that the holder still holds, to be leased again after `again_in_s`; give how many."""
        with self._file.writing("release rows of") as now:
            return sum(
                self._db.execute(
                    "UPDATE waiting SET holder = '', held_from = ?, held_until = ?"
                    " WHERE mac = ? AND holder = ? AND held_version = ?",
                    (now, now + again_in_s, receipt.key, holder, receipt.version),
                ).rowcount
                for receipt in receipts
            )

    def take_back(self, holder: str) -> int:
        """End the leases of a holder that is gone, as its successor knows; give how many."""
        with self._file.writing("take back rows of") as now:
            return self._db.execute(
                "UPDATE waiting SET holder = '', held_until = 0 WHERE holder = ? AND held_until > ?", (holder, now)
            ).rowcount

    def stats(self) -> Stats:
        """Count what waits now and what has been since the file was made."""
        with self._file.reading() as now:
            rows, first, oldest = self._db.execute(
                "SELECT count(*), coalesce(sum(is_first), 0), coalesce(min(first_seen), :now) FROM waiting",
                {"now": now},
            ).fetchone()
            held, leased = self._db.execute(
                "SELECT count(*), coalesce(sum(holder != ''), 0) FROM waiting"
                " WHERE held_from <= :now AND :now < held_until",
                {"now": now},
            ).fetchone()
            size_bytes = self._file.number("PRAGMA page_count") * self._file.number("PRAGMA page_size")
            counted = dict(self._db.execute("SELECT name, value FROM counters"))
            bound = counted.get("max_rows", self._max_rows)
        return Stats(
            rows=rows,
            rows_first=first,
            leased=leased,
            available=rows - held,
            oldest_age_s=max(0.0, now - oldest),
            size_bytes=size_bytes,
            full=rows >= bound,
            first_sightings=counted.get("first", 0),
            renewals=counted.get("renewal", 0),
            coalesced=counted.get("coalesced", 0),
            dropped=counted.get("dropped", 0),
            refused=counted.get("refused", 0),
            acknowledged=counted.get("acknowledged", 0),
        )

    def _keep_bound(self) -> None:
        try:
            with self._file.writing("open"):
                self._db.execute("INSERT OR REPLACE INTO counters VALUES ('max_rows', ?)", (self._max_rows,))
        except SpoolError:
            self._file.close()
            raise

    def _store(self, items: Sequence[ItemT], now: float) -> list[Offered]:
        offered = []
        rows = self._file.number("SELECT count(*) FROM waiting")
        for item in items:
            outcome = self._merge(item, now)
            if outcome is None:
                outcome = self._add(item, now, is_full=rows >= self._max_rows)
                rows = self._file.number("SELECT count(*) FROM waiting")
            self._count(outcome.value, 1)
            offered.append(outcome)
        return offered

    def _merge(self, item: ItemT, now: float) -> Offered | None:
        """Merge into the row that waits, if one does."""
        changed = self._db.execute(
            "UPDATE waiting SET version = ?, ip = ?, is_first = ?, sighting = ?, seen = seen + 1, last_seen = ?"
            " WHERE mac = ?",
            (self._next_version(), item.novelty, self._is_first(item), _dump(item), now, item.key),
        ).rowcount
        return Offered.COALESCED if changed else None

    def _add(self, item: ItemT, now: float, *, is_full: bool) -> Offered:
        is_first = self._is_first(item)
        if is_full:
            if not is_first:
                return Offered.DROPPED
            self._drop_renewal(now)
        self._db.execute(
            "INSERT INTO waiting (mac, version, ip, is_first, sighting, seen, first_seen, last_seen)"
            " VALUES (?, ?, ?, ?, ?, 1, ?, ?)",
            (item.key, self._next_version(), item.novelty, is_first, _dump(item), now, now),
        )
        return Offered.FIRST if is_first else Offered.RENEWAL

    def _store_without_space(self, item: ItemT) -> Offered:
        """Store one item in a file that may not grow: in the place of renewals, if there are any."""
        while True:
            try:
                with self._file.writing("write to") as now:
                    return self._store([item], now)[0]
            except DiskFull:
                try:
                    with self._file.writing("write to") as now:
                        if self._drop_renewal(now):
                            continue
                        refused = Offered.REFUSED if self._is_first(item) else Offered.DROPPED
                        self._count(refused.value, 1)
                        return refused
                except DiskFull:
                    return Offered.REFUSED  # not even room to count: the disk itself is full

    def _drop_renewal(self, now: float) -> bool:
        dropped = self._db.execute(
            "DELETE FROM waiting WHERE mac = (SELECT mac FROM waiting WHERE is_first = 0"
            " AND NOT (held_from <= :now AND :now < held_until) ORDER BY first_seen LIMIT 1)",
            {"now": now},
        ).rowcount
        self._count(Offered.DROPPED.value, dropped)
        return bool(dropped)

    def _row(self, stored: Any, *, attempts: int) -> Row[ItemT]:
        return Row(
            key=stored["mac"],
            version=stored["version"],
            item=self._read_item(json.loads(stored["sighting"])),
            is_first=bool(stored["is_first"]),
            seen=stored["seen"],
            attempts=attempts,
            first_seen=stored["first_seen"],
            last_seen=stored["last_seen"],
        )

    def _is_first(self, item: ItemT) -> bool:
        known = self._db.execute("SELECT ip FROM known WHERE mac = ?", (item.key,)).fetchone()
        return known is None or known["ip"] != item.novelty

    def _available(self, limit: int, now: float) -> list[sqlite3.Row]:
        return self._db.execute(
            "SELECT * FROM waiting WHERE NOT (held_from <= :now AND :now < held_until)"
            " ORDER BY first_seen, mac LIMIT :limit",
            {"now": now, "limit": max(limit, 0)},
        ).fetchall()

    def _acknowledge_one(self, receipt: Receipt, holder: str, now: float) -> int:
        found = self._db.execute("SELECT * FROM waiting WHERE mac = ?", (receipt.key,)).fetchone()
        if found is None:
            return 0
        if found["version"] == receipt.version:
            self._db.execute("DELETE FROM waiting WHERE mac = ?", (receipt.key,))
            self._learn(receipt.key, found["ip"], now)
            return 1
        if found["holder"] == holder and found["held_version"] == receipt.version:
            self._learn(receipt.key, found["held_ip"], now)
            self._db.execute(
                "UPDATE waiting SET holder = '', held_until = 0, attempts = 0, seen = seen - held_seen,"
                " is_first = (ip != held_ip) WHERE mac = ?",
                (receipt.key,),
            )
        return 0

    def _learn(self, key: str, novelty: str, now: float) -> None:
        self._db.execute("INSERT OR REPLACE INTO known (mac, ip, acknowledged) VALUES (?, ?, ?)", (key, novelty, now))

    def _forget_oldest(self) -> None:
        known = self._file.number("SELECT count(*) FROM known")
        if known > self._max_known:
            self._db.execute(
                "DELETE FROM known WHERE mac IN (SELECT mac FROM known ORDER BY acknowledged LIMIT ?)",
                (known - self._max_known,),
            )

    def _next_version(self) -> int:
        self._count("version", 1)
        return self._file.number("SELECT value FROM counters WHERE name = 'version'")

    def _count(self, name: str, by: int) -> None:
        self._db.execute(
            "INSERT INTO counters (name, value) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
            (name, by),
        )


def _dump(item: Item) -> str:
    return json.dumps(item.to_dict(), separators=(",", ":"))
