# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever a machine sends, the receiver answers, and stores only what is good."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

from .damaged_bodies import DamagedMachine, draw, make_receiver


def test_twenty_thousand_damaged_bodies_are_answered_and_change_nothing(tmp_path: Path) -> None:
    receiver = make_receiver(tmp_path, lambda: 1_790_000_000.0)
    machine = DamagedMachine(receiver)
    before = (receiver.state.run(machine.run), receiver.spool.stats())
    chance = random.Random(5)
    outcomes: Counter[str] = Counter()

    for _body in range(20_000):
        method, body = draw(chance)
        outcomes[machine.judge(body, method)] += 1

    assert outcomes.keys() == {"good", "400"}
    assert min(outcomes.values()) > 1_000
    assert (receiver.state.run(machine.run), receiver.spool.stats()) == before
