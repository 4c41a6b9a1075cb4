# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of updates, and what an update under way needs next."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.errors import RedfishConfigError
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.firmware import (
    AWAY_S,
    BIOS,
    BMC,
    Image,
    Next,
    Seen,
    TaskKind,
    Update,
    Watch,
    image_of,
    images_for,
    kind_of,
    look,
    plan_firmware,
    wanted_of,
)

RUNNING, WAITING, DONE, FAILED = TaskKind.RUNNING, TaskKind.WAITING, TaskKind.DONE, TaskKind.FAILED
SHA = "a" * 64


def image(component: str = BIOS, version: str = ">=2.19", **options: Any) -> Image:
    return Image(component, wanted_of(version, component), file="image.bin", sha256=SHA, **options)


# -- what is wanted --


@pytest.mark.parametrize(
    ("wanted", "version", "met"),
    [
        (">=2.19", "2.19", True),
        (">=2.19", "2.19.1", True),
        (">=2.9", "2.10", True),
        (">=2.19", "2.9.9", False),
        ("==2.19", "2.19.1", False),
        ("==2.19", "2.19", True),
        (">=1.0", "", False),
        # HPE puts the family before the version, which is therefore given the same way.
        (">=U30 v2.72", "U30 v2.76 (02/09/2023)", True),
        (">=U30 v2.80", "U30 v2.76 (02/09/2023)", False),
    ],
)
def test_a_version_is_met_or_not(wanted: str, version: str, met: bool) -> None:
    assert wanted_of(wanted, BIOS).is_met_by(version) is met


@pytest.mark.parametrize("text", ["2.19", ">2.19", "", ">=", ">=new", "=2"])
def test_a_version_that_can_not_be_read_is_refused(text: str) -> None:
    with pytest.raises(RedfishConfigError, match="must be like"):
        wanted_of(text, BIOS)


GIVEN: dict[str, Any] = {
    "component": "BIOS",
    "version": ">=2",
    "file": "f",
    "url": None,
    "sha256": SHA,
    "device_types": [],
    "targets": [],
}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sha256": "12"}, "64 hexadecimal digits"),
        ({"url": "https://a/b"}, "needs file or url, one of them"),
        ({"file": None}, "needs file or url, one of them"),
        ({"file": None, "url": "ftp://127.0.0.1/bios.bin"}, "must be like https"),
        ({"file": None, "url": "https://user:word@127.0.0.1/bios.bin"}, "without account"),
        ({"file": None, "url": "https://[::1/bios.bin"}, "must be like https"),
    ],
)
def test_an_image_is_whole_or_refused(change: dict[str, Any], said: str) -> None:
    assert image_of(GIVEN).component == BIOS
    with pytest.raises(RedfishConfigError, match=said) as caught:
        image_of({**GIVEN, **change})
    assert "word" not in str(caught.value)


def test_images_are_chosen_by_type_and_used_bmc_first() -> None:
    images = [image("NIC.1"), image(BIOS, device_types=("R760",)), image(BIOS, device_types=("R660",)), image(BMC)]

    assert [each.component for each in images_for(images, "R760")] == [BMC, BIOS, "NIC.1"]
    assert [each.component for each in images_for(images, "")] == [BMC, "NIC.1"]
    with pytest.raises(RedfishConfigError, match="several images for bmc"):
        images_for([*images, image(BMC)], "R760")


# -- plans --


@pytest.mark.parametrize(
    ("wanted", "has", "options", "planned", "left"),
    [
        (">=2.19", "2.18", {}, True, ""),
        (">=2.19", "2.19", {}, False, ""),
        (">=2.19", "2.20", {}, False, ""),
        ("==2.19", "2.20", {}, False, "newer than"),
        ("==2.19", "2.20", {"allow_downgrade": True}, True, ""),
        ("==2.19", "2.18", {}, True, ""),
        (">=2.19", "2.18", {"reboot_refused": "it is active"}, False, "it is active"),
        (">=2.19", None, {}, False, "no firmware of that name"),
    ],
)
def test_a_component_is_updated_or_left_with_a_reason(
    wanted: str, has: str | None, options: dict[str, Any], planned: bool, left: str
) -> None:
    plan = plan_firmware([image(BIOS, wanted)], {} if has is None else {BIOS: has}, **options)

    assert bool(plan.updates) is planned
    assert left in plan.left.get(BIOS, "")
    assert bool(plan.left) is bool(left)


def test_the_bmcs_own_firmware_needs_no_leave_to_reboot() -> None:
    plan = plan_firmware([image(BMC)], {BMC: "1.0"}, reboot_refused="it is active")

    assert [each.image.component for each in plan.updates] == [BMC]


VERSIONS = st.lists(st.integers(0, 40), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))


