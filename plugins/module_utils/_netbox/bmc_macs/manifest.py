# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""A manifest of BMC MAC addresses: CSV text → rows, and what is wrong with the other lines. Pure."""

from __future__ import annotations

import codecs
import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..._values.mac import parse_mac
from ..._values.names import count, shorten
from ..._values.text import quote

SERIAL, MAC = COLUMNS = ("server_serial", "server_bmc_mac")
# What NetBox keeps of a serial number.
MAX_SERIAL = 50
# A quote that is not closed must not take the rest of the file; a note in another column may well have a few lines.
MAX_LINES_OF_A_ROW = 20
_LINE_END = re.compile(r"\r\n|\n|\r")


class ManifestError(ValueError):
    """The file as a whole can't be used: not CSV, no header, no rows."""


@dataclass(frozen=True)
class ManifestRow:
    """One server; `mac` is in NetBox's notation (A0:36:9F:7C:05:00)."""

    line: int
    serial: str
    mac: str


@dataclass(frozen=True)
class Fault:
    """A line that can't be used; `serial` and `mac` are what stands there, as far as that is known."""

    line: int
    message: str
    serial: str = ""
    mac: str = ""


@dataclass(frozen=True)
class Repeat:
    """A line with the serial number and MAC address of an earlier one."""

    row: ManifestRow
    first_line: int


@dataclass(frozen=True)
class Manifest:
    """A parsed file: every line that is not blank is in one of the three, in the file's order."""

    rows: tuple[ManifestRow, ...]
    faults: tuple[Fault, ...]
    repeats: tuple[Repeat, ...]
    ignored_columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Record:
    line: int
    fields: Sequence[str]
    error: str = ""


