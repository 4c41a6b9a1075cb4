# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.phases import VERDICTS, WAY
from ansible_collections.baremetal.bcm.plugins.plugin_utils._report.colours import FILLS, INK, PHASE_COLOURS


def test_every_phase_of_a_run_has_a_colour_in_the_order_of_the_way() -> None:
    assert tuple(PHASE_COLOURS) == (*WAY, *VERDICTS)


def test_no_two_phases_have_the_same_colour_on_light_or_dark_paper() -> None:
    for shades in zip(*FILLS.values(), strict=True):
        assert len(set(shades)) == len(FILLS)


def test_a_colour_of_a_phase_is_not_taken_for_one_of_the_page() -> None:
    assert not FILLS.keys() & INK.keys()
