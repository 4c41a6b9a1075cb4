# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules leave alone what others are at work on: nodes that a run claims, and nodes that are being installed."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.claim import Claim, claim_values
from ansible_collections.baremetal.bcm.plugins.module_utils._values.owner import Owner

from ..fake_head_node import Call, FakeHeadNode
from ..objects import make_bmc_settings, make_device
from ..running import Modules

BOB = Owner("bob", "run2")
WAITING = "claimed by bob until 22:18:20 UTC, in phase down"
COPYING = ("INSTALLING", "provisioning started, waiting for completion")
OTHER_IMAGE = {"software_image": "other-image"}


def claim_for(head: FakeHeadNode, name: str, owner: Owner = BOB) -> None:
    device = head.device(name)
    values = claim_values(owner, until_s=head.clock.wall_s() + 300)
    device["extra_values"] = {**(device["extra_values"] or {}), **values}


def install(head: FakeHeadNode, name: str = "node001") -> None:
    """Somebody installs a node, and claims nothing."""
    head.node(name).power = "ON"
    head.node(name).steps = [COPYING]


def change(modules: Modules, name: str = "node001", /, **options: Any) -> str:
    return modules.bad("bcm_device", hostname=name, **options)


# -- devices -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("options", [OTHER_IMAGE, {"notes": "x"}, {"state": "absent"}], ids=str)
def test_nothing_of_a_claimed_node_is_written(
    options: dict[str, Any], check: bool, modules: Modules, head: FakeHeadNode
) -> None:
    claim_for(head, "node001")
    before = copy.deepcopy(head.device("node001"))

    message = change(modules, check=check, **options)

    assert f"device node001: it is {WAITING}; nothing of it was written; try again when that is over" in message
    assert "allow_claimed" in message
    assert head.device("node001") == before
    assert not head.writes


def test_what_a_claimed_node_already_has_is_no_change_and_no_failure(modules: Modules, head: FakeHeadNode) -> None:
    claim_for(head, "node001")

    assert not modules.good("bcm_device", hostname="node001", notes="")["changed"]
    assert not head.names("getStatusForDevices")


def test_the_other_nodes_of_a_list_are_changed(modules: Modules, head: FakeHeadNode) -> None:
    claim_for(head, "node001")
    devices = [{"hostname": name, "notes": "x"} for name in ("node001", "node002")]

    result = modules.good("bcm_devices", devices=devices, fail_on_error=False)

    assert list(result["failures"]) == result["refused"] == ["node001"]
    assert [head.device(name)["notes"] for name in ("node001", "node002")] == ["", "x"]


@pytest.mark.parametrize(
    ("options", "is_refused"),
    [
        (OTHER_IMAGE, True),
        ({"kernel_parameters": "quiet"}, True),
        ({"category": "gpu"}, True),
        ({"interfaces": [{"name": "BOOTIF", "ip": "10.141.0.77"}]}, True),
        ({"notes": "x"}, False),
        ({"labels": ["gpu"]}, False),
    ],
    ids=str,
)
def test_of_a_node_that_is_being_installed_only_what_is_installed_is_guarded(
    options: dict[str, Any], is_refused: bool, modules: Modules, head: FakeHeadNode
) -> None:
    install(head)

    result = modules.run("bcm_device", hostname="node001", **options)

    assert bool(result.get("failed")) is is_refused
    assert bool(head.writes) is not is_refused
    if is_refused:
        assert "device node001: it is being installed, and claimed by nobody, in phase installing" in result["msg"]


@pytest.mark.parametrize("options", [OTHER_IMAGE, {"state": "absent", "allow_up": True}], ids=str)
@pytest.mark.parametrize("occupy", [claim_for, install], ids=["claimed", "being installed"])
def test_with_leave_what_others_are_at_work_on_is_changed(
    occupy: Any, options: dict[str, Any], modules: Modules, head: FakeHeadNode
) -> None:
    occupy(head, "node001")

    assert modules.good("bcm_device", hostname="node001", allow_claimed=True, **options)["changed"]


def test_the_claims_of_the_same_run_are_no_obstacle(modules: Modules, head: FakeHeadNode) -> None:
    claim_for(head, "node001")

    modules.good("bcm_device", hostname="node001", **OTHER_IMAGE, claim_run="run2")

    claim = Claim.from_api(head.device("node001")["extra_values"])
    assert claim is not None
    assert claim.run == "run2"


def test_a_claim_that_is_over_is_no_obstacle(modules: Modules, head: FakeHeadNode) -> None:
    claim_for(head, "node001")
    head.clock.sleep(301)

    assert modules.good("bcm_device", hostname="node001", **OTHER_IMAGE)["changed"]


