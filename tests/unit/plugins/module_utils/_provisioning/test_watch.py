# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.status import DeviceStatus
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.deadlines import Deadlines
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.watch import (
    NodeWatch,
    count_phases,
    observe,
    start_watch,
    timeline_of,
)

DEADLINES = Deadlines(boot_s=100, install_s=200, init_s=50, graceful_s=60)
Seen = tuple[float, str, str]


def status(name: str, message: str = "") -> DeviceStatus:
    return DeviceStatus("uuid", name, message)


def watch_all(before: str, *seen: Seen) -> NodeWatch:
    """The watch after snapshots of (seconds since power, status, message)."""
    watch = start_watch("node001", 1000.0, before)
    for at_s, name, message in seen:
        watch = observe(watch, status(name, message), 1000.0 + at_s, DEADLINES)
    return watch


WAITING = "waiting for FULL provisioning to start"
COPYING = "provisioning started, waiting for completion"
GOOD_BOOT: tuple[Seen, ...] = (
    (0, "DOWN", ""),
    (10, "BOOTING", ""),
    (30, "INSTALLING", "node-installer started"),
    (40, "INSTALLING", WAITING),
    (90, "INSTALLING", COPYING),
    (200, "INSTALLING", "provisioning complete"),
    (210, "INSTALLER_CALLING_INIT", "switching to local root"),
    (240, "UP", ""),
)


@pytest.mark.parametrize("length", range(1, len(GOOD_BOOT) + 1))
def test_a_reading_that_says_nothing_new_leaves_the_watch_as_it_is(length: int) -> None:
    seen = GOOD_BOOT[:length]
    watch = watch_all("DOWN", *seen)
    at_s, name, message = seen[-1]

    assert observe(watch, status(name, message), 1000.0 + at_s + 1, DEADLINES) is watch


def test_a_good_boot_goes_through_its_phases() -> None:
    watch = watch_all("DOWN", *GOOD_BOOT)

    assert watch.verdict == "up"
    assert [(step.phase, step.at_s) for step in watch.steps] == [
        ("powered", 0),
        ("booting", 10),
        ("installer", 30),
        ("queued", 40),
        ("installing", 90),
        ("installing", 200),
        ("init", 210),
        ("up", 240),
    ]
    assert watch.steps[4].message == COPYING


