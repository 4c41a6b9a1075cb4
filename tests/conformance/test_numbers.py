# SPDX-License-Identifier: GPL-3.0-or-later
"""The times that operators ask for, measured on the rack's clock: whole modules with their defaults, slow servers."""

from __future__ import annotations

import itertools
import pkgutil

import pytest

from ansible_collections.baremetal.bcm.plugins import modules as all_modules
from ansible_collections.baremetal.bcm.tests.conformance.room import TIMES, Room

MINUTE = 60.0
LOOK_UPS = sorted(
    module.name
    for module in pkgutil.iter_modules(all_modules.__path__)
    # That one asks BMCs, and no head node for more than their addresses.
    if module.name.startswith("bcm_") and module.name.endswith("_info") and module.name != "bcm_bmc_info"
)
MOST_NODES = 50


@pytest.fixture
def room(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Room:
    """A room with as many nodes as the test asks for, all off."""
    return Room(request.param, capsys)


def nodes(count: int) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("room", [count], indirect=True)


@nodes(1)
def test_a_new_node_is_up_within_30_minutes(room: Room) -> None:
    began_s = room.now_s()
    room.register()
    room.provision(*room.names)
    took_s = room.now_s() - began_s

    assert sum(TIMES.values()) - TIMES["install_sync"] < took_s <= 30 * MINUTE


@nodes(1)
def test_a_node_is_installed_anew_within_30_minutes(room: Room) -> None:
    room.register()
    room.provision(*room.names)
    began_s = room.now_s()

    room.modules.good("bcm_devices", devices=[{"hostname": room.names[0], "software_image": "other-image"}])
    room.provision(*room.names, power_action="power_cycle")

    assert room.rack.machine(room.names[0]).running.name == "other-image"
    assert room.now_s() - began_s <= 30 * MINUTE


@nodes(5)
def test_five_nodes_one_after_the_other_are_up_within_150_minutes(room: Room) -> None:
    began_s = room.now_s()
    room.register()
    for name in room.names:
        room.provision(name)

    assert sorted(room.up_s.values()) == [room.up_s[room.rack.bench.device(name)["uuid"]] for name in room.names]
    assert room.now_s() - began_s <= 150 * MINUTE


@nodes(10)
def test_ten_nodes_on_ten_slots_are_up_within_60_minutes(room: Room) -> None:
    began_s = room.now_s()
    room.register()
    room.provision(*room.names)

    assert room.now_s() - began_s <= 60 * MINUTE


@nodes(10)
def test_the_report_is_there_within_a_minute_of_the_last_verdict(room: Room) -> None:
    room.register()
    room.rack.bench.head.faults.add({"kind": "install_fails", "node": room.names[3], "message": "no disk"})
    run = room.actions.run("bcm_provision", names=room.names, enable_power_action=True, fail_on_error=False)
    report = room.actions.run("bcm_report", names=room.names, results=run["nodes"])
    told_s = room.now_s()

    assert (len(room.up_s), report["provisioning_summary"]["failed_nodes"]) == (9, [room.names[3]])
    assert told_s - max(room.up_s.values()) <= MINUTE


@pytest.mark.parametrize("room", [1, 10, MOST_NODES], indirect=True)
def test_power_is_sent_within_10_seconds(room: Room) -> None:
    room.register()
    began_s = room.now_s()
    room.modules.good("bcm_power", names=room.names, action="on")

    sent = [call for call in room.rack.calls if call.name == "powerOperation" and call.args[0]["operation"] == "ON"]
    assert sum(len(call.args[0]["devices"]) for call in sent) == len(room.names)
    assert sent[-1].at_s - began_s <= 10
    assert all(room.rack.machine(name).power for name in room.names)


@pytest.mark.parametrize("name", LOOK_UPS)
def test_a_look_up_takes_less_than_5_seconds(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    room = Room(MOST_NODES, capsys, power="on")
    began_s = room.now_s()

    room.modules.good(name)

    assert 0 < room.now_s() - began_s < 5


@nodes(20)
def test_the_status_is_read_when_something_has_changed_and_rarely_where_nothing_has(room: Room) -> None:
    room.register()
    began_s = room.now_s()
    room.provision(*room.names)
    took_s = room.now_s() - began_s

    readings_s = [call.at_s for call in room.rack.calls if call.name == "getStatusForDevices"]
    pauses_s = [later_s - earlier_s for earlier_s, later_s in itertools.pairwise(readings_s)]
    # Twenty nodes on ten slots change in about a dozen moments; after each the pauses grow from one second to ten.
    assert len(readings_s) < took_s / 10 + 15 * 12
    assert max(pauses_s) < 10 + 5
    # What ends a phase is seen at once: the run lasts no longer for it.
    assert took_s < sum(TIMES.values()) - TIMES["install_sync"] + TIMES["install_full"] + 60