def test_a_claim_written_since_the_first_reading_is_not_written_over(modules: Modules, head: FakeHeadNode) -> None:
    def claim(_call: Call) -> None:
        if not head.writes:
            claim_for(head, "node001")

    head.instead["getDevicesByUuids"] = claim
    message = change(modules, notes="x")

    assert "it is claimed by bob" in message
    assert not head.writes


def test_a_claim_written_between_our_write_and_its_reading_back_is_not_written_over(
    modules: Modules, head: FakeHeadNode
) -> None:
    """A run that read the node before our write puts back what it had read, with its claim."""
    before = copy.deepcopy(head.device("node001"))

    def overwrite(_call: Call) -> None:
        if len(head.writes) == 1 and not head.device("node001")["extra_values"]:
            head.devices[before["uuid"]] = copy.deepcopy(before)
            claim_for(head, "node001")

    head.instead["getDevices"] = overwrite
    message = change(modules, notes="x")

    assert "it is claimed by bob" in message
    assert len(head.writes) == 1


def test_credentials_of_a_claimed_node_are_not_tried(modules: Modules, head: FakeHeadNode) -> None:
    for name in ("node001", "node002"):
        head.device(name)["bmcSettings"] = make_bmc_settings(name)
    claim_for(head, "node001")
    devices = [{"hostname": name, "bmc_settings": {"password": "new"}} for name in ("node001", "node002")]

    result = modules.good("bcm_devices", devices=devices, fail_on_error=False)

    assert result["refused"] == ["node001"]
    assert {call.args[0]["hostname"] for call in head.writes} == {"node002"}


@pytest.mark.parametrize("count", [2, 30])
def test_looking_who_is_at_work_costs_two_calls_for_any_number_of_nodes(
    count: int, capsys: pytest.CaptureFixture[str]
) -> None:
    head = FakeHeadNode(*(make_device(f"node{number:03d}", number) for number in range(1, count + 1)))
    modules = Modules(head, capsys)
    devices = [{"hostname": f"node{number:03d}", **OTHER_IMAGE} for number in range(1, count + 1)]

    modules.good("bcm_devices", devices=devices)

    reads = [call.name for call in head.calls if not call.writes]
    assert sorted(reads) == sorted(
        [
            *("getDevices", "getCategories", "getSoftwareImages", "getNetworks"),
            *("getStatusForDevices", "getDevicesByUuids"),
            "getDevices",  # read back
        ]
    )


# -- removal -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("check", [False, True])
def test_a_node_that_is_up_is_not_removed_without_leave(check: bool, modules: Modules, head: FakeHeadNode) -> None:
    message = change(modules, "node003", state="absent", check=check)

    assert "could not remove device node003: it is UP, and would go on running unmanaged; switch it off" in message
    assert "allow_up" in message
    assert not head.writes
    assert modules.good("bcm_device", hostname="node003", state="absent", allow_up=True, check=check)["changed"]


def test_a_node_that_is_switched_on_is_not_removed_without_leave(modules: Modules, head: FakeHeadNode) -> None:
    head.node("node001").power = "ON"

    message = change(modules, state="absent")

    assert "could not remove device node001: it is switched on" in message
    assert not head.writes
    assert not head.sessions
    assert modules.good("bcm_device", hostname="node001", state="absent", allow_up=True)["changed"]


@pytest.mark.parametrize("bmc", ["", "refuses"])
def test_a_node_that_is_off_or_whose_bmc_does_not_say_is_removed(
    bmc: str, modules: Modules, head: FakeHeadNode
) -> None:
    head.node("node001").bmc = bmc

    assert modules.good("bcm_device", hostname="node001", state="absent")["changed"]


def test_leave_to_remove_what_runs_is_no_leave_to_remove_what_is_claimed(modules: Modules, head: FakeHeadNode) -> None:
    claim_for(head, "node001")

    assert WAITING in change(modules, state="absent", allow_up=True)


