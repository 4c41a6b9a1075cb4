# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a validation server believes, and for how long: NetBox, clocks, machines that say that a test ran."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.errors import NetBoxError
from ansible_collections.baremetal.bcm.plugins.module_utils._spool.spool import Spool
from ansible_collections.baremetal.bcm.plugins.module_utils._validation_server.events import AcceptedEvent
from ansible_collections.baremetal.bcm.tests.netbox.conftest import Modules
from ansible_collections.baremetal.bcm.tests.netbox.fake.server import TOKEN, FakeNetBox, Reply
from ansible_collections.baremetal.bcm.tests.netbox.lab import Lab
from ansible_collections.baremetal.bcm.tests.netbox.validating import Machine, Place

MakePlace = Callable[..., Place]
WRITING = {
    "name": "writing",
    "device_types": ["*"],
    "steps": {"01-init": {"budget": 60}, "03-disk": {"budget": 60, "options": {"write": "when_empty"}}},
}
LONG = {"name": "long", "device_types": ["*"], "steps": {"01-init": {"budget": 36_000}}}


@pytest.fixture(name="make_place")
def _make_place(modules: Modules, fake: FakeNetBox, tmp_path: Path) -> Iterator[MakePlace]:
    made: list[Place] = []

    def make(**settings: Any) -> Place:
        lab = Lab(fake.url, TOKEN)
        modules.good("netbox_bootstrap", lab, validation=True, fail_on_missing=False)
        directory = tmp_path / f"place-{len(made)}"
        directory.mkdir()
        made.append(Place(lab, directory, **settings))
        return made[-1]

    yield make
    for place in made:
        place.close()


@pytest.fixture(name="place")
def _place(make_place: MakePlace) -> Place:
    return make_place()


def begun_by_grub(make_place: MakePlace, directory: Path) -> tuple[Place, Machine, Path]:
    """Let a machine boot by the file that GRUB has for it; return its place, the machine and the file."""
    tftp = directory / "tftp"
    tftp.mkdir()
    place = make_place(tftp_directory=str(tftp))
    machine = place.machine()
    place.turn(2)
    (path,) = tftp.glob("grub.cfg-01-*")
    assert machine.take(path.read_text(encoding="ascii"))
    return place, machine, path


def begin(machine: Machine) -> None:
    """Boot, and report up to the first step."""
    assert machine.boot()
    assert machine.hello().status == 202
    assert machine.say("step_started", "01-init").status == 202


def test_nobody_is_given_the_image_once_netbox_was_not_read_for_ten_minutes(fake: FakeNetBox, place: Place) -> None:
    machine = place.machine()
    place.turn()
    fake.faults.append(lambda _request: Reply(503))
    place.pass_time(590)
    assert machine.boot()
    # It went into use meanwhile, for all that anybody knows.
    place.pass_time(20)
    for _turn in range(2):
        with pytest.raises(NetBoxError):
            place.turn()

    assert not machine.boot()
    assert machine.script == "#!ipxe\nexit 1\n"
    fake.faults.clear()
    place.turn()
    assert machine.boot()


def test_grub_gives_no_image_and_no_task_once_netbox_was_not_read_for_ten_minutes(
    fake: FakeNetBox, make_place: MakePlace, tmp_path: Path
) -> None:
    place, machine, path = begun_by_grub(make_place, tmp_path)
    fake.faults.append(lambda _request: Reply(503))
    place.pass_time(590)
    with pytest.raises(NetBoxError):
        place.turn()
    assert path.exists()
    place.pass_time(20)
    with pytest.raises(NetBoxError):
        place.turn()

    assert not path.exists()
    # It was given the image before: it is to wait.
    assert (machine.hello().status, machine.task().status) == (503, 503)
    fake.faults.clear()
    place.turn(2)
    # What it asks by is superseded: it boots again, by the new file.
    assert machine.hello().body["then"] == "boot_disk"
    assert machine.take(path.read_text(encoding="ascii"))
    assert (machine.hello().status, machine.task().status) == (202, 200)


def test_a_server_that_went_into_use_gets_no_task_for_the_file_that_grub_read_before(
    make_place: MakePlace, tmp_path: Path
) -> None:
    place, machine, path = begun_by_grub(make_place, tmp_path)
    place.lab.change("dcim/devices", machine.server.id, status="active")
    place.turn()

    assert not path.exists()
    for answer in (machine.task(), machine.hello()):
        assert (answer.status, answer.body["then"]) == (410, "boot_disk")
    assert place.lab.state(machine.server) == "active"


