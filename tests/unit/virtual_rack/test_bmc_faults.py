# SPDX-License-Identifier: GPL-3.0-or-later
"""Which way to a BMC is taken, what it says, and what faults make of it. No processes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from virtual_rack.bmc.bmcs import act_on_board
from virtual_rack.bmc.chassis import COMMAND
from virtual_rack.clock import Clock, Pacer
from virtual_rack.entities.fields import Entity
from virtual_rack.faults import FaultError, Faults
from virtual_rack.in_process import Bench
from virtual_rack.nodes.machine import Machine
from virtual_rack.power.by_address import PowerByAddress
from virtual_rack.power.driver import BmcAccess, BmcAction, BmcAnswer
from virtual_rack.power.ipmi import IpmiPower, understand
from virtual_rack.rack_file import RackSpec


class Named:
    """A driver that answers with its name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def perform(self, access: BmcAccess, action: BmcAction, *, answer: Callable[[BmcAnswer], None]) -> None:
        answer(BmcAnswer(error=self.name))


@pytest.fixture
def heard(bench: Bench) -> list[Entity]:
    """What power operations came to."""
    results: list[Entity] = []
    bench.head.power.on_result = results.append
    return results


def machine(bench: Bench) -> Machine:
    found = bench.head.machines.named("node1")
    assert found is not None
    return found


def power(bench: Bench, operation: str) -> None:
    bench.power("node1", operation)
    bench.step(3)


@pytest.mark.parametrize(("address", "name"), [("127.0.20.1", "network"), ("10.148.0.1", "direct")])
def test_the_address_of_the_bmc_decides_the_way(address: str, name: str) -> None:
    driver = PowerByAddress(direct=Named("direct"), network=Named("network"), on_network=lambda a: a == "127.0.20.1")
    answers: list[BmcAnswer] = []
    driver.perform(BmcAccess(address, "u", "p"), BmcAction.ON, answer=answers.append)
    assert [answer.error for answer in answers] == [name]


@pytest.mark.parametrize(
    ("said", "status", "action", "answer"),
    [
        ("Chassis Power is on\n", 0, BmcAction.STATUS, BmcAnswer(is_on=True)),
        ("Chassis Power is off\n", 0, BmcAction.STATUS, BmcAnswer(is_on=False)),
        ("Chassis Power Control: Up/On\n", 0, BmcAction.ON, BmcAnswer(is_on=True)),
        ("Chassis Power Control: Down/Off\n", 0, BmcAction.OFF, BmcAnswer(is_on=False)),
        ("> RAKP 2 HMAC is invalid\nError: Unable to establish", 1, BmcAction.ON, "refused user name or password"),
        ("RAKP 2 message indicates an error : unauthorized name\n", 1, BmcAction.ON, "refused user name or password"),
        ("Error: Unable to establish IPMI v2 / RMCP+ session\n", 1, BmcAction.ON, "No response from BMC"),
        ("Set Chassis Power Control to Reset failed: Unspecified\n", 1, BmcAction.RESET, "Reset is not possible"),
        ("\nSomething else\n", 1, BmcAction.ON, "Something else"),
        ("", -9, BmcAction.ON, "ended with -9"),
    ],
)
def test_what_ipmitool_says_is_understood(said: str, status: int, action: BmcAction, answer: BmcAnswer | str) -> None:
    understood = understand(said, action, address="127.0.20.1", status=status)
    if isinstance(answer, str):
        assert answer in understood.error
    else:
        assert understood == answer


@pytest.mark.parametrize("kind", ["bmc_away", "bmc_silent", "bmc_hangs"])
def test_a_direct_bmc_can_be_unreachable(bench: Bench, heard: list[Entity], kind: str) -> None:
    bench.register("node1")
    fault = bench.head.faults.add({"kind": kind, "node": "node1"})
    power(bench, "ON")
    bench.head.faults.remove(fault.number)
    power(bench, "ON")
    assert [(s["state"], s["msg"]) for s in heard] == [("FAILED", "No response from BMC 10.148.0.1"), ("ON", "")]


def test_a_direct_bmc_can_refuse_and_counts_who_logs_in(bench: Bench, heard: list[Entity]) -> None:
    bench.register("node1")
    bench.head.faults.add({"kind": "bmc_refuses_credentials"})
    power(bench, "ON")
    bench.head.faults.clear()
    power(bench, "STATUS")
    assert [status["state"] for status in heard] == ["FAILED", "OFF"]
    logins = bench.head.direct_power.logins_at("10.148.0.1")
    assert (logins.total, logins.refused, dict(logins.users)) == (2, 1, {"bmcadmin": 2})