# -- categories --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize(
    ("options", "is_refused"),
    [
        (OTHER_IMAGE, True),
        ({"disksetup": "<diskSetup/>"}, True),
        ({"finalize": "#!/bin/sh\ntrue\n"}, True),
        ({"kernel_parameters": "quiet"}, True),
        ({"notes": "x"}, False),
        ({"services": [{"name": "ntpd"}]}, False),
    ],
    ids=str,
)
@pytest.mark.parametrize("occupy", [claim_for, install], ids=["claimed", "being installed"])
def test_what_a_category_installs_is_not_changed_under_nodes_that_others_are_at_work_on(
    occupy: Any, options: dict[str, Any], is_refused: bool, check: bool, modules: Modules, head: FakeHeadNode
) -> None:
    occupy(head, "node001")
    names = ["node001", "node002", "node003"]

    result = modules.run("bcm_category", name="default", members=names, check=check, **options)

    assert bool(result.get("failed")) is is_refused
    if is_refused:
        assert not head.writes
        who = "claimed by bob until" if occupy is claim_for else "being installed, and claimed by nobody"
        assert f"that reaches 1 node that others are at work on: node001, {who}" in result["msg"]
        assert "allow_claimed" in result["msg"]
        leave = {"allow_member_change": True, "allow_claimed": True}
        assert modules.good("bcm_category", name="default", check=check, **leave, **options)["changed"]


def test_a_node_with_an_image_of_its_own_does_not_hold_its_categorys(modules: Modules, head: FakeHeadNode) -> None:
    modules.good("bcm_device", hostname="node001", **OTHER_IMAGE)
    claim_for(head, "node001")
    rest = ["node002", "node003"]

    assert modules.good("bcm_category", name="default", members=rest, **OTHER_IMAGE)["changed"]
    assert "node001, claimed by bob" in modules.bad("bcm_category", name="default", kernel_parameters="quiet")


def test_the_claims_of_the_same_run_do_not_hold_a_category(modules: Modules, head: FakeHeadNode) -> None:
    claim_for(head, "node001")
    categories = [{"name": "default", "kernel_parameters": "quiet"}]

    assert modules.good("bcm_categories", categories=categories, claim_run="run2")["changed"]


def test_of_many_occupied_nodes_the_first_are_named(modules: Modules, head: FakeHeadNode) -> None:
    for name in ("node001", "node002", "node003"):
        claim_for(head, name)

    message = modules.bad("bcm_category", name="default", allow_member_change=True, **OTHER_IMAGE)

    assert f"that reaches 3 nodes that others are at work on: node001, {WAITING}; node002, {WAITING}; " in message


# -- power -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("action", ["on", "off", "cycle", "reset", "power_off"])
def test_a_claimed_node_is_not_powered_and_its_owner_and_phase_are_named(
    action: str, check: bool, modules: Modules, head: FakeHeadNode
) -> None:
    claim_for(head, "node001")

    message = modules.bad("bcm_power", names=["node001", "node002"], action=action, allow_up=True, check=check)

    assert f"1 node that others are at work on: node001, {WAITING}; nothing was sent" in message
    assert "allow_claimed" in message
    assert not head.names("powerOperation")


@pytest.mark.parametrize("action", ["off", "cycle", "reset"])
def test_a_node_that_is_being_installed_is_not_cut(action: str, modules: Modules, head: FakeHeadNode) -> None:
    install(head)

    message = modules.bad("bcm_power", names=["node001"], action=action, allow_up=True)

    assert "node001, being installed, and claimed by nobody, in phase installing; nothing was sent" in message
    assert not head.names("powerOperation")


def test_switching_on_what_is_being_installed_changes_nothing(modules: Modules, head: FakeHeadNode) -> None:
    install(head)

    assert not modules.good("bcm_power", names=["node001"], action="on")["changed"]


@pytest.mark.parametrize("occupy", [claim_for, install], ids=["claimed", "being installed"])
def test_with_leave_others_are_cut_off(occupy: Any, modules: Modules, head: FakeHeadNode) -> None:
    occupy(head, "node001")
    head.node("node001").power = "ON"

    assert modules.good("bcm_power", names=["node001"], action="off", allow_claimed=True)["changed"]


def test_asking_for_the_power_of_a_claimed_node_needs_no_leave(modules: Modules, head: FakeHeadNode) -> None:
    claim_for(head, "node001")

    assert modules.good("bcm_power", names=["node001"], action="status")["nodes"]["node001"]["after"] == "OFF"


def test_a_run_powers_the_nodes_that_it_claims(modules: Modules, head: FakeHeadNode) -> None:
    claim_for(head, "node001")

    assert modules.good("bcm_power", names=["node001"], action="on", claim_run="run2")["changed"]


def test_a_claim_written_while_the_power_is_read_is_seen_before_anything_is_sent(
    modules: Modules, head: FakeHeadNode
) -> None:
    head.instead["powerOperation"] = lambda call: claim_for(head, "node001") if not call.writes else None

    message = modules.bad("bcm_power", names=["node001", "node002"], action="on")

    assert "node001, claimed by bob" in message
    assert head.operations() == []
