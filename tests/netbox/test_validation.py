# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Results of validations on their way from machines to NetBox."""

from __future__ import annotations

import gzip
import hashlib
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import jsonschema
import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.errors import NetBoxError
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.messages import MAX_BODY_BYTES
from ansible_collections.baremetal.bcm.plugins.module_utils._validation_server.messenger import Refused
from ansible_collections.baremetal.bcm.plugins.module_utils._validation_server.notices import EVENT_SCHEMA
from ansible_collections.baremetal.bcm.plugins.module_utils._validation_server.receiver import Asked
from ansible_collections.baremetal.bcm.tests.netbox.conftest import Modules
from ansible_collections.baremetal.bcm.tests.netbox.fake.server import TOKEN, FakeNetBox, Reply
from ansible_collections.baremetal.bcm.tests.netbox.lab import Lab
from ansible_collections.baremetal.bcm.tests.netbox.validating import STEPS, Machine, Place

MakePlace = Callable[..., Place]


@pytest.fixture(name="make_place")
def _make_place(modules: Modules, tmp_path: Path) -> Iterator[MakePlace]:
    made: list[Place] = []

    def make(lab: Lab, **settings: Any) -> Place:
        modules.good("netbox_bootstrap", lab, validation=True, fail_on_missing=False)
        directory = tmp_path / f"place-{len(made)}"
        directory.mkdir()
        made.append(Place(lab, directory, **settings))
        return made[-1]

    yield make
    for place in made:
        place.close()


@pytest.fixture(name="place")
def _place(make_place: MakePlace, lab: Lab) -> Place:
    return make_place(lab)


def entries(machine: Machine) -> list[str]:
    """The journal of a machine's device, oldest first, each without its key."""
    return [each["comments"].partition("\n\n`baremetal")[0] for each in machine.place.lab.journal(machine.server)]


def test_a_discovered_server_that_passes_is_staged_with_an_entry_for_each_step_and_the_verdict(place: Place) -> None:
    machine = place.machine()
    place.turn()

    answer = machine.validate()
    place.turn()

    assert (answer.status, answer.body["then"]) == (202, "poweroff")
    assert place.lab.state(machine.server) == "staged"
    told = entries(machine)
    assert [text.partition(" (")[0] for text in told[:3]] == [f"Validation {step}: **pass**" for step in STEPS]
    assert "* `node0: memory_tested_mib 64, memory_errors 0, memory_rate_mib_s 900`" in told[1]
    assert told[3].startswith("discovered → staged (validation_passed).")
    assert len(told) == 4
    result = place.result(machine)
    assert (result["verdict"], result["run"], result["steps"]["02-memory"]) == ("pass", machine.run, "pass")


def test_a_server_that_fails_a_step_is_failed_and_says_why(place: Place) -> None:
    machine = place.machine()
    place.turn()

    bad = {"component": "node0", "verdict": "fail", "text": "memtester: FAILURE at offset 0x4149e0"}
    machine.validate(s02={"findings": [bad]})
    place.turn()

    assert place.lab.state(machine.server) == "failed"
    # Markdown takes a list for one only after an empty line.
    assert "\n\n* `node0: memtester: FAILURE at offset 0x4149e0`\n" in entries(machine)[1]
    assert any("node0: memtester" in reason for reason in place.result(machine)["reasons"])


def test_an_entry_links_to_the_log_and_a_long_reason_of_the_verdict_names_its_run(place: Place) -> None:
    machine = place.machine()
    place.turn()
    assert machine.boot()
    assert machine.task().body["name"] == machine.server.name
    assert machine.hello().status == 202
    assert machine.log("02-memory", 0, "memtester says").status == 202
    bad = [{"component": f"node{number}", "verdict": "fail", "text": "x" * 100} for number in range(9)]
    machine.report(s02={"findings": bad, "log_pieces": 1})
    place.turn()

    told = entries(machine)
    link = f"http://192.0.2.1:8080/v1/runs/{machine.run}/steps/02-memory/log"
    assert told[1].endswith(f"\n\nAll that its tools printed: [log]({link})")
    assert "log](" not in told[0]
    assert "validation fail: 02-memory fail, 2 steps passed; 02-memory: node0: xxx" in told[3]
    assert f"… (run {machine.run})" in told[3]