def test_an_installer_that_reboots_over_and_over_is_given_up() -> None:
    rounds = int(DEADLINES.whole_s // 50) + 2
    seen = [
        (50.0 * i, *(("BOOTING", "") if i % 2 else ("INSTALLING", "node-installer started"))) for i in range(rounds)
    ]

    watch = watch_all("DOWN", *seen)

    assert watch.verdict == "failed"
    assert "was not UP within 410 s" in watch.reason


@pytest.mark.parametrize("before", ["UP", "DOWN", "INSTALLER_FAILED", "INSTALLER_UNREACHABLE"])
def test_the_status_before_power_means_nothing_until_it_changes(before: str) -> None:
    watch = watch_all(before, (1, before, ""), (11, before, ""))

    assert watch.verdict == ""
    assert watch.phase == "powered"
    assert [step.phase for step in watch.steps] == ["powered"]


def test_a_node_is_up_only_after_it_was_seen_elsewhere() -> None:
    assert watch_all("UP", (1, "UP", ""), (20, "GOING_DOWN", ""), (30, "DOWN", ""), (90, "UP", "")).verdict == "up"


def resume_with(before: str, *seen: Seen) -> NodeWatch:
    """The watch of a node that an earlier run powered."""
    watch = start_watch("node001", 0.0, before, resumed=True)
    for at_s, name, message in seen:
        watch = observe(watch, status(name, message), at_s, replace(DEADLINES, settle_s=60))
    return watch


def test_up_after_an_earlier_run_is_believed_once_it_has_lasted() -> None:
    assert resume_with("UP", (0, "UP", ""), (59, "UP", "")).verdict == ""
    assert resume_with("UP", (0, "UP", ""), (60, "UP", "")).verdict == "up"


def test_up_from_before_power_is_followed_by_the_boot() -> None:
    watch = resume_with("UP", (0, "UP", ""), (20, "DOWN", ""), (40, "BOOTING", ""), (70, "BOOTING", ""))

    assert (watch.verdict, watch.phase) == ("", "booting")
    assert resume_with("UP", (0, "UP", ""), (20, "DOWN", ""), (40, "BOOTING", ""), (70, "UP", "")).verdict == "up"


@pytest.mark.parametrize("before", ["DOWN", "BOOTING", "INSTALLING"])
def test_up_is_believed_at_once_where_an_earlier_run_left_the_node_elsewhere(before: str) -> None:
    assert resume_with(before, (1, "UP", "")).verdict == "up"


@pytest.mark.parametrize("count", [3, 5, 6, 7])
def test_down_fails_a_node_only_after_it_was_booting(count: int) -> None:
    watch = watch_all("UP", *GOOD_BOOT[1:count], (300, "DOWN", ""))

    assert watch.verdict == "failed"
    assert watch.reason.startswith(f"it went DOWN in phase {watch.phase} after ")


def test_down_is_normal_right_after_power() -> None:
    assert watch_all("UP", (1, "UP", ""), (5, "GOING_DOWN", ""), (10, "DOWN", ""), (20, "DOWN", "")).verdict == ""


def test_down_is_normal_while_the_installer_reboots_the_node() -> None:
    seen = (*GOOD_BOOT[:3], (50, "INSTALLER_REBOOTING", ""), (60, "DOWN", ""), (70, "BOOTING", ""))

    assert watch_all("DOWN", *seen).verdict == ""


def test_waiting_for_a_slot_has_no_deadline_because_others_come_first() -> None:
    waiting = watch_all("DOWN", *GOOD_BOOT[:4], (100_000, "INSTALLING", WAITING))
    copying = watch_all("DOWN", *GOOD_BOOT[:4], (100_000, "INSTALLING", COPYING), (100_200, "INSTALLING", COPYING))

    assert (waiting.verdict, waiting.phase) == ("", "queued")
    assert (copying.verdict, copying.phase) == ("", "installing")


def test_the_timeline_is_the_steps_with_their_lengths() -> None:
    timeline = timeline_of(watch_all("DOWN", *GOOD_BOOT), 1763640000)

    assert timeline.to_words() == "1763640000 powered:0 booting:10 installer:30 queued:40 installing:90 init:210 up:240"
    assert [span.seconds for span in timeline.spans] == [10, 20, 10, 50, 110, 10, 30, 0]
    assert timeline.verdict == "up"


# the last good snapshot, its phase and deadline
HANGS: dict[str, tuple[tuple[Seen, ...], str, float]] = {
    "no boot": (GOOD_BOOT[:1], "powered", 0 + 100),
    "boot": (GOOD_BOOT[:2], "booting", 10 + 100),
    "installer": (GOOD_BOOT[:3], "installer", 30 + 200),
    "copy": (GOOD_BOOT[:5], "installing", 90 + 200),
    "copy, another message": (GOOD_BOOT[:6], "installing", 90 + 200),
    "init": (GOOD_BOOT[:7], "init", 210 + 50),
    "reboot": ((*GOOD_BOOT[:3], (60, "INSTALLER_REBOOTING", "")), "rebooting", 60 + 100),
}


@pytest.mark.parametrize(("seen", "phase", "due_s"), HANGS.values(), ids=HANGS)
def test_each_phase_has_its_deadline(seen: tuple[Seen, ...], phase: str, due_s: float) -> None:
    _at_s, name, message = seen[-1]

    in_time = watch_all("DOWN", *seen, (due_s, name, message))
    late = watch_all("DOWN", *seen, (due_s + 1, name, message))

    assert (in_time.verdict, in_time.phase) == ("", phase)
    assert late.verdict == "failed"
    assert late.reason.startswith(f"it hung in phase {phase} for ")
    assert f"status {name}" in late.reason
    assert message in late.reason


@pytest.mark.parametrize(("count", "hint"), [(1, True), (2, True), (3, False), (5, False), (7, False)])
def test_a_node_that_never_boots_gets_a_hint(count: int, hint: bool) -> None:
    _at_s, name, message = GOOD_BOOT[count - 1]

    watch = watch_all("DOWN", *GOOD_BOOT[:count], (9999, name, message))

    assert ("check its boot order, cabling and MAC address" in watch.reason) is hint


@pytest.mark.parametrize("failed", ["INSTALLER_FAILED", "INSTALLER_UNREACHABLE"])
def test_a_failed_installation_names_phase_and_last_message(failed: str) -> None:
    silent = watch_all("DOWN", *GOOD_BOOT[:5], (120, failed, ""))
    telling = watch_all("DOWN", *GOOD_BOOT[:5], (120, failed, "no space left on device"))

    assert silent.reason == f"{failed} in phase installing after 30 s, last message '{COPYING}'"
    assert telling.reason == f"{failed} in phase installing after 30 s, last message 'no space left on device'"


def test_a_failure_right_after_power_names_the_phase_too() -> None:
    assert watch_all("DOWN", (5, "INSTALLER_FAILED", "")).reason == "INSTALLER_FAILED in phase powered after 5 s"


@pytest.mark.parametrize("message", ["waiting for user input", "entered maintenance mode"])
def test_an_installer_that_waits_for_a_person_is_a_failure_at_once(message: str) -> None:
    watch = watch_all("DOWN", *GOOD_BOOT[:3], (31, "INSTALLING", message))

    assert watch.reason == f"the installer says '{message}' and would wait for ever"


def test_a_node_that_vanishes_is_a_failure() -> None:
    watch = observe(start_watch("node001", 0.0, "DOWN"), None, 1.0, DEADLINES)

    assert watch.reason == "it is no longer known to the head node: it was deleted"


snapshots = st.none() | st.builds(
    status,
    st.sampled_from(
        [
            "UP",
            "DOWN",
            "BOOTING",
            "INSTALLING",
            "INSTALLER_REBOOTING",
            "INSTALLER_CALLING_INIT",
            "INSTALLER_FAILED",
            "GOING_DOWN",
            "PENDING",
        ]
    ),
    st.sampled_from(["", WAITING, COPYING, "node-installer started", "entered maintenance mode"]),
)
histories = st.lists(st.tuples(st.floats(0, 500), snapshots), max_size=15)


@given(st.sampled_from(["", "UP", "DOWN", "INSTALLER_FAILED"]), histories)
@settings(max_examples=150)
def test_a_verdict_once_given_never_changes(before: str, history: list[tuple[float, DeviceStatus | None]]) -> None:
    watch, now_s, given_watch = start_watch("n", 0.0, before, resumed=before == "UP"), 0.0, None
    for step_s, seen in history:
        now_s += step_s
        watch = observe(watch, seen, now_s, DEADLINES)
        if given_watch is not None:
            assert watch == given_watch
        elif watch.done:
            given_watch = watch
            assert watch.verdict in ("up", "failed")
            assert bool(watch.reason) is (watch.verdict == "failed")


@given(st.sampled_from(["", "UP", "DOWN"]), histories)
@settings(max_examples=150)
def test_the_steps_only_grow_and_never_go_back_in_time(
    before: str, history: list[tuple[float, DeviceStatus | None]]
) -> None:
    watch, now_s = start_watch("n", 0.0, before), 0.0
    for step_s, seen in history:
        now_s += step_s
        after = observe(watch, seen, now_s, DEADLINES)
        assert after.steps[: len(watch.steps)] == watch.steps
        watch = after
    times = [step.at_s for step in watch.steps]
    assert times == sorted(times)


@given(st.sampled_from(["UP", "DOWN"]), snapshots.filter(bool), st.floats(0, 5000))
def test_a_snapshot_seen_twice_at_once_changes_nothing(before: str, seen: DeviceStatus, now_s: float) -> None:
    once = observe(start_watch("n", 0.0, before), seen, now_s, DEADLINES)

    assert observe(once, seen, now_s, DEADLINES) == once


def test_phases_are_counted_verdicts_first() -> None:
    up, queued = watch_all("DOWN", *GOOD_BOOT), watch_all("DOWN", *GOOD_BOOT[:4])
    failed = replace(queued, verdict="failed")

    assert count_phases({"a": up, "b": queued, "c": queued, "d": failed}) == {"up": 1, "queued": 2, "failed": 1}
