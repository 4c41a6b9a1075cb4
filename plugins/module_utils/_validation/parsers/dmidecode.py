# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""`dmidecode` without options: blocks of `Key: Value` below a title, one a structure of the SMBIOS table."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .output import MAX_RECORDS, ParseError, bounded

_HANDLE = re.compile(r"^Handle 0x[0-9A-Fa-f]{4,}, DMI type (\d{1,3}), ")
_SIZE = re.compile(r"^(\d{1,9}) (B|bytes|kB|KB|MB|GB|TB)$")
_MIB = {"B": 1 / 1048576, "bytes": 1 / 1048576, "kB": 1 / 1024, "KB": 1 / 1024, "MB": 1, "GB": 1024, "TB": 1048576}
_BIOS, _SYSTEM, _PROCESSOR, _MEMORY = 0, 1, 4, 17
# What vendors write where nobody wrote anything.
_NOTHING = re.compile(
    r"^(not specified|not provided|not available|none|unknown|n/?a|default string|to be filled by o\.?e\.?m\.?|"
    r"system serial number|no dimm|empty|0+|\.+|<.*>|)$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Processor:
    """A socket that is populated; counts are None where the table does not tell."""

    socket: str
    model: str
    cores: int | None
    threads: int | None


@dataclass(frozen=True)
class Module:
    """A memory module that is there."""

    slot: str
    size_mib: int
    manufacturer: str
    part: str
    serial: str
    speed_mts: int | None


@dataclass(frozen=True)
class Smbios:
    """What the firmware says of the machine; texts are empty where the vendor filled nothing in."""

    manufacturer: str
    product: str
    serial: str
    uuid: str
    bios_version: str
    processors: tuple[Processor, ...]
    modules: tuple[Module, ...]


def read_dmidecode(text: str) -> Smbios:
    """Read dmidecode's output. Raises ParseError where it has no structure of the system."""
    blocks = list(_blocks(bounded(text)))
    system = next((fields for kind, fields in blocks if kind == _SYSTEM), None)
    if system is None:
        raise ParseError("dmidecode gave no System Information")
    bios = next((fields for kind, fields in blocks if kind == _BIOS), {})
    return Smbios(
        manufacturer=_said(system, "Manufacturer"),
        product=_said(system, "Product Name"),
        serial=_said(system, "Serial Number"),
        uuid=_said(system, "UUID").lower(),
        bios_version=_said(bios, "Version"),
        processors=tuple(_processors(blocks)),
        modules=tuple(_modules(blocks)),
    )


def _blocks(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Give the type and the fields of each structure; lists below a field are left out."""
    kind, count = -1, 0
    fields: dict[str, str] = {}
    for line in text.splitlines():
        handle = _HANDLE.match(line)
        if handle:
            if kind >= 0:
                yield kind, fields
            count += 1
            if count > MAX_RECORDS:
                return
            kind, fields = int(handle[1]), {}
        elif line.startswith("\t") and not line.startswith("\t\t"):
            key, colon, value = line.strip().partition(":")
            if colon and kind >= 0:
                fields.setdefault(key[:80], value.strip()[:200])
    if kind >= 0:
        yield kind, fields


def _processors(blocks: list[tuple[int, dict[str, str]]]) -> Iterator[Processor]:
    for kind, fields in blocks:
        if kind == _PROCESSOR and fields.get("Status", "").startswith("Populated"):
            yield Processor(
                socket=fields.get("Socket Designation", ""),
                model=_said(fields, "Version"),
                cores=_whole(fields.get("Core Count", "")),
                threads=_whole(fields.get("Thread Count", "")),
            )


def _modules(blocks: list[tuple[int, dict[str, str]]]) -> Iterator[Module]:
    for kind, fields in blocks:
        size = _SIZE.match(fields.get("Size", "")) if kind == _MEMORY else None
        if size is None:  # No Module Installed, Unknown
            continue
        speed = fields.get("Configured Memory Speed") or fields.get("Configured Clock Speed") or fields.get("Speed", "")
        bank = _said(fields, "Bank Locator")
        locator = _said(fields, "Locator")
        yield Module(
            slot=locator or bank,
            size_mib=int(int(size[1]) * _MIB[size[2]]),
            manufacturer=_said(fields, "Manufacturer"),
            part=_said(fields, "Part Number"),
            serial=_said(fields, "Serial Number"),
            speed_mts=_whole(speed.partition(" ")[0]),
        )


def _said(fields: Mapping[str, str], key: str) -> str:
    value = fields.get(key, "")
    return "" if _NOTHING.match(value) else value


def _whole(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None
