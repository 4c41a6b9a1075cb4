# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from virtual_rack.nodes.slots import Provisioner, Request, SlotQueue

NONE: frozenset[str] = frozenset()
IMAGES = frozenset({"image", "locked", "free"})


def request(number: int, image: str = "image") -> Request:
    return Request(uuid=f"r{number}", image=image, destination=f"n{number}", mode="FULL")


def test_requests_are_served_first_come_first_served() -> None:
    queue = SlotQueue()
    for number in range(4):
        queue.add(request(number))
    started = queue.admit([Provisioner("head", 2, IMAGES)], locked_images=NONE)
    assert [r.uuid for r in started] == ["r0", "r1"]
    queue.drop("r0")
    assert [r.uuid for r in queue.admit([Provisioner("head", 2, IMAGES)], locked_images=NONE)] == ["r2"]


def test_who_comes_first_out_of_turn_is_served_before_all_that_wait() -> None:
    queue = SlotQueue()
    for number in range(3):
        queue.add(request(number), first=number == 2)
    assert [r.uuid for r in queue.admit([Provisioner("head", 2, IMAGES)], locked_images=NONE)] == ["r2", "r0"]
    assert [r.uuid for r in queue.waiting] == ["r1"]


def test_a_request_goes_to_the_provisioner_with_the_image_and_the_fewest_tasks() -> None:
    queue = SlotQueue()
    provisioners = [
        Provisioner("big", 10, IMAGES),
        Provisioner("small", 10, IMAGES),
        Provisioner("other", 10, frozenset({"x"})),
    ]
    for number in range(4):
        queue.add(request(number))
    assert [r.source for r in queue.admit(provisioners, locked_images=NONE)] == ["big", "small", "big", "small"]


def test_a_locked_image_defers_its_request_and_lets_others_pass() -> None:
    queue = SlotQueue()
    queue.add(request(0, "locked"))
    queue.add(request(1, "free"))
    started = queue.admit([Provisioner("head", 5, IMAGES)], locked_images=frozenset({"locked"}))
    assert [r.uuid for r in started] == ["r1"]
    assert [r.uuid for r in queue.waiting] == ["r0"]


def test_a_provisioner_that_is_not_available_gets_nothing() -> None:
    queue = SlotQueue()
    queue.add(request(0))
    assert queue.admit([Provisioner("head", 5, IMAGES, available=False)], locked_images=NONE) == []


@given(
    slots=st.lists(st.integers(min_value=1, max_value=4), min_size=1, max_size=4),
    events=st.lists(st.sampled_from(["add", "first", "drop", "give up", "admit"]), max_size=60),
)
def test_no_provisioner_ever_works_above_its_slots_and_none_is_idle_while_somebody_waits(
    slots: list[int], events: list[str]
) -> None:
    queue, provisioners = SlotQueue(), [Provisioner(f"p{i}", n, IMAGES) for i, n in enumerate(slots)]
    for number, what in enumerate(events):
        if what in ("add", "first"):
            queue.add(request(number), first=what == "first")
        elif what == "give up" and queue.waiting:
            queue.drop(queue.waiting[-1].uuid)
        elif what == "drop" and queue.running:
            queue.drop(next(iter(queue.running)))
        queue.admit(provisioners, locked_images=NONE)
        assert all(queue.used_slots(p.node) <= p.slots for p in provisioners)
        assert not queue.waiting or len(queue.running) == sum(slots)