@pytest.mark.parametrize("becomes", ["discovered", "active"])
def test_disks_may_be_written_only_while_netbox_has_the_server_as_discovered(
    make_place: MakePlace, becomes: str
) -> None:
    place = make_place(profile=WRITING)
    machine = place.machine()
    place.lab.add("dcim/inventory-items", device=machine.server.id, name="disk 1", serial="D1")
    place.turn()
    assert machine.boot()
    place.lab.change("dcim/devices", machine.server.id, status=becomes)
    place.turn()

    task = machine.task().body
    assert task["expected"]["writable_disks"] == (["D1"] if becomes == "discovered" else [])
    assert task["expected"]["lldp_interval_seconds"] == place.settings.lldp_interval_seconds
    # It is judged by the task that it was given, and is not missed for what it was not to do.
    kept = place.state.run(machine.run)
    assert kept is not None
    assert kept.task["expected"] == task["expected"]


def test_disks_are_not_written_where_netbox_was_not_read_for_ten_minutes(make_place: MakePlace) -> None:
    place = make_place(profile=WRITING)
    machine = place.machine()
    place.lab.add("dcim/inventory-items", device=machine.server.id, name="disk 1", serial="D1")
    place.turn()
    assert machine.boot()
    place.pass_time(601)

    assert machine.task().body["expected"]["writable_disks"] == []


def test_a_run_that_has_expired_has_no_task(place: Place) -> None:
    machine = place.machine()
    place.turn()
    assert machine.boot()
    place.clock.now += place.settings.boot_seconds + 1

    assert machine.task().status == 410


def test_another_body_with_the_number_of_the_last_is_no_repetition(place: Place) -> None:
    machine = place.machine()
    place.turn()
    begin(machine)
    other = machine.message("step_started", "02-memory", sequence=machine.sequence)

    answer = place.send(machine.asked("POST", machine.events_path, machine.sequence, other))

    assert (answer.status, answer.body["expected"]) == (409, machine.sequence + 1)
    run = place.state.run(machine.run)
    assert run is not None
    assert run.step == "01-init"


def test_a_message_that_the_full_spool_refuses_is_not_accepted_and_can_be_sent_again(
    place: Place, tmp_path: Path
) -> None:
    machine = place.machine()
    place.turn()
    begin(machine)
    whole = place.receiver.spool
    place.receiver.spool = Spool(
        tmp_path / "small.sqlite", place.clock, read_item=AcceptedEvent.from_dict, max_bytes=1 << 16
    )
    reason = {"outcome": "crashed", "reason": "x" * 2000, "work": 0, "measurements": []}
    for _message in range(40):
        before = place.state.run(machine.run)
        answer = machine.say("step_finished", "01-init", {**machine.good("01-init"), **reason})
        if answer.status != 202:
            break

    assert (answer.status, answer.retry_after_s) == (503, 30)
    assert place.state.run(machine.run) == before
    place.receiver.spool = whole
    assert machine.say("heartbeat", "01-init").status == 202


@pytest.mark.parametrize("seconds", [3600.0, -3600.0], ids=["forward", "back"])
def test_a_clock_that_is_set_gives_up_no_machine_that_is_heard_and_later_one_that_is_not(
    make_place: MakePlace, seconds: float
) -> None:
    place = make_place(profile=LONG)
    living, dead = place.machine(), place.machine()
    place.turn()
    for machine in (living, dead):
        begin(machine)
    place.turn()

    place.clock.now += seconds
    for _beat in range(14):
        place.turn()
        assert living.say("heartbeat", "01-init").status == 202
    assert "silent for" in place.result(dead)["reasons"][0]
    assert place.lab.state(living.server) == "discovered"


@pytest.mark.parametrize("away_s", [90.0, 3600.0])
def test_a_server_that_was_suspended_takes_no_machine_for_silent(make_place: MakePlace, away_s: float) -> None:
    place = make_place(profile=LONG)
    machine = place.machine()
    place.turn()
    begin(machine)
    place.turn()

    # Both services stood still; the receiver is heard of at once, the machine with its next heartbeat.
    place.clock.now += away_s
    place.state.beat("receiver")
    place.worker.turn()

    assert place.lab.state(machine.server) == "discovered"
    assert machine.say("heartbeat", "01-init").status == 202


def test_a_clock_that_is_set_back_keeps_no_server_from_being_admitted(place: Place) -> None:
    place.turn()
    place.clock.now -= 86_400
    machine = place.machine()
    place.turn()

    assert machine.boot()


