# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives what reads machines damaged messages and outputs of tools: no error but our own, bounded memory."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.baremetal.bcm.plugins.module_utils._validation.messages import Event, MessageError
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.parsers.output import ParseError
from ansible_collections.baremetal.bcm.tests.tools.fuzzing import fuzz, read_options
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._validation.damage import PARSERS, draw


def judge(piece: tuple[str, bytes]) -> Iterator[str]:
    reader, body = piece
    try:
        if reader == "message":
            Event.from_bytes(body)
        else:
            PARSERS[reader](body.decode("utf-8", "replace"))
        yield f"{reader}: read"
    except (MessageError, ParseError):
        yield f"{reader}: refused"


if __name__ == "__main__":
    raise SystemExit(fuzz(read_options(__doc__, "bodies"), draw, judge))
