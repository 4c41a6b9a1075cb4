# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from virtual_rack.clock import Clock
from virtual_rack.entities.fields import Entity
from virtual_rack.head_node import HeadNode
from virtual_rack.in_process import Bench
from virtual_rack.power.driver import BmcAccess, BmcAction, BmcAnswer
from virtual_rack.power.operations import PowerOperation


@pytest.fixture
def session(bench: Bench) -> str:
    return str(bench.call("cmsession", "registerSession", 6))


def results(bench: Bench, session: str) -> list[Entity]:
    """Take the power results that wait in a session."""
    events = bench.call("cmsession", "waitForEvents", session, 0)
    return [status for e in events if e["childType"] == "PowerStatusChangedEvent" for status in e["status"]]


def machine(bench: Bench, name: str) -> Any:
    return bench.head.machines.named(name)


def test_an_operation_is_accepted_at_once_and_its_result_comes_by_event_and_history(bench: Bench, session: str) -> None:
    bench.register("node1")
    answer = bench.power("node1", "ON")
    assert answer == {"count": 1, "index": 1}
    assert results(bench, session) == []
    assert not machine(bench, "node1").power
    bench.step(3)
    (status,) = results(bench, session)
    uuid = bench.device("node1")["uuid"]
    assert (status["state"], status["device"], status["indexes"]) == ("ON", uuid, [1])
    assert (status["host"], status["name"], status["msg"]) == ("node1", "ipmi0", "")
    (entry,) = bench.call("cmdevice", "powerOperationHistory", [uuid], False)
    assert (entry["operation"], entry["success"]) == ("ON", True)
    assert entry["executionTime"] > 1_000_000_000_000


@pytest.mark.parametrize(("power", "state"), [(True, "ON"), (False, "OFF")])
def test_status_tells_the_power_and_changes_nothing(bench: Bench, session: str, power: bool, state: str) -> None:
    bench.register("node1")
    bench.head.press_power(machine(bench, "node1"), power=power)
    bench.power("node1", "STATUS")
    bench.step(3)
    assert [status["state"] for status in results(bench, session)] == [state]
    assert bench.call("cmdevice", "powerOperationHistory", [], False) == []
    assert machine(bench, "node1").power_operations == 0


def test_wrong_bmc_credentials_fail_later_with_a_message_and_a_history_entry(bench: Bench, session: str) -> None:
    bench.register("node1")
    settings = bench.device("node1")["bmcSettings"]
    bench.update("node1", bmcSettings={**settings, "password": "wrong"})
    assert bench.power("node1", "ON")["count"] == 1
    bench.step(3)
    (status,) = results(bench, session)
    assert status["state"] == "FAILED"
    assert "refused user name or password" in status["msg"]
    assert "wrong" not in status["msg"]
    (entry,) = bench.call("cmdevice", "powerOperationHistory", [bench.device("node1")["uuid"]], True)
    assert not entry["success"]
    assert entry["message"] == status["msg"]
    assert not machine(bench, "node1").power


@pytest.mark.parametrize("owner", ["Category", "Partition"])
def test_credentials_are_looked_up_at_the_node_then_its_category_then_its_partition(
    bench: Bench, session: str, owner: str
) -> None:
    bench.register("node1", bmcSettings=None)
    stored = bench.head.database.all(owner)[0]
    settings = {"baseType": "BMCSettings", "uuid": "7f0cf8a6-6a62-4b0c-bb41-6a4f2b7a4f11", "userName": "bmcadmin"}
    service = "cmdevice" if owner == "Category" else "cmpart"
    sent = {**stored, "bmcSettings": {**settings, "password": "bmc-secret"}}
    assert bench.call(service, f"update{owner}", sent, 0)["success"]
    bench.power("node1", "ON")
    bench.step(3)
    assert [status["state"] for status in results(bench, session)] == ["ON"]


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"bmcSettings": None}, "No BMC user name is set"),
        ({"powerControl": "rf0"}, "No BMC interface rf0"),
    ],
)
def test_a_device_whose_bmc_is_not_described_fails_later(
    bench: Bench, session: str, fields: dict[str, Any], text: str
) -> None:
    bench.register("node1", **fields)
    bench.power("node1", "ON")
    bench.step(3)
    assert [(status["state"], status["msg"]) for status in results(bench, session)] == [("FAILED", text)]


def test_nobody_behind_the_address_is_a_failure(bench: Bench, session: str) -> None:
    body = bench.new_device("node1")
    body["interfaces"][1]["ip"] = "10.148.9.9"
    bench.call("cmdevice", "addDevice", body, 0)
    bench.power("node1", "ON")
    bench.step(3)
    assert "10.148.9.9" in results(bench, session)[0]["msg"]


def test_power_reaches_the_machine_behind_the_bmc_and_not_the_one_with_the_mac(bench: Bench) -> None:
    bench.register("node1", mac="02:00:00:00:00:02")
    bench.power("node1", "ON")
    bench.step(3)
    assert (machine(bench, "node1").power, machine(bench, "node1").power_operations) == (True, 1)
    assert (machine(bench, "node2").power, machine(bench, "node2").power_operations) == (False, 0)


def test_a_driver_may_answer_later(rack: Any) -> None:
    waiting: list[Callable[[BmcAnswer], None]] = []

    class SlowDriver:
        def perform(self, access: BmcAccess, action: BmcAction, *, answer: Callable[[BmcAnswer], None]) -> None:
            assert (access.address, action) == ("10.148.0.1", BmcAction.ON)
            waiting.append(answer)

    head = HeadNode(rack, clock=Clock(), driver=SlowDriver())
    head.fill()
    bench = Bench(rack)
    body = bench.new_device("node1")
    head.commits.add("Device", body)
    heard: list[Entity] = []
    head.power.on_result = heard.append
    head.power.start(PowerOperation("ON", (body["uuid"],)))
    head.clock.advance(60)
    assert heard == []
    waiting[0](BmcAnswer(is_on=True))
    assert [status["state"] for status in heard] == ["ON"]