def test_offers_that_were_never_taken_are_forgotten_after_a_day(make_place: MakePlace, tmp_path: Path) -> None:
    tftp = tmp_path / "tftp"
    tftp.mkdir()
    place = make_place(tftp_directory=str(tftp))
    for _number in range(3):
        place.machine()
    for _half_day in range(20):
        place.clock.now += 43_300
        place.turn()

    with place.state._file.reading():
        (runs,) = place.state._db.execute("SELECT count(*) FROM runs").fetchone()
    assert len(list(tftp.glob("grub.cfg-01-*"))) == 3
    assert runs <= 3 * 4


# Eight ways of not running a test, as an agent reports each.
NOT_RUN: dict[str, dict[str, Any]] = {
    "tool missing": {"outcome": "tool_missing", "reason": "the image has no memtester", "work": 0, "measurements": []},
    "zero work": {"work": 0},
    "killed": {"outcome": "killed", "reason": "signal 9 ended it"},
    "time-out": {"outcome": "timed_out", "seconds": 300.0},
    "nothing to test": {"measurements": []},
    "truncated JSON": {"outcome": "no_data", "reason": "its result can't be read", "measurements": []},
    "a clock that jumped": {"seconds": 1e9},
    "skipped by its header": {"outcome": "not_applicable", "reason": "it destroys data"},
}


@pytest.mark.parametrize("way", NOT_RUN)
def test_no_way_of_not_running_a_test_passes_a_server(place: Place, way: str) -> None:
    machine = place.machine()
    place.turn()
    machine.validate(s02=NOT_RUN[way])
    place.turn()

    assert place.lab.state(machine.server) == "failed"
    result = place.result(machine)
    assert (result["verdict"], result["steps"]["01-init"]) == ("error", "pass")
    assert any(reason.startswith("02-memory: ") for reason in result["reasons"])
    texts = [entry["comments"] for entry in place.lab.journal(machine.server)]
    assert len(texts) == 4
    assert texts[1].startswith(("Validation 02-memory: **error**", "Validation 02-memory: **not applicable**"))


def test_a_server_without_disks_passes_no_test_of_disks(make_place: MakePlace) -> None:
    place = make_place(profile={**WRITING, "name": "disks"})
    machine = place.machine()
    place.turn()
    assert machine.boot()
    machine.hello()
    first = machine.good("01-init")
    machine.finish("01-init", inventory={**first["inventory"], "disks": []})
    nothing = {"outcome": "completed", "seconds": 1.0, "work": 1, "measurements": []}
    assert machine.say("step_finished", "03-disk", nothing).status == 202
    machine.say("finished")
    place.turn()

    assert place.lab.state(machine.server) == "failed"
    assert any("there is no disk" in reason for reason in place.result(machine)["reasons"])


def test_addresses_that_are_no_hardware_are_neither_booted_from_nor_missed(place: Place) -> None:
    machine = place.machine()
    made_up, group = place.lab.new_mac(), place.lab.new_mac()
    for name, mac, kind in (("br0", made_up, "bridge"), ("vlan7", place.lab.new_mac(), "virtual")):
        place.lab.port(machine.server.id, name, mac, type=kind)
    place.lab.port(machine.server.id, "bond0", group, type="lag")
    place.turn()

    assert not Machine(place, machine.server, machine.serial, made_up).boot()
    machine.validate()
    place.turn()
    assert place.lab.state(machine.server) == "staged"
    assert place.result(machine)["verdict"] == "pass"


def test_a_port_that_netbox_has_only_as_a_group_is_known(place: Place) -> None:
    serial, mac = "SNGROUP", place.lab.new_mac()
    server = place.lab.server("discovered", serial=serial)
    place.lab.port(server.id, "bond0", mac, type="lag")
    machine = Machine(place, server, serial, mac.upper())
    place.turn()
    machine.validate()
    place.turn()

    assert place.result(machine)["verdict"] == "pass"


def test_a_port_that_is_missing_fails_its_server_though_its_group_has_the_same_address(place: Place) -> None:
    machine = place.machine()
    lost = place.lab.new_mac()
    place.lab.port(machine.server.id, "eth1", lost)
    place.lab.port(machine.server.id, "bond0", lost, type="lag")
    place.turn()
    machine.validate()
    place.turn()

    assert place.lab.state(machine.server) == "failed"
    assert any(lost.upper() in reason for reason in place.result(machine)["reasons"])


