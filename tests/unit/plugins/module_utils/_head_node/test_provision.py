# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done with a node: the whole table, and what holds in every row."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.fields import KeyValues
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.provision import (
    Action,
    Facts,
    Request,
    decide,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.record import (
    Assignment,
    Record,
    assignment_of,
    intent_values,
    provisioned_values,
)

from ...objects import make_category, make_context, make_device, make_proxy, make_references, uid

OLD = Assignment("old-uuid", "old-image", -1, "disks")
NEW = Assignment("new-uuid", "new-image", -1, "disks")
OTHER_DISKS = replace(NEW, disksetup="other disks")


def recorded(assignment: Assignment | None, intent: Assignment | None = None) -> Record:
    """The record of a node that was provisioned with one assignment and is under way to another."""
    record = Record()
    if assignment:
        values = KeyValues().merge(None, provisioned_values(assignment, wall_s=1), make_context())
        record = Record.from_api(values)
    return replace(record, intent_digest=intent.digest if intent else "")


SAME, CHANGED, NONE = recorded(NEW), recorded(OLD), recorded(None)
ON, CYCLE = Request(enable_power_action=True), Request(enable_power_action=True, power_action="power_cycle")
OFF = Request()


def facts(status: str, record: Record = NONE, assignment: Assignment | None = NEW, **values: Any) -> Facts:
    return Facts(assignment, record, status, **values)


def up(record: Record, **values: Any) -> Facts:
    return facts("UP", record, power="ON", **values)


def down(record: Record = NONE, power: str = "OFF", **values: Any) -> Facts:
    return facts("DOWN", record, power=power, **values)


def sent(known: Facts) -> Facts:
    """Power was sent since the intent was written."""
    return replace(known, power_sent_since_intent=True)


N, R, P, C, W = Action.NOTHING, Action.RECORD, Action.POWER_ON, Action.POWER_CYCLE, Action.WATCH
PENDING, SKIP, REFUSE = Action.PENDING, Action.SKIP, Action.REFUSE
INTENDED = recorded(None, intent=NEW)
REASSIGNED = replace(NONE, reassigned=True)
GIVEN_UP = replace(INTENDED, intent_failed="booting")

# what is known, what is asked, action, words of the reason, install mode of the next boot
TABLE: dict[str, tuple[Facts | None, Request, Action, str, str]] = {
    "unknown to BCM": (None, ON, Action.NOT_FOUND, "no such device", ""),
    "no image at all": (down(assignment=None), ON, REFUSE, "no software image", ""),
    # UP
    "UP as recorded": (up(SAME), ON, N, "UP with new-image", ""),
    "UP as recorded, cycle": (up(SAME), CYCLE, N, "UP with new-image", ""),
    "UP as recorded, restart required": (up(SAME, restart_required=True), ON, N, "a restart is required", ""),
    "UP unrecorded": (up(NONE), ON, SKIP, "unrecorded.*bcm_adopt", ""),
    "UP unrecorded, cycle": (up(NONE), CYCLE, SKIP, "unrecorded", ""),
    "UP unrecorded, adopt": (up(NONE), replace(OFF, adopt=True), R, "adopted: new-image", ""),
    "UP unrecorded, adopt and cycle": (up(NONE), replace(CYCLE, adopt=True), R, "adopted", ""),
    "UP recorded otherwise, adopt": (
        up(CHANGED),
        replace(OFF, adopt=True),
        PENDING,
        "needs new-image",
        "",
    ),
    "UP unrecorded, reassigned, no power": (up(NONE, reassigned=True), OFF, PENDING, "needs new-image", ""),
    "UP unrecorded, reassigned": (up(NONE, reassigned=True), ON, SKIP, "power_cycle does", ""),
    "UP unrecorded, reassigned, cycle": (up(NONE, reassigned=True), CYCLE, C, "new-image instead of what it runs", ""),
    "UP unrecorded, token": (up(NONE), replace(CYCLE, token="t"), C, "new-image instead of", ""),
    "UP with another image, no power": (up(CHANGED), OFF, PENDING, "not without bcm_enable_power_action", ""),
    "UP with another image": (up(CHANGED), ON, SKIP, "power_on never restarts a running node", ""),
    "UP with another image, cycle": (up(CHANGED), CYCLE, C, "new-image instead of old-image", ""),
    "UP with another token": (
        up(SAME, assignment=replace(NEW, token="again")),
        replace(CYCLE, token="again"),
        C,
        "new-image anew",
        "",
    ),
    "UP with other disks": (up(SAME, assignment=OTHER_DISKS), CYCLE, C, "new-image anew", "FULL"),
    "UP with other disks, mode given": (
        up(SAME, assignment=OTHER_DISKS),
        replace(CYCLE, next_boot_install_mode="AUTO"),
        C,
        "new-image anew",
        "AUTO",
    ),
    "UP, FULL asked for": (up(CHANGED), replace(CYCLE, next_boot_install_mode="FULL"), C, "instead of", "FULL"),
    "UP data node, other disks": (
        up(SAME, assignment=OTHER_DISKS, data_node=True),
        CYCLE,
        REFUSE,
        "data node.*wait for a person",
        "",
    ),
    "UP data node, another image": (up(CHANGED, data_node=True), CYCLE, C, "instead of", ""),
    "UP, NOSYNC": (up(CHANGED, install_mode="NOSYNC"), CYCLE, REFUSE, "NOSYNC would keep the old image", ""),
    "UP, SKIP": (up(CHANGED, install_mode="SKIP"), CYCLE, REFUSE, "SKIP would keep", ""),
    "UP, MAIN": (up(CHANGED, install_mode="MAIN"), CYCLE, REFUSE, "MAIN would keep", ""),
    "UP, NOSYNC but FULL now": (
        up(CHANGED, install_mode="NOSYNC"),
        replace(CYCLE, next_boot_install_mode="FULL"),
        C,
        "instead of",
        "FULL",
    ),
    "UP, NOSYNC, as recorded": (up(SAME, install_mode="NOSYNC"), CYCLE, N, "UP with", ""),
    "UP unrecorded, reassigned, NOSYNC": (
        up(NONE, reassigned=True, install_mode="NOSYNC"),
        CYCLE,
        REFUSE,
        "NOSYNC would keep the old image",
        "",
    ),
    # Whether that UP is new only watching tells.
    "UP after an earlier run": (sent(up(INTENDED)), ON, W, "an earlier run sent power", ""),
    "UP after an earlier run, no power": (sent(up(recorded(OLD, NEW))), OFF, PENDING, "needs new-image", ""),
    "UP after an earlier run, recorded otherwise": (sent(up(recorded(OLD, NEW))), CYCLE, W, "an earlier run", ""),
    "UP after an earlier run, recorded": (sent(up(recorded(NEW, NEW))), CYCLE, N, "UP with new-image", ""),
    "UP, reassigned by an earlier run": (up(REASSIGNED), CYCLE, C, "new-image instead of what it runs", ""),
    "UP, reassigned by an earlier run, adopt": (up(REASSIGNED), replace(OFF, adopt=True), PENDING, "needs", ""),
    "UP, intent but no power yet": (up(recorded(OLD, NEW)), CYCLE, C, "instead of old-image", ""),
    "UP, power for another intent": (sent(up(recorded(OLD, OLD))), CYCLE, C, "instead of", ""),
    # installing
    **{
        f"{status} for us": (facts(status, INTENDED), ON, W, f"{status} already, from an earlier run", "")
        for status in ("BOOTING", "INSTALLING", "INSTALLER_REBOOTING", "INSTALLER_CALLING_INIT")
    },
    **{
        f"{status} for somebody": (facts(status), CYCLE, SKIP, "never cut", "")
        for status in ("BOOTING", "INSTALLING", "INSTALLER_REBOOTING", "INSTALLER_CALLING_INIT")
    },
    "INSTALLING for us, no power": (facts("INSTALLING", INTENDED), OFF, PENDING, "not watched without", ""),
    "INSTALLING for an older intent": (facts("INSTALLING", recorded(None, OLD)), ON, SKIP, "for someone else", ""),
    # not UP
    "off, no power": (down(), OFF, PENDING, "not powered without bcm_enable_power_action", ""),
    "off": (down(), ON, P, "install new-image", ""),
    "off, cycle": (down(), CYCLE, P, "install new-image", ""),
    "off, installed before": (down(SAME), ON, P, "install new-image", ""),
    "off, other disks": (down(SAME, assignment=OTHER_DISKS), ON, P, "install new-image", "FULL"),
    "off, NOSYNC, never installed": (down(install_mode="NOSYNC"), ON, P, "install", ""),
    "off, NOSYNC, installed before": (down(CHANGED, install_mode="NOSYNC"), ON, REFUSE, "would keep the old", ""),
    "off, data node, FULL asked for": (
        down(data_node=True),
        replace(ON, next_boot_install_mode="FULL"),
        REFUSE,
        "data node",
        "",
    ),
    "off, intent of an earlier run": (sent(down(INTENDED)), ON, P, "install new-image", ""),
    "DOWN, power unknown": (down(power="UNKNOWN"), ON, P, "install", ""),
    "DOWN, power unknown, cycle": (down(power="UNKNOWN"), CYCLE, C, "DOWN: install", ""),
    "DOWN but on": (down(power="ON"), ON, REFUSE, "powered on: something may still run", ""),
    "DOWN but on, cycle": (down(power="ON"), CYCLE, C, "DOWN: install", ""),
    "DOWN but on, powered by an earlier run": (sent(down(INTENDED, "ON")), ON, W, "sent by an earlier run", ""),
    "DOWN but on, powered before the intent": (down(INTENDED, "ON"), ON, REFUSE, "powered on", ""),
    **{
        f"{status}, {request.power_action}": (facts(status, power="ON"), request, C, f"{status}: install", "")
        for status in ("INSTALLER_FAILED", "INSTALLER_UNREACHABLE")
        for request in (ON, CYCLE)
    },
    "failed after an earlier run": (
        sent(facts("INSTALLER_FAILED", INTENDED, power="ON")),
        ON,
        C,
        "INSTALLER_FAILED: install",
        "",
    ),
    "failed and off": (facts("INSTALLER_FAILED", power="OFF"), ON, P, "install", ""),
    "failed, no power": (facts("INSTALLER_FAILED", power="ON"), OFF, PENDING, "INSTALLER_FAILED; not powered", ""),
    # an earlier run gave it up
    "given up, on": (sent(down(GIVEN_UP, "ON")), ON, C, "given up in phase booting before", ""),
    "given up, off": (sent(down(GIVEN_UP)), ON, P, "given up in phase booting", ""),
    "given up, no power": (sent(down(GIVEN_UP, "ON")), OFF, PENDING, "not powered", ""),
    "given up, still INSTALLING": (facts("INSTALLING", GIVEN_UP, power="ON"), ON, C, "given up in phase booting", ""),
    "given up, INSTALLING, no power": (facts("INSTALLING", GIVEN_UP), OFF, PENDING, "not without", ""),
    "given up, INSTALLING, dead BMC": (facts("INSTALLING", GIVEN_UP, power_error="e"), ON, Action.BMC_FAILED, "e", ""),
    "given up, INSTALLING, data node": (
        facts("INSTALLING", GIVEN_UP, data_node=True),
        replace(ON, next_boot_install_mode="FULL"),
        REFUSE,
        "data node",
        "",
    ),
    "given up with another assignment": (
        facts("INSTALLING", replace(recorded(None, OLD), intent_failed="booting")),
        CYCLE,
        SKIP,
        "never cut",
        "",
    ),
    # the probe of the BMC failed
    "off, dead BMC": (down(power="UNKNOWN", power_error="no answer"), ON, Action.BMC_FAILED, "no answer", ""),
    "off, dead BMC, no power": (down(power="UNKNOWN", power_error="no answer"), OFF, PENDING, "not powered", ""),
    "UP, dead BMC, cycle": (up(CHANGED, power_error="no answer"), CYCLE, Action.BMC_FAILED, "no answer", ""),
    "UP as recorded, dead BMC": (up(SAME, power_error="no answer"), CYCLE, N, "UP with", ""),
    "INSTALLING for us, dead BMC": (facts("INSTALLING", INTENDED, power_error="no answer"), ON, W, "already", ""),
    "CLOSED and UP": (up(CHANGED, closed=True), CYCLE, SKIP, "CLOSED in BCM; open it first", ""),
    "CLOSED and DOWN": (down(closed=True), ON, SKIP, "CLOSED", ""),
    "CLOSED and INSTALLING": (facts("INSTALLING", INTENDED, closed=True), ON, SKIP, "CLOSED", ""),
}


@pytest.mark.parametrize(("known", "request_", "action", "reason", "mode"), TABLE.values(), ids=TABLE)
def test_the_decision(known: Facts | None, request_: Request, action: Action, reason: str, mode: str) -> None:
    decision = decide(known, request_)

    assert (decision.action, decision.next_boot_install_mode) == (action, mode)
    assert re.search(reason, decision.reason)


assignments = st.builds(
    Assignment,
    image_uuid=st.sampled_from(["i", "j"]),
    image_name=st.sampled_from(["image", "other"]),
    revision=st.sampled_from([-1, 0, 1]),
    disksetup=st.sampled_from(["d", "e"]),
    token=st.sampled_from(["", "t", "u"]),
)
records = st.builds(
    lambda record, failed, reassigned: replace(record, intent_failed=failed, reassigned=reassigned),
    st.builds(recorded, st.none() | assignments, st.none() | assignments),
    st.sampled_from(["", "booting"]),
    st.booleans(),
)
statuses = st.sampled_from(
    [
        "UP",
        "DOWN",
        "PENDING",
        "BOOTING",
        "INSTALLING",
        "INSTALLER_REBOOTING",
        "INSTALLER_CALLING_INIT",
        "INSTALLER_FAILED",
        "INSTALLER_UNREACHABLE",
        "GOING_DOWN",
        "UNDEFINED",
    ]
)
all_facts = st.builds(
    Facts,
    assignment=st.none() | assignments,
    record=records,
    status=statuses,
    closed=st.booleans(),
    restart_required=st.booleans(),
    power=st.sampled_from(["ON", "OFF", "UNKNOWN"]),
    power_error=st.sampled_from(["", "", "no answer"]),
    install_mode=st.sampled_from(["AUTO", "FULL", "NOSYNC", "SKIP", "MAIN"]),
    data_node=st.booleans(),
    reassigned=st.booleans(),
    power_sent_since_intent=st.booleans(),
)
requests = st.builds(
    Request,
    enable_power_action=st.booleans(),
    power_action=st.sampled_from(["power_on", "power_cycle"]),
    token=st.sampled_from(["", "t"]),
    next_boot_install_mode=st.sampled_from(["", "AUTO", "FULL"]),
    adopt=st.booleans(),
)


@given(st.none() | all_facts, requests)
@settings(max_examples=200)
def test_nothing_acts_without_the_leave_to_power(known: Facts | None, request_: Request) -> None:
    assert not decide(known, replace(request_, enable_power_action=False)).action.acts


@given(all_facts, requests)
@settings(max_examples=200)
def test_a_node_that_is_up_is_restarted_only_by_power_cycle(known: Facts, request_: Request) -> None:
    decision = decide(replace(known, status="UP"), request_)

    if decision.action in (Action.POWER_CYCLE, Action.POWER_ON):
        assert decision.action is Action.POWER_CYCLE
        assert (request_.enable_power_action, request_.power_action) == (True, "power_cycle")


@given(all_facts, requests)
@settings(max_examples=200)
def test_an_installation_under_way_is_never_cut_unless_we_gave_it_up(known: Facts, request_: Request) -> None:
    known = replace(known, record=replace(known.record, intent_failed=""))
    for status in ("BOOTING", "INSTALLING", "INSTALLER_REBOOTING", "INSTALLER_CALLING_INIT"):
        action = decide(replace(known, status=status), request_).action
        assert action not in (Action.POWER_CYCLE, Action.POWER_ON)


@given(all_facts, requests)
@settings(max_examples=200)
def test_deciding_again_after_the_record_was_written_gives_nothing(known: Facts, request_: Request) -> None:
    if known.assignment is None or known.closed:
        return
    after = replace(known, status="UP", power="ON", record=recorded(known.assignment), reassigned=False)

    assert decide(after, request_).action is Action.NOTHING


@given(all_facts, requests)
@settings(max_examples=200)
def test_local_disks_are_wiped_only_on_demand_or_for_another_disk_setup(known: Facts, request_: Request) -> None:
    decision = decide(known, request_)

    if decision.next_boot_install_mode == "FULL" and request_.next_boot_install_mode != "FULL":
        assert known.assignment is not None
        assert known.record.provisioned_disksetup not in ("", known.assignment.disksetup)
    if decision.next_boot_install_mode == "FULL":
        assert not known.data_node


@given(all_facts, requests)
@settings(max_examples=200)
def test_a_node_is_not_installed_under_a_mode_that_keeps_the_old_image(known: Facts, request_: Request) -> None:
    decision = decide(known, request_)
    mode = decision.next_boot_install_mode or known.install_mode
    was_installed = bool(known.record.provisioned_digest) or known.status == "UP"

    if decision.action in (Action.POWER_ON, Action.POWER_CYCLE) and was_installed:
        assert mode in ("AUTO", "FULL")


@given(all_facts, requests)
@settings(max_examples=100)
def test_a_closed_node_is_left_alone(known: Facts, request_: Request) -> None:
    action = decide(replace(known, closed=True), request_).action

    assert action is (Action.REFUSE if known.assignment is None else Action.SKIP)


@given(all_facts, requests)
@settings(max_examples=100)
def test_every_decision_says_why(known: Facts, request_: Request) -> None:
    assert decide(known, request_).reason


# -- what must be imaged, and what is remembered of it ----------------------------------------------------------------


def test_a_node_is_assigned_its_own_image_before_its_categorys() -> None:
    references = make_references()
    follows = assignment_of(make_device(), references)
    own = assignment_of(make_device(softwareImageProxy=make_proxy("n", "other-image", 3)), references, token="t")

    assert follows is not None
    assert (follows.image_uuid, follows.image) == (uid("image/default-image"), "default-image")
    assert own is not None
    assert (own.image_uuid, own.revision, own.token) == (uid("image/other-image"), 3, "t")
    assert own.image == "other-image, revision 3"


def test_a_node_without_a_category_and_an_image_has_no_assignment() -> None:
    assert assignment_of(make_device(category=uid("gone")), make_references()) is None


def test_the_disk_setup_of_a_node_comes_before_its_categorys() -> None:
    references = make_references()
    category = assignment_of(make_device(), references)
    same = assignment_of(make_device(disksetup=make_category()["disksetup"] + "\n"), references)
    own = assignment_of(make_device(disksetup="<diskSetup/>"), references)

    assert category == same
    assert own is not None
    assert category is not None
    assert own.disksetup != category.disksetup


@given(assignments, assignments)
def test_the_digest_tells_everything_but_the_name_of_the_image_apart(one: Assignment, other: Assignment) -> None:
    alike = replace(one, image_name="") == replace(other, image_name="")

    assert (one.digest == other.digest) is alike


@given(assignments, st.dictionaries(st.sampled_from(["theirs", "more"]), st.none() | st.integers(), max_size=2))
def test_what_is_recorded_is_read_again_and_leaves_the_keys_of_others(
    assignment: Assignment, theirs: dict[str, Any]
) -> None:
    merge = KeyValues().merge
    intended = merge(theirs, intent_values(assignment, wall_s=5, last_power_ms=77), make_context())
    done = merge(intended, provisioned_values(assignment, wall_s=6), make_context())

    assert Record.from_api(intended).intent_digest == assignment.digest
    assert Record.from_api(intended).intent_power_ms == 77
    assert Record.from_api(done) == Record(
        provisioned_digest=assignment.digest,
        provisioned_image=assignment.image,
        provisioned_disksetup=assignment.disksetup,
        provisioned_token=assignment.token,
    )
    assert {key: value for key, value in done.items() if key in theirs} == theirs
    assert all(key == key.lower() and " " not in key for key in done)


@pytest.mark.parametrize("stored", [None, {}, {"theirs": 1}, {"baremetal_provisioned_digest": None}])
def test_a_node_without_a_record_has_an_empty_one(stored: dict[str, Any] | None) -> None:
    assert Record.from_api(stored) == Record()