def test_nothing_is_started_for_unknown_devices_and_those_without_power_control(bench: Bench) -> None:
    bench.register("node1", powerControl="none")
    assert bench.power("node1", "ON")["count"] == 0
    asked = {"operation": "ON", "devices": ["11111111-2222-4333-8444-555555555555"]}
    assert bench.call("cmdevice", "powerOperation", asked)["count"] == 0


def test_there_is_no_cycle(bench: Bench) -> None:
    bench.register("node1")
    answer = bench.power("node1", "CYCLE")
    assert (answer["success"], answer["count"]) == (False, 0)
    assert answer["validation"][0]["field"] == "operation"


def test_a_closed_device_is_powered_only_by_force(bench: Bench, session: str) -> None:
    bench.register("node1")
    bench.call("cmstatus", "close", [bench.device("node1")["uuid"]], "", False)
    bench.power("node1", "ON")
    bench.step(3)
    assert [status["state"] for status in results(bench, session)] == ["SKIPPED"]
    bench.power("node1", "ON", force=True)
    bench.step(3)
    assert [status["state"] for status in results(bench, session)] == ["ON"]


def test_with_a_reset_delay_a_reset_is_off_a_wait_and_on(bench: Bench, session: str) -> None:
    bench.register("node1")
    bench.update("node1", bmcSettings={**bench.device("node1")["bmcSettings"], "powerResetDelay": 20})
    bench.head.press_power(machine(bench, "node1"), power=True)
    bench.power("node1", "RESET")
    bench.step(10)
    assert not machine(bench, "node1").power
    bench.step(13)
    assert machine(bench, "node1").power
    assert [status["state"] for status in results(bench, session)] == ["RESET"]


def test_a_reset_of_a_machine_without_power_fails(bench: Bench, session: str) -> None:
    bench.register("node1")
    bench.power("node1", "RESET")
    bench.step(3)
    assert [status["state"] for status in results(bench, session)] == ["FAILED"]


def test_a_delay_stands_between_devices(bench: Bench) -> None:
    bench.register("node1", "node2")
    uuids = [bench.device(name)["uuid"] for name in ("node1", "node2")]
    assert bench.call("cmdevice", "powerOperation", {"operation": "ON", "devices": uuids, "delay": 5000})["count"] == 2
    bench.step(3)
    assert (machine(bench, "node1").power, machine(bench, "node2").power) == (True, False)
    bench.step(5)
    assert machine(bench, "node2").power


def test_every_device_of_a_batch_is_one_delay_behind_the_one_before_also_closed_ones_by_force(bench: Bench) -> None:
    names = ("node1", "node2", "node3")
    bench.register(*names)
    uuids = [bench.device(name)["uuid"] for name in names]
    bench.call("cmstatus", "close", uuids, "", False)
    asked = {"operation": "ON", "devices": uuids, "delay": 1500, "force": True}
    bench.call("cmdevice", "powerOperation", asked)
    on_after_s = dict.fromkeys(names, 0.0)
    while not all(machine(bench, name).power for name in names):
        bench.step(0.5)
        for name in names:
            on_after_s[name] += 0.0 if machine(bench, name).power else 0.5
    assert list(on_after_s.values()) == [1.5, 3.0, 4.5]


@pytest.mark.parametrize(
    ("fault", "state", "power"),
    [
        ({"kind": "power_fails", "message": "the BMC is on fire"}, "FAILED", False),
        ({"kind": "power_ignored"}, "ON", False),
        ({"kind": "power_slow", "seconds": 1}, "ON", True),
    ],
)
def test_power_faults_do_what_they_say(
    bench: Bench, session: str, fault: dict[str, Any], state: str, power: bool
) -> None:
    bench.register("node1", "node2")
    bench.head.faults.add({**fault, "node": "node1"})
    bench.power("node1", "ON")
    bench.step(4)
    assert [status["state"] for status in results(bench, session)] == [state]
    assert machine(bench, "node1").power == power
    assert machine(bench, "node1").power_operations == 1
    bench.power("node2", "ON")
    bench.step(4)
    assert machine(bench, "node2").power


def test_a_status_tells_that_power_was_ignored(bench: Bench, session: str) -> None:
    bench.register("node1")
    bench.head.faults.add({"kind": "power_ignored", "node": "node1"})
    bench.power("node1", "ON")
    bench.step(4)
    bench.power("node1", "STATUS")
    bench.step(4)
    assert [status["state"] for status in results(bench, session)] == ["ON", "OFF"]


def test_a_failing_operation_is_tried_again_as_often_as_asked(bench: Bench, session: str) -> None:
    bench.register("node1")
    bench.head.faults.add({"kind": "power_fails", "times": 2})
    bench.power("node1", "ON", retryCount=2, retryDelay=1000)
    bench.step(10)
    assert [(status["state"], status["retries"]) for status in results(bench, session)] == [("ON", 2)]


def test_a_rebooted_rack_knows_the_operations_that_were_asked(bench: Bench) -> None:
    bench.register("node1")
    for operation in ("ON", "STATUS", "RESET", "OFF"):
        bench.power("node1", operation)
        bench.step(3)
    assert machine(bench, "node1").power_operations == 3
