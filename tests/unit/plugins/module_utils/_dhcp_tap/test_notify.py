# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.notify import Doorbell


def _looked_at_the_start() -> Doorbell:
    doorbell = Doorbell(0, gather_s=1, every_s=5, again_s=60)
    doorbell.looked(0)
    return doorbell


def test_at_the_start_it_is_time_to_look_at_once() -> None:
    assert Doorbell(100).due_s == 100


def test_news_ring_after_the_time_for_gathering_them() -> None:
    doorbell = _looked_at_the_start()
    doorbell.tell(1, 20)
    doorbell.tell(499, 20.5)
    assert doorbell.due_s == 21
    assert doorbell.looked(21) == 500


def test_news_right_after_a_ring_wait_for_the_next_one() -> None:
    doorbell = _looked_at_the_start()
    doorbell.tell(1, 20)
    doorbell.looked(21)
    doorbell.tell(1, 21.5)
    assert doorbell.due_s == 26


def test_without_news_it_is_time_to_look_again_later() -> None:
    doorbell = _looked_at_the_start()
    assert doorbell.due_s == 60
    doorbell.looked(60)
    assert doorbell.due_s == 120


def test_news_that_rang_are_not_told_again() -> None:
    doorbell = _looked_at_the_start()
    doorbell.tell(2, 20)
    doorbell.looked(21)
    assert doorbell.looked(81) == 0


@given(st.lists(st.floats(0, 3), min_size=1, max_size=200))
def test_rings_are_few_and_none_is_late(pauses: list[float]) -> None:
    doorbell = _looked_at_the_start()
    now_s, rings = 0.0, [0.0]
    untold: list[float] = []
    for pause_s in pauses:
        until_s = now_s + pause_s
        while doorbell.due_s <= until_s:
            now_s = max(now_s, doorbell.due_s)
            assert all(now_s - told_s <= 5 for told_s in untold)
            untold = []
            doorbell.looked(now_s)
            rings.append(now_s)
        now_s = until_s
        doorbell.tell(1, now_s)
        untold.append(now_s)
    assert all(later - earlier >= 4.999 for earlier, later in pairwise(rings))