def test_a_step_that_did_not_run_passes_no_server(place: Place) -> None:
    machine = place.machine()
    place.turn()

    machine.validate(s02={"outcome": "tool_missing", "reason": "no memtester", "measurements": [], "work": 0})
    place.turn()

    assert place.lab.state(machine.server) == "failed"
    assert place.result(machine)["verdict"] == "error"


def test_only_servers_that_netbox_has_as_discovered_are_given_the_image(place: Place) -> None:
    others = [place.machine(state) for state in ("offline", "staged", "ready", "active", "failed")]
    one = place.machine()
    unknown = Machine(place, one.server, "SN", place.lab.new_mac())
    place.turn()

    assert one.boot()
    assert [each.boot() for each in (*others, unknown)] == [False] * 6
    assert {each.script for each in (*others, unknown)} == {"#!ipxe\nexit 1\n"}


def test_after_its_verdict_a_server_boots_its_disk_until_it_is_readmitted(place: Place, modules: Modules) -> None:
    machine = place.machine()
    place.turn()
    machine.validate(s02={"outcome": "crashed", "reason": "it ended"})
    place.turn()

    assert not machine.boot()
    event = {"event": "readmitted", "device": machine.server.name, "reason": "two DIMMs were replaced"}
    assert modules.event(place.lab, event)["outcome"] == "changed"
    place.turn()

    assert machine.boot()
    assert "two DIMMs were replaced" in entries(machine)[-1]
    machine.hello()
    machine.report()
    place.turn()
    assert place.lab.state(machine.server) == "staged"


def test_a_machine_that_asks_again_while_its_run_is_under_way_waits(place: Place) -> None:
    machine = place.machine()
    place.turn()
    machine.boot()
    machine.hello()

    assert not machine.boot()
    assert "sleep 15" in machine.script


def test_another_serial_number_than_netbox_has_is_a_conflict_and_quarantines(place: Place) -> None:
    machine = place.machine()
    place.turn()
    machine.boot()

    assert machine.hello(serial="OTHER`* [x](http://evil)").status == 410
    assert machine.say("step_started", "01-init").status == 410
    place.turn(2)

    assert place.lab.state(machine.server) == "failed"
    (entry,) = entries(machine)
    assert "identity conflict" in entry
    assert "OTHER` *" not in entry
    assert place.result(machine)["verdict"] == "conflict"


def test_a_machine_without_the_mac_address_that_booted_is_a_conflict(place: Place) -> None:
    machine = place.machine()
    place.turn()
    machine.boot()

    assert machine.hello(macs=["02:00:00:00:00:99"]).status == 410
    place.turn()

    assert place.result(machine)["verdict"] == "conflict"


DIGESTS = ("ab" * 32, "cd" * 32)


def _image(directory: Path, digest: str) -> Path:
    """An image as the builder leaves it; built anew where there is one."""
    directory.mkdir(exist_ok=True)
    files = {"vmlinuz": b"kernel", "initrd": digest.encode(), "image-digest": f"{digest}\n".encode()}
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files.items())
    for name, content in {**files, "SHA256SUMS": sums.encode()}.items():
        (directory / name).write_bytes(content)
    return directory


@pytest.mark.parametrize("said", ["", DIGESTS[1]], ids=["none", "another"])
def test_a_machine_that_runs_another_image_than_it_was_given_is_quarantined(
    fake: FakeNetBox, make_place: MakePlace, tmp_path: Path, said: str
) -> None:
    place = make_place(_lab(fake), image_directory=str(_image(tmp_path / "image", DIGESTS[0])))
    machine = place.machine()
    place.turn()
    machine.boot()

    assert machine.hello(image_digest=said).status == 410
    place.turn()

    assert (place.result(machine)["verdict"], place.lab.state(machine.server)) == ("conflict", "failed")
    assert f"it runs another image ({said[:16] or 'without a digest'}) than it was given" in entries(machine)[0]


def test_a_run_is_bound_to_the_image_that_was_offered_when_it_booted(
    fake: FakeNetBox, make_place: MakePlace, tmp_path: Path
) -> None:
    place = make_place(_lab(fake), image_directory=str(_image(tmp_path / "image", DIGESTS[0])))
    before, after = place.machine(), place.machine()
    place.turn()
    before.boot()
    _image(tmp_path / "image", DIGESTS[1])
    after.boot()

    assert [before.hello(image_digest=DIGESTS[0]).status, after.hello(image_digest=DIGESTS[1]).status] == [202, 202]
    for machine in (before, after):
        machine.report()
    place.turn()
    assert {place.lab.state(machine.server) for machine in (before, after)} == {"staged"}


