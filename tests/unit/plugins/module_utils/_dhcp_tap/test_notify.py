# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.notify import Notifier


def _after_the_first_look() -> Notifier:
    notifier = Notifier(0, gather_s=1, every_s=5, again_s=60)
    notifier.take_news(0)
    return notifier


def test_at_the_start_it_is_time_to_look_at_once() -> None:
    assert Notifier(100).due_s == 100


def test_news_is_notified_after_the_time_for_gathering_it() -> None:
    notifier = _after_the_first_look()
    notifier.add_news(1, 20)
    notifier.add_news(499, 20.5)
    assert notifier.due_s == 21
    assert notifier.take_news(21) == 500


def test_news_right_after_a_notification_waits_for_the_next_one() -> None:
    notifier = _after_the_first_look()
    notifier.add_news(1, 20)
    notifier.take_news(21)
    notifier.add_news(1, 21.5)
    assert notifier.due_s == 26


def test_without_news_it_is_time_to_look_again_later() -> None:
    notifier = _after_the_first_look()
    assert notifier.due_s == 60
    notifier.take_news(60)
    assert notifier.due_s == 120


def test_news_that_was_notified_is_not_news_again() -> None:
    notifier = _after_the_first_look()
    notifier.add_news(2, 20)
    notifier.take_news(21)
    assert notifier.take_news(81) == 0


@given(st.lists(st.floats(0, 3), min_size=1, max_size=200))
def test_notifications_are_few_and_none_is_late(pauses: list[float]) -> None:
    notifier = _after_the_first_look()
    now_s, notified = 0.0, [0.0]
    unreported: list[float] = []
    for pause_s in pauses:
        until_s = now_s + pause_s
        while notifier.due_s <= until_s:
            now_s = max(now_s, notifier.due_s)
            assert all(now_s - added_s <= 5 for added_s in unreported)
            unreported = []
            notifier.take_news(now_s)
            notified.append(now_s)
        now_s = until_s
        notifier.add_news(1, now_s)
        unreported.append(now_s)
    assert all(later - earlier >= 4.999 for earlier, later in pairwise(notified))