def test_a_run_whose_profile_a_newer_version_refuses_ends_and_holds_nobody_up(place: Place) -> None:
    old, other = place.machine(), place.machine()
    place.turn()
    assert old.boot()
    task = json.dumps({**old.task().body, "profile": {"name": "old", "steps": {"01-init": {}}}})
    with place.state._file.writing("write to"):
        place.state._db.execute("UPDATE runs SET task = ? WHERE run = ?", (task, old.run))
    old.hello()
    old.report()
    other.validate()
    place.turn()

    assert place.lab.state(other.server) == "staged"
    assert place.lab.state(old.server) == "failed"
    assert "this version can't read its profile" in place.result(old)["reasons"][0]


def finish_disks(machine: Machine, first: dict[str, Any]) -> None:
    """Report a run of the profile that writes, with no word on whether the disk was written."""
    assert machine.finish("01-init", **first).status == 202
    taken = ("disk_smart_ok", "disk_seq_read_mib_s", "disk_rand_read_iops")
    measured = [{"name": name, "value": 1, "component": "vda"} for name in taken]
    body = {"outcome": "completed", "seconds": 1.0, "work": 1, "measurements": measured}
    assert machine.say("step_finished", "03-disk", body).status == 202
    assert machine.say("finished").status == 202


def test_parts_of_an_inventory_that_are_not_what_they_are_called_are_refused(place: Place) -> None:
    machine = place.machine()
    place.turn()
    begin(machine)
    shapes: list[dict[str, Any]] = [
        {"disks": [{"name": "sda", "serial": []}]},
        {"disks": {"name": "sda"}},
        {"disks": [{"name": ["sda"]}]},
        {"nics": [{"name": "eth0", "mac": {}}]},
        {"numa_nodes": ["numa0"]},
        {"cpus": [{"model": "x"}]},
        {"modules": [{"name": "A1", "serial": 7}]},
    ]

    for shape in shapes:
        answer = machine.finish("01-init", inventory=shape)
        (key,) = shape
        assert (answer.status, f"body.inventory.{key}" in answer.body["error"]) == (400, True), answer
    assert machine.finish("01-init", inventory={"disks": None, "gpus": 8, "nics": []}).status == 202


def test_results_that_can_not_be_judged_fail_their_server_and_hold_nobody_up(make_place: MakePlace) -> None:
    place = make_place(profile=WRITING)
    hostile, unread, sound = place.machine(), place.machine(), place.machine()
    place.turn()
    for machine in (hostile, unread, sound):
        begin(machine)
        finish_disks(machine, machine.good("01-init"))
    # What a version accepted that refuses less, and what judging was never meant to see.
    (accepted,) = (
        row.item for row in place.spool.peek(100) if row.item.run == unread.run and row.item.body.get("inventory")
    )
    inventory = {"disks": [{"name": "sda", "serial": []}]}
    place.spool.offer(replace(accepted, body={**accepted.body, "inventory": inventory}))
    run = place.state.run(hostile.run)
    assert run is not None
    task = json.dumps({**run.task, "expected": {"writable_disks": [[]]}})
    with place.state._file.writing("write to"):
        place.state._db.execute("UPDATE runs SET task = ? WHERE run = ?", (task, hostile.run))
    place.turn()

    assert [place.lab.state(each.server) for each in (hostile, unread, sound)] == ["failed", "failed", "staged"]
    (why,) = place.result(hostile)["reasons"]
    assert why == "its results could not be judged: TypeError: unhashable type: 'list'"
    (why,) = place.result(unread)["reasons"]
    assert why.startswith("its results could not be judged: 01-init: body.inventory.disks[0].serial: ")
    (said,) = (line for line in place.lines if "Traceback" in line)
    assert said.startswith(f"{hostile.server.name}: its results could not be judged: ")
    assert "judge_run" in said
    place.turn()
    assert place.spool.stats().rows == 0


def test_a_neighbour_whose_name_fits_no_request_holds_nobody_up(place: Place) -> None:
    hostile, other = place.machine(), place.machine()
    hostile.neighbours = [{"interface": "eth0", "chassis_name": "\u6a5f" * 500, "port_id": "1"}]
    place.turn()
    hostile.validate()
    other.validate()
    place.turn()

    assert [place.lab.state(each.server) for each in (hostile, other)] == ["staged", "staged"]


def test_one_address_on_two_servers_of_one_name_is_offered_to_neither(place: Place) -> None:
    machine = place.machine()
    twin = place.lab.server("discovered", serial="SNTWIN")
    place.lab.port(twin.id, "eth0", machine.mac)
    place.lab.change("dcim/devices", twin.id, name=machine.server.name, tenant=None)
    place.turn()

    assert not machine.boot()
    assert any("is recorded for several servers" in line for line in place.lines)