@given(st.dictionaries(st.sampled_from([BMC, BIOS, "NIC"]), VERSIONS), VERSIONS, st.sampled_from([">=", "=="]))
def test_no_plan_goes_back_and_what_is_met_is_not_touched(has: dict[str, str], version: str, sign: str) -> None:
    images = [image(name, f"{sign}{version}") for name in (BMC, BIOS, "NIC")]
    plan = plan_firmware(images, has)
    numbers = [int(part) for part in version.split(".")]

    for update in plan.updates:
        assert [int(part) for part in update.before.split(".")] < numbers
        assert not update.image.wanted.is_met_by(update.before)
    after = {**has, **{update.image.component: version for update in plan.updates}}
    assert plan_firmware(images, after).updates == ()
    todo = {update.image.component for update in plan.updates}
    assert todo | set(plan.left) == {
        each.component for each in images if not each.wanted.is_met_by(has.get(each.component, ""))
    }


# -- an update under way --


@pytest.mark.parametrize(
    ("state", "kind"),
    [("", DONE), ("New", RUNNING), ("Pending", WAITING), ("Scheduled", WAITING), ("Completed", DONE),
     ("Exception", FAILED), ("Failed", FAILED), ("Downloading", RUNNING), ("CompletedWithErrors", FAILED)],
)  # fmt: skip
def test_what_tasks_and_jobs_say_is_understood(state: str, kind: TaskKind) -> None:
    assert kind_of(state) is kind


def follow(component: str, *looks: tuple[float, Seen]) -> list[Next]:
    watch = Watch(Update(image(component), "2.18"), 0.0, timeout_s=1000.0, reboot_timeout_s=500.0)
    told = []
    for now_s, seen in looks:
        watch, verdict, _why = look(watch, seen, now_s)
        told.append(verdict)
    return told


OLD, NEW, AWAY = "2.18", "2.19.1", Seen(None)
WAIT, REBOOT, WELL, LOST = Next.WAIT, Next.REBOOT, Next.DONE, Next.FAILED


@pytest.mark.parametrize(
    ("component", "looks", "told"),
    [
        (BMC, [(0, Seen(OLD, RUNNING)), (9, AWAY), (80, Seen(NEW, RUNNING)), (90, Seen(NEW))], [*[WAIT] * 3, WELL]),
        (BMC, [(0, AWAY), (AWAY_S - 1, AWAY), (AWAY_S, AWAY)], [WAIT, WAIT, LOST]),
        (BMC, [(0, AWAY), (500, Seen(OLD)), (700, AWAY), (900, Seen(NEW))], [WAIT, WAIT, WAIT, WELL]),
        (BMC, [(0, Seen(OLD, DONE)), (AWAY_S, Seen(OLD, DONE))], [WAIT, LOST]),
        (BIOS, [(0, Seen(OLD, WAITING)), (9, Seen(OLD, WAITING)), (20, Seen(NEW, DONE))], [REBOOT, WAIT, WELL]),
        (BIOS, [(0, Seen(OLD, DONE)), (9, Seen(OLD, DONE)), (510, Seen(OLD, DONE))], [REBOOT, WAIT, LOST]),
        (BIOS, [(0, Seen(OLD, FAILED, "No."))], [LOST]),
        (BIOS, [(0, Seen(OLD, RUNNING)), (1000, Seen(OLD, RUNNING))], [WAIT, LOST]),
        (BIOS, [(0, Seen("2.17", DONE))], [LOST]),
        (BIOS, [(0, Seen(NEW, RUNNING)), (1000, Seen(NEW, RUNNING))], [WAIT, WELL]),
        (BIOS, [(0, Seen(NEW, FAILED))], [WELL]),
        ("NIC", [(0, Seen(NEW, DONE))], [WELL]),
    ],
)  # fmt: skip
def test_what_is_next(component: str, looks: list[tuple[float, Seen]], told: list[Next]) -> None:
    assert follow(component, *looks) == told


def test_a_failure_says_why_and_which_version_is_there() -> None:
    watch = Watch(Update(image(), OLD), 0.0)

    assert (
        look(watch, Seen(OLD, FAILED, "The image is not signed"), 1.0)[2]
        == "The image is not signed; 2.18 is there still"
    )


SEEN = st.builds(Seen, st.sampled_from([None, OLD, NEW, "2.1"]), st.sampled_from(TaskKind))


@given(st.sampled_from([BMC, BIOS, "NIC"]), st.lists(st.tuples(st.integers(0, 400), SEEN), max_size=30))
def test_whatever_is_seen_a_server_reboots_once_at_most_a_bmcs_update_never_and_done_means_the_version(
    component: str, steps: list[tuple[int, Seen]]
) -> None:
    watch, now_s, told = Watch(Update(image(component), OLD), 0.0), 0.0, []
    for pause_s, seen in steps:
        now_s += pause_s
        watch, verdict, why = look(watch, seen, now_s)
        told.append(verdict)
        assert (verdict is Next.DONE) <= (seen.version == NEW)
        assert (verdict is Next.FAILED) <= bool(why)
        if verdict in (Next.DONE, Next.FAILED):
            break

    assert told.count(Next.REBOOT) <= (component != BMC)


@given(SEEN, st.sampled_from([BMC, BIOS]))
def test_no_update_is_waited_for_for_ever(seen: Seen, component: str) -> None:
    watch, now_s = Watch(Update(image(component), OLD), 0.0), 0.0
    for _turn in range(10):
        watch, verdict, _why = look(watch, seen, now_s)
        if verdict in (Next.DONE, Next.FAILED):
            return
        now_s += 3600

    raise AssertionError(seen)
