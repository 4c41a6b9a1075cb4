# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""`wipefs --no-act --json DEVICE`: the signatures that a device carries."""

from __future__ import annotations

from .output import ParseError, objects, read_object, text_of


def read_signatures(text: str) -> tuple[str, ...]:
    """Return the kinds of signatures, empty where there is none. Raises ParseError; then nothing is known of the disk.

    util-linux prints nothing at all for a device that it finds empty before 2.38, and `"signatures": []` since.
    """
    if not text.strip():
        return ()
    found = read_object(text).get("signatures")
    if not isinstance(found, list) or len(objects(found)) != len(found):
        raise ParseError("wipefs gave no list of signatures")
    return tuple(text_of(each.get("type")) or "unknown" for each in objects(found))