def test_a_direct_bmc_can_accept_and_do_nothing(bench: Bench, heard: list[Entity]) -> None:
    bench.register("node1")
    bench.head.faults.add({"kind": "bmc_accepts_and_ignores", "times": 1})
    power(bench, "ON")
    assert (heard[0]["state"], machine(bench).power) == ("ON", False)
    power(bench, "STATUS")
    assert heard[1]["state"] == "OFF"
    power(bench, "ON")
    assert machine(bench).power


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"kind": "bmc_drops"}, "bmc_drops: every is required"),
        ({"kind": "bmc_drops", "every": 1}, "bmc_drops: every: expected a number from 2 on"),
        ({"kind": "bmc_slow", "seconds": "x"}, "bmc_slow: seconds: expected a number"),
        ({"kind": "bmc_silent", "times": 1}, "bmc_silent: it lasts, times cannot be given"),
    ],
)
def test_a_bmc_fault_that_cannot_be_is_refused(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(FaultError) as caught:
        Faults().add(spec)
    assert str(caught.value).startswith(message)


def test_what_the_head_node_asks_by_ipmi_is_given_up_when_it_ends() -> None:
    async def scene() -> list[BmcAnswer]:
        answers: list[BmcAnswer] = []
        power = IpmiPower(pacer=Pacer(Clock(), speed=1), port=lambda: 0, timeout_s=1)
        power.perform(BmcAccess("127.0.20.1", "u", "p"), BmcAction.ON, answer=answers.append)
        power.give_up()
        await power.stop()
        return answers

    assert asyncio.run(scene()) == []


def test_whoever_depends_on_faults_is_told_of_changes() -> None:
    faults, told = Faults(), [0]

    def count() -> None:
        told[0] += 1

    faults.listen(count)
    number = faults.add({"kind": "bmc_away"}).number
    faults.remove(number)
    faults.clear()
    assert told[0] == 3


def test_a_bmc_acts_on_its_machine(bench: Bench) -> None:
    head, node = bench.head, machine(bench)
    assert not act_on_board(head, node, "reset", "1")
    assert act_on_board(head, node, "power", "1")
    assert [m.power for m in head.machines.all] == [True, False, False, False]
    lives = node.life
    assert act_on_board(head, node, "reset", "1")
    assert node.life > lives
    assert act_on_board(head, node, "shutdown", "1")
    bench.step(11)
    assert not any(m.power for m in head.machines.all)
    assert act_on_board(head, node, "shutdown", "1")
    assert act_on_board(head, node, "identify", "15 0")
    head.press_power(node, power=True)
    head.faults.add({"kind": "soft_off_ignored", "node": "node1", "times": 1})
    assert act_on_board(head, node, "shutdown", "1")
    bench.step(60)
    assert [machine.power for machine in head.machines.all if machine is node] == [True]
    assert act_on_board(head, node, "power", "0")
    assert not any(m.power for m in head.machines.all)
    assert not act_on_board(head, node, "boot", "floppy")
    assert not act_on_board(head, node, "nonsense", "1")


@pytest.mark.parametrize(
    ("device", "boots", "status"), [("pxe", 2, "UP"), ("default", 1, "UP"), ("cdrom", 1, "DOWN"), ("none", 2, "UP")]
)
def test_the_boot_device_holds_for_one_boot(bench: Bench, device: str, boots: int, status: str) -> None:
    head, node = bench.head, machine(bench)
    bench.register("node1")
    head.press_power(node, power=True)
    bench.step(600)
    shown: list[str] = []
    head.boots.listen(lambda changed: shown.append(changed.boot_device))
    assert act_on_board(head, node, "boot", device)
    assert act_on_board(head, node, "reset", "1")
    assert shown == [device, "none"]
    bench.step(600)
    assert (node.boots, bench.status("node1")["status"]) == (boots, status)
    assert act_on_board(head, node, "reset", "1")
    bench.step(600)
    assert (node.boots, bench.status("node1")["status"]) == (boots + 1, "UP")


def test_an_empty_disk_does_not_boot(bench: Bench) -> None:
    bench.register("node1")
    node = machine(bench)
    bench.head.boots.set_boot_device(node, "default")
    bench.head.press_power(node, power=True)
    bench.step(600)
    assert (node.boots, node.running) == (0, None)


def test_the_boot_device_outlives_the_program(bench: Bench, rack: RackSpec) -> None:
    bench.head.boots.set_boot_device(machine(bench), "pxe")
    assert machine(Bench(rack, state=bench.head.to_state())).boot_device == "pxe"


def test_the_head_node_can_be_given_another_way(bench: Bench, heard: list[Entity]) -> None:
    bench.register("node1")
    bench.head.power.driver = Named("another")
    power(bench, "ON")
    assert [status["msg"] for status in heard] == ["another"]


def test_the_engine_needs_one_shell_for_a_question() -> None:
    # A path to a program here would be a second process for every status.
    assert COMMAND.startswith(". ")