def test_an_image_that_was_changed_after_it_was_built_is_offered_to_nobody(
    fake: FakeNetBox, make_place: MakePlace, tmp_path: Path
) -> None:
    tftp, image = tmp_path / "tftp", _image(tmp_path / "image", DIGESTS[0])
    tftp.mkdir()
    place = make_place(_lab(fake), image_directory=str(image), tftp_directory=str(tftp))
    machine = place.machine()
    place.turn()
    assert list(tftp.glob("grub.cfg-01-*"))
    (image / "initrd").write_bytes(b"other")
    place.turn(2)

    assert not machine.boot()
    assert machine.script == "#!ipxe\nexit 1\n"
    assert not list(tftp.glob("grub.cfg-01-*"))
    assert sum("initrd is not what SHA256SUMS" in line for line in place.lines) == 2
    _image(image, DIGESTS[1])
    place.turn()
    assert machine.boot()
    assert list(tftp.glob("grub.cfg-01-*"))


def test_files_for_grub_are_written_anew_for_a_new_image(
    fake: FakeNetBox, make_place: MakePlace, tmp_path: Path
) -> None:
    tftp, image = tmp_path / "tftp", _image(tmp_path / "image", DIGESTS[0])
    tftp.mkdir()
    place = make_place(_lab(fake), image_directory=str(image), tftp_directory=str(tftp))
    machine = place.machine()
    place.turn(2)
    (path,) = tftp.glob("grub.cfg-01-*")
    _image(image, DIGESTS[1])
    place.turn()

    assert machine.take(path.read_text(encoding="ascii"))
    assert machine.hello(image_digest=DIGESTS[1]).status == 202


