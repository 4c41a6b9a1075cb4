# SPDX-License-Identifier: GPL-3.0-or-later
"""What a disk setup makes of a machine's disks. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

# What gets a file system: a partition of a disk, or what is put together from several.
_KINDS = ("partition", "raid", "volume")


@dataclass(frozen=True)
class Partition:
    """A partition, RAID or logical volume; `name` is its id or name, `size` as in the setup."""

    kind: str
    name: str
    device: str
    size: str
    filesystem: str
    mount_point: str


def read_disk_setup(text: str) -> tuple[Partition, ...] | None:
    """List what a disk setup makes, in its order; None for a text that is no disk setup."""
    if not text.strip():
        # ASSUMED: no setup makes no partitions. A node of a category without one settles it.
        return ()
    try:
        root = ElementTree.fromstring(text.strip().encode())
    except ElementTree.ParseError:
        return None
    return tuple(_read_inside(root, "")) if root.tag == "diskSetup" else None


def _read_inside(parent: Element, device: str) -> Iterator[Partition]:
    for element in parent:
        if element.tag in _KINDS:
            yield _read_one(element, device)
        else:
            # ASSUMED: of several block devices it is the first. A node that has the second only settles it.
            yield from _read_inside(element, _text(element, "blockdev") or device)


def _read_one(element: Element, device: str) -> Partition:
    return Partition(
        kind=element.tag,
        name=element.get("id") or _text(element, "name"),
        device=device,
        size=_text(element, "size"),
        filesystem=_text(element, "filesystem"),
        mount_point=_text(element, "mountPoint"),
    )


def _text(element: Element, tag: str) -> str:
    return (element.findtext(tag) or "").strip()