def decode_manifest(content: bytes) -> str:
    """Decode a file. Raises ManifestError where it is not text in UTF-8."""
    if content.startswith(b"PK\x03\x04"):
        raise ManifestError("it is a spreadsheet, not CSV: save it as CSV in UTF-8")
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ManifestError("it is UTF-16: save it as CSV in UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = len(_LINE_END.split(content[: error.start].decode("utf-8", "replace")))
        raise ManifestError(f"line {line} is not UTF-8: save it as CSV in UTF-8") from error


def parse_manifest(text: str) -> Manifest:
    """Parse all of a file. Raises ManifestError where nothing of it can be used; a bad line is a Fault."""
    records = _records(_LINE_END.split(text.lstrip("\ufeff")))
    header = next(records, None)
    if header is None:
        raise ManifestError(f"it is empty; the first line must be {','.join(COLUMNS)}")
    names = _column_names(header)
    rows: list[ManifestRow] = []
    faults: list[Fault] = []
    for record in records:
        try:
            rows.append(_row_of(record, names))
        except ValueError as error:
            known = dict(zip(names, record.fields))
            faults.append(Fault(record.line, str(error), _plain(known.get(SERIAL, "")), _plain(known.get(MAC, ""))))
    if not rows and not faults:
        raise ManifestError("there is no row below the header")
    clashes = _clashes(rows)
    faults += [Fault(row.line, clashes[row.line], row.serial, row.mac) for row in rows if row.line in clashes]
    first_lines: dict[str, int] = {}
    usable: list[ManifestRow] = []
    repeats: list[Repeat] = []
    for row in rows:
        first = first_lines.setdefault(row.serial.casefold(), row.line)
        if row.line in clashes:
            continue
        if first == row.line:
            usable.append(row)
        else:
            repeats.append(Repeat(row, first))
    ignored = tuple(quote(name) for name in names if name not in COLUMNS)
    return Manifest(tuple(usable), tuple(sorted(faults, key=lambda fault: fault.line)), tuple(repeats), ignored)


def _records(lines: Sequence[str]) -> Iterator[_Record]:
    """Read the records that are not blank. After one that can't be read, go on with the line below its first."""
    start = 0
    header: Sequence[str] = ()
    while start < len(lines):
        window = lines[start : start + MAX_LINES_OF_A_ROW]
        reader = csv.reader((f"{line}\n" for line in window), strict=True, skipinitialspace=True)
        try:
            fields = next(reader, [])
        except csv.Error as error:
            yield _Record(start + 1, (), f"it can't be read as CSV: {error} (is a quotation mark missing?)")
            start += 1
            continue
        record = _Record(start + 1, fields)
        if any(field.strip() for field in fields):
            header = header or [field.strip().casefold() for field in fields]
            record = _checked(record, header)
            yield record
        start += 1 if record.error else reader.line_num


def _checked(record: _Record, header: Sequence[str]) -> _Record:
    fields = list(record.fields)
    while len(fields) > len(header) and not fields[-1].strip():
        fields.pop()
    if len(fields) != len(header):
        return _Record(record.line, (), f"it has {count(len(fields), 'column')}, the header {len(header)}")
    broken = [name for name, field in zip(header, fields) if name in COLUMNS and "\n" in field]
    if broken:
        return _Record(record.line, (), f"its {broken[0]} goes on in the next line (is a quotation mark missing?)")
    return _Record(record.line, fields)


def _column_names(header: _Record) -> list[str]:
    if header.error:
        raise ManifestError(f"line {header.line}, the header: {header.error}")
    names = [field.strip().casefold() for field in header.fields]
    missing = [column for column in COLUMNS if column not in names]
    twice = [column for column in COLUMNS if names.count(column) > 1]
    if missing:
        found = ", ".join(quote(name) for name in names)
        hint = "; columns are separated by commas" if any(mark in "".join(names) for mark in ";\t|") else ""
        raise ManifestError(
            f"line {header.line} must be a header with {' and '.join(COLUMNS)}, but {' and '.join(missing)}"
            f" {'is' if len(missing) == 1 else 'are'} not in it: it has {found}{hint}"
        )
    if twice:
        raise ManifestError(f"line {header.line}, the header, has {' and '.join(twice)} more than once")
    return names


def _row_of(record: _Record, names: Sequence[str]) -> ManifestRow:
    """Read the row in a record. Raises ValueError, which says what is wrong with it."""
    if record.error:
        raise ValueError(record.error)
    fields = dict(zip(names, record.fields))
    serial = fields[SERIAL].strip()
    if not serial:
        raise ValueError("it has no serial number")
    if len(serial) > MAX_SERIAL:
        raise ValueError(f"its serial number is longer than the {MAX_SERIAL} characters NetBox keeps")
    if not serial.isprintable():
        raise ValueError(f"its serial number {quote(serial)} has characters that can't be printed")
    if not fields[MAC].strip():
        raise ValueError("it has no MAC address")
    return ManifestRow(record.line, serial, parse_mac(fields[MAC]))


def _clashes(rows: Iterable[ManifestRow]) -> dict[int, str]:
    """Find lines that contradict others, each with what is wrong: none of them can be trusted."""
    by_serial: dict[str, list[ManifestRow]] = defaultdict(list)
    by_mac: dict[str, list[ManifestRow]] = defaultdict(list)
    for row in rows:
        by_serial[row.serial.casefold()].append(row)  # NetBox finds serial numbers in any case
        by_mac[row.mac].append(row)
    found: dict[int, str] = {}
    for same in by_serial.values():
        if len({row.mac for row in same}) > 1:
            message = f"lines {_lines(same)} give serial number {same[0].serial} different MAC addresses"
            found.update((row.line, message) for row in same)
    for same in by_mac.values():
        if len({row.serial.casefold() for row in same}) > 1:
            message = f"lines {_lines(same)} give MAC address {same[0].mac} to different serial numbers"
            found.update((row.line, "; ".join(filter(None, (found.get(row.line), message)))) for row in same)
    return found


def _lines(rows: Sequence[ManifestRow]) -> str:
    numbers = [str(row.line) for row in rows]
    return shorten(numbers, 5) if len(numbers) > 5 else f"{', '.join(numbers[:-1])} and {numbers[-1]}"


def _plain(text: str) -> str:
    """Make the text of a field fit for a terminal and a table."""
    word = text.strip()[:MAX_SERIAL]
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in word)
