# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives the receiver of validations damaged bodies, well signed: an answer to each, nothing stored, bounded memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.baremetal.bcm.tests.tools.fuzzing import fuzz, read_options
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._validation_server.damaged_bodies import (
    DamagedMachine,
    draw,
    make_receiver,
)


def main() -> int:
    options = read_options(__doc__, "bodies")
    with tempfile.TemporaryDirectory(prefix="fuzz-receiver-") as directory:
        # Time stands still, or the machine's run would be over before the last body.
        machine = DamagedMachine(make_receiver(Path(directory), lambda: 1_790_000_000.0))

        def judge(piece: tuple[str, bytes]) -> Iterator[str]:
            method, body = piece
            yield machine.judge(body, method)

        return fuzz(options, draw, judge)


if __name__ == "__main__":
    raise SystemExit(main())