def test_two_servers_with_one_serial_number_are_told_apart_by_their_addresses(place: Place) -> None:
    one, two = place.machine(), place.machine()
    place.lab.change("dcim/devices", two.server.id, serial=one.serial)
    two.serial = one.serial
    place.turn()
    one.validate()
    two.validate(s02={"outcome": "crashed", "reason": "it ended"})
    place.turn()

    assert [place.lab.state(each.server) for each in (one, two)] == ["staged", "failed"]


@pytest.mark.parametrize("said", ["", " "])
def test_a_machine_that_tells_no_serial_number_is_a_conflict(place: Place, said: str) -> None:
    machine = place.machine()
    place.turn()
    machine.boot(serial="")

    assert machine.hello(serial=said).status == 410
    place.turn()
    assert place.result(machine)["verdict"] == "conflict"


@pytest.mark.parametrize("state", ["active", "failed", "staged", "offline"])
def test_a_server_whose_state_was_set_by_hand_during_its_run_stays_as_it_was_set(place: Place, state: str) -> None:
    machine = place.machine()
    place.turn()
    begin(machine)
    place.lab.change("dcim/devices", machine.server.id, status=state)
    place.turn()
    machine.finish("01-init")
    for step in ("02-memory", "04-lldp"):
        machine.finish(step)
    assert machine.say("finished").status == 202
    place.turn(2)

    assert place.lab.state(machine.server) == state
    assert not machine.boot()


def test_a_server_that_netbox_loses_during_its_run_ends_and_holds_nobody_up(place: Place) -> None:
    gone, other = place.machine(), place.machine()
    place.turn()
    begin(gone)
    for port in place.lab.find("dcim/interfaces", device_id=gone.server.id):
        place.lab.call("DELETE", f"dcim/interfaces/{port['id']}")
    place.lab.call("DELETE", f"dcim/devices/{gone.server.id}")
    for step in ("01-init", "02-memory", "04-lldp"):
        gone.finish(step)
    gone.say("finished")
    other.validate()
    place.turn(2)

    assert place.lab.state(other.server) == "staged"
    run = place.state.run(gone.run)
    assert run is not None
    assert run.done > 0
    assert place.spool.stats().rows == 0


def test_a_server_that_is_readmitted_during_its_run_is_judged_by_it(place: Place, modules: Modules) -> None:
    machine = place.machine()
    place.turn()
    begin(machine)
    event = {"event": "readmitted", "device": machine.server.name, "reason": "no patience"}
    modules.event(place.lab, event)
    place.turn()
    assert not machine.boot()
    assert "sleep" in machine.script
    for step in ("01-init", "02-memory", "04-lldp"):
        machine.finish(step)
    machine.say("finished")
    place.turn()

    assert place.lab.state(machine.server) == "staged"


def test_no_result_holds_markup_of_a_machine(place: Place) -> None:
    machine = place.machine()
    place.turn()
    evil = "`**x**` [a](http://evil) <script>\n# title"
    machine.validate(s02={"findings": [{"component": evil[:90], "verdict": "fail", "text": evil}]})
    place.turn()

    (entry,) = [each["comments"] for each in place.lab.journal(machine.server) if "02-memory: **" in each["comments"]]
    lines = [line for line in entry.splitlines() if "evil" in line]
    assert lines
    assert all(line.startswith("* `") and line.endswith("`") and line.count("`") == 2 for line in lines)
    assert "`" not in json.dumps(place.result(machine)["reasons"])


def test_reading_who_is_discovered_again_and_again_costs_one_list(fake: FakeNetBox, place: Place) -> None:
    def paths_of_a_turn() -> list[str]:
        before = len(fake.requests)
        place.turn()
        return [request.path for request in fake.requests[before:]]

    machines = [place.machine() for _number in range(5)]
    first = paths_of_a_turn()
    again = paths_of_a_turn()
    new = place.machine()
    of_the_new = paths_of_a_turn()

    assert (len(again), len(set(again))) == (1, 1), again
    assert len(first) == len(of_the_new) == 3, (first, of_the_new)
    assert new.boot()
    # Within a minute it is known what was recorded anew of the others.
    other = place.lab.new_mac()
    place.lab.port(machines[0].server.id, "eth1", other)
    place.turn(6)
    assert Machine(place, machines[0].server, machines[0].serial, other).boot()