class Webhook:
    """What takes events, or refuses them."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.refusals = 0

    def __call__(self, event: Mapping[str, Any]) -> None:
        if self.refusals:
            self.refusals -= 1
            raise Refused("could not send an event to http://127.0.0.1: no")
        self.events.append(dict(event))

    def close(self) -> None:
        """There is no connection."""


def test_each_verdict_is_one_event_that_keeps_to_cloudevents_and_its_schema(
    fake: FakeNetBox, make_place: MakePlace
) -> None:
    webhook = Webhook()
    place = make_place(_lab(fake), post=webhook)
    passed, failed, lost, other = (place.machine() for _number in range(4))
    place.turn()
    passed.validate()
    failed.validate(s02={"outcome": "crashed", "reason": "it ended"})
    other.boot()
    other.hello(serial="OTHER`")
    lost.boot()
    place.pass_time(place.settings.boot_seconds + 1)
    place.turn(2)

    validator = jsonschema.Draft202012Validator(EVENT_SCHEMA, format_checker=jsonschema.FormatChecker())
    for event in webhook.events:
        validator.validate(event)
    told = {event["subject"]: (event["data"]["state"], event["data"]["result"]["verdict"]) for event in webhook.events}
    assert told == {
        str(passed.server.id): ("staged", "pass"),
        str(failed.server.id): ("failed", "error"),
        str(lost.server.id): ("failed", "lost"),
        str(other.server.id): ("failed", "conflict"),
    }
    assert len(webhook.events) == len({event["id"] for event in webhook.events}) == 4
    (event,) = (each for each in webhook.events if each["subject"] == str(passed.server.id))
    assert event["data"]["result"] == place.result(passed)
    assert (event["data"]["name"], event["data"]["mac"]) == (passed.server.name, passed.mac)


def test_events_wait_while_the_webhook_refuses_and_go_in_their_order(fake: FakeNetBox, make_place: MakePlace) -> None:
    webhook = Webhook()
    webhook.refusals = 100
    place = make_place(_lab(fake), post=webhook)
    machines = [place.machine(), place.machine()]
    for machine in machines:
        place.turn()
        machine.validate()
        place.turn()
    assert {place.lab.state(machine.server) for machine in machines} == {"staged"}
    assert webhook.events == []
    # What waits outlives the worker.
    place.start()
    webhook.refusals = 2
    for _turn in range(8):
        place.pass_time(60)
        place.turn()

    assert [event["subject"] for event in webhook.events] == [str(machine.server.id) for machine in machines]
    assert sum("could not send an event" in line for line in place.lines) == 2


@pytest.mark.parametrize("killed", ["settle", "sent"])
def test_a_worker_that_is_killed_sends_the_same_event_again_and_no_other(
    fake: FakeNetBox, make_place: MakePlace, killed: str
) -> None:
    webhook = Webhook()
    place = make_place(_lab(fake), post=webhook)
    machine = place.machine()
    place.turn()
    machine.validate()
    with mock.patch.object(place.state, killed, side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        place.turn()
    place.start()
    place.turn(2)

    assert len(webhook.events) == (1 if killed == "settle" else 2)
    assert len({event["id"] for event in webhook.events}) == 1


def test_a_machine_that_falls_silent_is_failed_with_the_step_it_was_last_heard_in(place: Place) -> None:
    machine = place.machine()
    place.turn()
    machine.boot()
    machine.hello()
    machine.say("step_started", "02-memory")
    place.turn()

    place.pass_time(place.settings.silence_seconds + 1)
    place.turn()

    assert place.lab.state(machine.server) == "failed"
    assert "the last step was 02-memory" in entries(machine)[-1]
    assert machine.finish("02-memory").status == 410
    place.turn()
    assert len(entries(machine)) == 1


def test_a_machine_that_falls_silent_while_steps_run_side_by_side_is_failed_with_all_of_them(place: Place) -> None:
    machine = place.machine()
    place.turn()
    machine.boot()
    machine.hello()
    for step in ("03-disk", "04-lldp"):
        machine.say("step_started", step)
    machine.say("heartbeat", "04-lldp")
    place.turn()
    place.pass_time(place.settings.silence_seconds + 1)
    place.turn()

    assert "the last steps were 03-disk, 04-lldp" in entries(machine)[-1]
    assert place.result(machine)["step"] == "03-disk, 04-lldp"


def test_silence_while_no_receiver_listened_is_nobodys_fault(place: Place) -> None:
    machine = place.machine()
    place.turn()
    machine.boot()
    machine.hello()

    place.clock.now += 300
    place.worker.turn()
    place.start()
    place.worker.turn()
    assert place.lab.state(machine.server) == "discovered"
    place.pass_time(place.settings.silence_seconds + 1)
    place.worker.turn()

    assert place.lab.state(machine.server) == "failed"


def test_a_step_that_heartbeats_beyond_its_budget_is_failed_by_the_server(place: Place) -> None:
    machine = place.machine()
    place.turn()
    machine.boot()
    machine.hello()
    machine.say("step_started", "01-init")
    for _beat in range(20):
        place.pass_time(10)
        machine.say("heartbeat", "01-init")
        place.worker.turn()

    assert "01-init began" in place.result(machine)["reasons"][0]


def test_a_machine_that_was_given_the_image_and_never_reports_is_failed(place: Place) -> None:
    machine = place.machine()
    place.turn()
    machine.boot()

    place.pass_time(place.settings.boot_seconds + 1)
    place.turn()

    assert "was not heard" in place.result(machine)["reasons"][0]


FORGERIES: dict[str, Callable[[Machine, Asked], Asked]] = {
    "replayed": lambda machine, _good: machine.asked("POST", machine.events_path, 1, machine.message("heartbeat")),
    "of another machine": lambda machine, good: replace(
        good, signature=Machine(machine.place, machine.server, "x", "x", bytes(32), machine.run).asked(
            "POST", good.path, int(good.sequence), good.body).signature),
    "expired": lambda _machine, good: good,
    "wrong signature": lambda _machine, good: replace(good, signature="0" * 64),
    "out of order": lambda machine, _good: machine.asked(
        "POST", machine.events_path, machine.sequence + 2, machine.message("heartbeat", sequence=machine.sequence + 2)),
    "another body": lambda _machine, good: replace(good, body=good.body.replace(b"finished", b"heartbeat")),
    "oversized": lambda machine, _good: machine.asked(
        "POST", machine.events_path, machine.sequence + 1, bytes(MAX_BODY_BYTES + 1)),
    "after the verdict": lambda _machine, good: good,
}  # fmt: skip
STATUSES = (409, 401, 410, 401, 409, 401, 413, 410)


@pytest.mark.parametrize(("forgery", "status"), [*zip(FORGERIES, STATUSES, strict=True)], ids=list(FORGERIES))
def test_a_forged_callback_is_refused_and_changes_nothing(place: Place, forgery: str, status: int) -> None:
    machine = place.machine()
    place.turn()
    assert not machine.boot(serial="ANOTHER")
    machine.boot()
    machine.hello()
    machine.say("step_started", "01-init")
    if forgery == "after the verdict":
        machine.report()
    place.turn()
    if forgery == "expired":
        place.clock.now += 100_000
    good = machine.asked("POST", machine.events_path, machine.sequence + 1, machine.message("finished"))
    before = (place.lab.everything(machine.server), place.state.run(machine.run), place.spool.stats().rows)

    answer = place.send(FORGERIES[forgery](machine, good))

    assert answer.status == status
    if forgery != "expired":
        place.turn()
    assert (place.lab.everything(machine.server), place.state.run(machine.run), place.spool.stats().rows) == before


def test_a_message_that_comes_twice_is_answered_the_same_and_is_one_result(place: Place) -> None:
    machine = place.machine()
    place.turn()
    machine.boot()
    machine.hello()
    for step in STEPS:
        machine.finish(step)
    sent = machine.asked("POST", machine.events_path, machine.sequence + 1, machine.message("finished"))

    answers = [place.send(sent) for _time in range(3)]
    place.turn()
    answers.append(place.send(sent))
    place.turn()

    assert {(answer.status, answer.body["then"]) for answer in answers} == {(202, "poweroff")}
    assert len(entries(machine)) == 4


@pytest.mark.parametrize("killed_at", range(8))
def test_a_receiver_and_a_worker_that_are_killed_between_any_two_messages_leave_each_result_once(
    place: Place, killed_at: int
) -> None:
    machine = place.machine()
    place.turn()
    machine.boot()
    steps: list[Callable[[], Any]] = [machine.hello]
    for name in STEPS:
        steps += [partial(machine.say, "step_started", name), partial(machine.finish, name)]
    steps.append(partial(machine.say, "finished"))
    for number, step in enumerate(steps):
        if number == killed_at:
            # The row is in the spool, and the answer is lost with the process: the sequence did not go on.
            killed = mock.patch.object(place.receiver.state, "advance", side_effect=KeyboardInterrupt)
            with killed, pytest.raises(KeyboardInterrupt):
                step()
            place.worker.turn()
            place.start()
            place.pass_time(60)
        assert step().status == 202
        if number % 3 == 0:
            place.worker.turn()
    place.turn(2)

    assert place.lab.state(machine.server) == "staged"
    assert sorted(text.partition(":")[0].partition(" (")[0] for text in entries(machine)) == [
        *(f"Validation {step}" for step in STEPS),
        "discovered → staged",
    ]


def test_posts_in_any_order_and_twice_end_the_same(place: Place) -> None:
    machine = place.machine()
    place.turn()
    machine.validate()
    rows = [row.item for row in place.spool.peek(100)]
    place.spool.acknowledge(place.spool.lease(100, 60, "test"), "test")
    shuffled = random.Random(7).sample([*rows, *rows], 2 * len(rows))

    for item in shuffled:
        place.spool.offer(item)
        place.worker.turn()

    assert place.lab.state(machine.server) == "staged"
    assert len(entries(machine)) == 4


def test_results_wait_while_netbox_is_away_and_arrive_once(fake: FakeNetBox, make_place: MakePlace) -> None:
    place = make_place(_lab(fake))
    machine = place.machine()
    place.turn()
    machine.boot()
    machine.hello()
    fake.faults.append(lambda _request: Reply(503))
    machine.report()
    for _turn in range(3):
        with pytest.raises(NetBoxError):
            place.turn()
    fake.faults.clear()
    place.turn()

    assert place.lab.state(machine.server) == "staged"
    assert len(entries(machine)) == 4


@pytest.mark.parametrize("lost", range(1, 9))
def test_an_answer_of_netbox_that_is_lost_at_any_write_leaves_one_entry_each(
    fake: FakeNetBox, make_place: MakePlace, lost: int
) -> None:
    place = make_place(_lab(fake))
    machine = place.machine()
    place.turn()
    machine.validate()
    writes = {"left": lost}

    def lose(request: Any) -> Reply | None:
        if not request.writes:
            return None
        writes["left"] -= 1
        if writes["left"]:
            return None
        fake.faults.remove(lose)
        fake.answer(request)
        return Reply(502)

    fake.faults.append(lose)
    for _turn in range(4):
        try:
            place.turn()
        except NetBoxError:
            continue

    assert place.lab.state(machine.server) == "staged"
    assert len(entries(machine)) == 4


def test_requests_per_server_fall_with_the_number_of_servers(fake: FakeNetBox, make_place: MakePlace) -> None:
    place = make_place(_lab(fake))

    def requests_for(count: int) -> float:
        machines = [place.machine() for _number in range(count)]
        place.turn()
        for machine in machines:
            machine.validate()
        before = len(fake.requests)
        place.worker.turn()
        assert {place.lab.state(machine.server) for machine in machines} == {"staged"}
        return (len(fake.requests) - before - count) / count

    assert requests_for(20) < requests_for(1) / 5


def test_a_part_that_netbox_has_and_the_server_lacks_fails_it(place: Place) -> None:
    machine = place.machine()
    place.lab.add("dcim/inventory-items", device=machine.server.id, name="DIMM A1", serial="M-1")
    place.lab.add("dcim/inventory-items", device=machine.server.id, name="DIMM A2", serial="M-2")
    machine.modules = [{"name": "A1", "serial": "M-1"}]
    place.turn()
    machine.validate()
    place.turn()

    assert place.lab.state(machine.server) == "failed"
    assert "DIMM A2: the part with the serial number M-2 that NetBox has is missing" in entries(machine)[0]


def test_a_part_that_tells_the_image_no_serial_number_fails_no_server_and_the_journal_says_so(place: Place) -> None:
    machine = place.machine()
    roles = {
        name: place.lab.add("dcim/inventory-item-roles", name=f"{place.lab.tag} {name}", slug=f"{place.lab.tag}-{slug}")
        for name, slug in (("Power supply", "power-supply"), ("RAM", "ram"))
    }
    for number, name in enumerate(roles):
        place.lab.add(
            "dcim/inventory-items",
            device=machine.server.id,
            name=f"{name} 1",
            serial=f"P-{number}",
            role=roles[name]["id"],
        )
    place.turn()
    machine.validate()
    place.turn()

    assert place.lab.state(machine.server) == "failed"
    assert place.result(machine)["reasons"] == [
        "01-init: RAM 1: the part with the serial number P-1 that NetBox has is missing"
    ]
    assert f"tell the image their serial numbers: Power supply 1 ({place.lab.tag}-power-supply)" in entries(machine)[0]


def _switch(place: Place) -> tuple[str, int]:
    switch = place.lab.server("active")
    return switch.name, place.lab.port(switch.id, "Ethernet1/7")


def _heard(switch: str, port: str, mac: str) -> dict[str, str]:
    return {"interface": "eth0", "mac": mac, "chassis_name": switch, "port_id": port, "port_description": ""}


def _cables(place: Place, switch_port: int) -> Any:
    return place.lab.get("dcim/interfaces", switch_port)["cable"]


@pytest.mark.parametrize("writes", [False, True], ids=["proposed", "created"])
def test_a_cable_that_netbox_lacks_is_proposed_and_created_only_where_that_is_wanted(
    lab: Lab, make_place: MakePlace, *, writes: bool
) -> None:
    place = make_place(lab, write_cables=writes)
    switch, port = _switch(place)
    machine = place.machine()
    machine.neighbours = [_heard(switch, "Eth1/7", machine.mac)]
    place.turn()
    machine.validate()
    place.turn()

    assert place.lab.state(machine.server) == "staged"
    assert f"{'created' if writes else 'proposed'}: a cable from eth0 to {switch} Ethernet1/7" in entries(machine)[2]
    assert bool(_cables(place, port)) is writes


def test_a_cable_is_the_port_s_and_not_that_of_the_group_with_the_same_address(lab: Lab, make_place: MakePlace) -> None:
    place = make_place(lab, write_cables=True)
    switch, port = _switch(place)
    machine = place.machine()
    # The group comes first in NetBox's list.
    (first,) = lab.find("dcim/interfaces", device_id=machine.server.id, name="eth0")
    lab.change("dcim/interfaces", first["id"], name="bond0", type="lag")
    lab.port(machine.server.id, "eth0", machine.mac)
    machine.neighbours = [_heard(switch, "Ethernet1/7", machine.mac)]
    place.turn()
    machine.validate()
    place.turn()
    assert _cables(place, port)
    lab.change("dcim/devices", machine.server.id, status="discovered")
    place.turn()
    machine.validate()
    place.turn()

    result = place.result(machine)
    assert (result["run"], result["verdict"]) == (machine.run, "pass")
    (group,) = lab.find("dcim/interfaces", device_id=machine.server.id, name="bond0")
    assert group["cable"] is None


def test_a_cable_that_contradicts_netbox_is_journaled_and_never_overwritten(lab: Lab, make_place: MakePlace) -> None:
    place = make_place(lab, write_cables=True)
    switch, port = _switch(place)
    other = place.machine("active")
    (eth0,) = lab.find("dcim/interfaces", device_id=other.server.id, name="eth0")
    ends = {"object_type": "dcim.interface"}
    if lab.version >= (3, 3):
        a, b = [{**ends, "object_id": eth0["id"]}], [{**ends, "object_id": port}]
        lab.add("dcim/cables", a_terminations=a, b_terminations=b)
    else:
        kind = "dcim.interface"
        a_end = {"termination_a_type": kind, "termination_a_id": eth0["id"]}
        lab.add("dcim/cables", **a_end, termination_b_type=kind, termination_b_id=port)
    cable = _cables(place, port)
    machine = place.machine()
    machine.neighbours = [_heard(switch, "Ethernet1/7", machine.mac)]
    place.turn()
    machine.validate()
    place.turn()

    assert f"which NetBox says is cabled to {other.server.name} eth0" in entries(machine)[2]
    assert _cables(place, port)["id"] == cable["id"]


def test_nothing_is_offered_where_netbox_lacks_the_result_field_or_the_serial_number(
    fake: FakeNetBox, tmp_path: Path, make_place: MakePlace
) -> None:
    bare = Place(_lab(fake), tmp_path)
    machine = bare.machine()
    bare.turn()
    assert not machine.boot()
    assert "run netbox_bootstrap" in bare.lines[-1]
    bare.close()

    place = make_place(_lab(fake))
    nameless = place.lab.server("discovered")
    place.lab.port(nameless.id, "eth0", place.lab.new_mac())
    place.turn()
    assert any(nameless.name in line and "no serial number" in line for line in place.lines)


def test_files_for_grub_are_there_for_admitted_machines_alone_and_each_boot_has_a_new_token(
    fake: FakeNetBox, make_place: MakePlace, tmp_path: Path
) -> None:
    tftp = tmp_path / "tftp"
    tftp.mkdir()
    place = make_place(_lab(fake), tftp_directory=str(tftp))
    machine = place.machine()
    place.turn(2)
    (path,) = tftp.glob("grub.cfg-01-*")
    assert path.name == f"grub.cfg-01-{machine.mac.lower().replace(':', '-')}"
    first = path.read_text(encoding="ascii")

    assert machine.take(first)
    assert machine.hello().status == 202
    place.turn()
    assert not list(tftp.glob("grub.cfg-01-*"))
    machine.report(s02={"outcome": "killed"})
    place.turn()
    place.lab.change("dcim/devices", machine.server.id, status="discovered")
    place.turn()

    assert next(tftp.glob("grub.cfg-01-*")).read_text(encoding="ascii") != first


def test_pieces_of_logs_can_be_read_during_the_run_and_a_bomb_is_cut(place: Place) -> None:
    machine = place.machine()
    place.turn()
    machine.boot()
    machine.hello()
    machine.log("02-memory", 0, "first\n")
    machine.log("02-memory", 1, "second\n")

    assert b"".join(place.logs.read(machine.run, "02-memory") or ()) == b"first\nsecond\n"
    place.logs.write(machine.run, "03-disk", 0, gzip.compress(bytes(100 * 1024 * 1024)))
    assert sum(map(len, place.logs.read(machine.run, "03-disk") or ())) == 64 * 1024 * 1024


def _slow(rate: float) -> dict[str, Any]:
    values = {"memory_tested_mib": 64.0, "memory_errors": 0.0, "memory_rate_mib_s": rate}
    taken = [{"name": name, "value": value, "component": "node0"} for name, value in values.items()]
    checks = ("machine_checks_corrected", "machine_checks_uncorrected")
    return {"s02": {"measurements": [*taken, *({"name": name, "value": 0.0} for name in checks)]}}


@pytest.mark.parametrize(("siblings", "verdict"), [(8, "fail"), (7, "pass")])
def test_a_server_far_slower_than_eight_siblings_fails_and_with_fewer_the_report_says_that_none_were_compared(
    fake: FakeNetBox, make_place: MakePlace, siblings: int, verdict: str
) -> None:
    place = make_place(_lab(fake))
    others = [place.machine() for _number in range(siblings)]
    late = place.machine()
    place.turn()
    for number, machine in enumerate(others):
        machine.validate(**_slow(900.0 + number))
    place.turn()
    # As after a restart: what is compared with outlives the worker.
    place.start()
    late.validate(**_slow(400.0))
    place.turn()

    assert {place.lab.state(machine.server) for machine in others} == {"staged"}
    result = place.result(late)
    assert (result["verdict"], place.lab.state(late.server)) == (verdict, "failed" if verdict == "fail" else "staged")
    if verdict == "fail":
        assert any("memory_rate_mib_s" in reason and "siblings" in reason for reason in result["reasons"]), result
        assert result["siblings"].startswith("compared with 8 siblings")
    else:
        assert result["siblings"].startswith("compared with no siblings: 7 of the same type")
        assert "compared with no siblings: 7" in entries(late)[-1]


@pytest.mark.parametrize("siblings", [8, 6])
def test_the_entry_of_a_step_says_that_it_was_not_compared_yet_and_that_of_the_verdict_names_the_step_that_differs(
    make_place: MakePlace, lab: Lab, siblings: int
) -> None:
    place = make_place(lab)
    others = [place.machine() for _number in range(siblings)]
    late, together, lost = place.machine(), place.machine(), place.machine()
    place.turn()
    for machine in others:
        machine.validate(**_slow(900.0))
    place.turn()
    for machine in (late, lost):
        machine.boot()
        machine.hello()
        for step in STEPS[:2]:
            machine.finish(step, **(_slow(400.0)["s02"] if step == "02-memory" else {}))
            place.turn()
    late.finish(STEPS[2])
    late.say("finished")
    together.validate(**_slow(400.0))
    place.turn()
    place.pass_time(place.settings.silence_seconds + 1)
    place.turn()

    of_late, of_all, of_lost = ([text.splitlines()[0] for text in entries(each)] for each in (late, together, lost))
    for heads in (of_late, of_lost):
        assert [head.partition(" (")[0] for head in heads[:2]] == [f"Validation {step}: **pass**" for step in STEPS[:2]]
        assert [head.endswith("), not compared with siblings yet.") for head in heads[:2]] == [False, True]
    verdict = entries(late)[-1]
    if siblings == 8:
        assert of_all[1].startswith("Validation 02-memory: **fail** (")
        assert "02-memory fail" in verdict
        assert "memory_rate_mib_s differs from the siblings: 400" in verdict
        assert place.result(late)["steps"]["02-memory"] == "fail"
    else:
        assert of_all[1].startswith("Validation 02-memory: **pass** (")
        assert "compared with no siblings: " in verdict
    assert not any("not compared with siblings yet" in head for head in of_all)
    assert place.lab.state(lost.server) == "failed"


def test_a_server_that_is_built_otherwise_is_no_sibling_and_one_that_failed_sets_no_measure(
    fake: FakeNetBox, make_place: MakePlace
) -> None:
    place = make_place(_lab(fake))
    others = [place.machine() for _number in range(9)]
    others[0].modules = [{"name": "A1", "serial": "M", "size_mib": 640}]
    late = place.machine()
    place.turn()
    for machine in others[:8]:
        machine.validate(**_slow(900.0))
    others[8].validate(**{**_slow(900.0), "s01": {"outcome": "crashed", "reason": "it ended"}})
    place.turn()
    late.validate(**_slow(400.0))
    place.turn()

    assert place.result(late)["siblings"].startswith("compared with no siblings: 7 of the same type")


def test_the_store_keeps_no_token(place: Place) -> None:
    machine = place.machine()
    place.turn()
    machine.validate()

    for path in place.directory.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert machine.token not in content
            assert machine.token.hex().encode() not in content


def _lab(fake: FakeNetBox) -> Lab:
    return Lab(fake.url, TOKEN)
