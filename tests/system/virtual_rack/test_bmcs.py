# SPDX-License-Identifier: GPL-3.0-or-later
"""BMCs that are real: OpenIPMI's engine, ipmitool and pyghmi as clients, nothing of the rack's own in between."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ansible_collections.baremetal.bcm.tests.system.virtual_rack.served import (
    ServedRack,
    address_of,
    in_parallel,
    is_running,
    served,
    wait_until,
)
from ansible_collections.baremetal.bcm.tests.unit.child_process import started

BMC = address_of(1)
UNABLE = "Error: Unable to establish IPMI v2 / RMCP+ session"


@pytest.fixture(autouse=True)
def _fresh(rack: ServedRack) -> Iterator[None]:
    rack.admin("POST", "/nodes/node001", {"power": "off"})
    yield
    assert rack.admin("GET", "/faults") == []


def test_power_goes_on_and_off_and_the_status_is_the_machines_own(rack: ServedRack) -> None:
    assert rack.power(BMC, "status") == "Chassis Power is off"
    assert rack.power(BMC, "on") == "Chassis Power Control: Up/On"
    assert rack.node()["power"] == "ON"
    assert rack.power(BMC, "status") == "Chassis Power is on"
    rack.admin("POST", "/nodes/node001", {"power": "off"})
    assert rack.power(BMC, "status") == "Chassis Power is off"
    rack.power(BMC, "on")
    rack.power(BMC, "off")
    assert rack.node()["power"] == "OFF"


def test_a_set_acts_within_a_tenth_of_a_second(rack: ServedRack) -> None:
    asked_s, set_s = [], []
    for word, power in (("on", "ON"), ("off", "OFF")) * 3:
        began_s = time.monotonic()
        rack.power(BMC, word)
        # When the BMC has answered, the machine has acted.
        set_s.append(time.monotonic() - began_s)
        assert rack.node()["power"] == power
        began_s = time.monotonic()
        rack.power(BMC, "status")
        asked_s.append(time.monotonic() - began_s)
    # To ask costs ipmitool's start and log-in too.
    assert min(set_s) - min(asked_s) < 0.1


def test_a_cycle_is_off_and_on(rack: ServedRack) -> None:
    rack.power(BMC, "on")
    with ThreadPoolExecutor(1) as pool:
        # It is off for a second, which may be over before a busy computer has ended ipmitool.
        off = pool.submit(wait_until, lambda: rack.node()["power"] == "OFF", "no power in a cycle")
        assert rack.power(BMC, "cycle") == "Chassis Power Control: Cycle"
        off.result()
    wait_until(lambda: rack.node()["power"] == "ON", "power after a cycle")


def test_a_reset_needs_power(rack: ServedRack) -> None:
    assert "failed" in rack.power(BMC, "reset")
    rack.power(BMC, "on")
    assert rack.power(BMC, "reset") == "Chassis Power Control: Reset"
    assert rack.node()["power"] == "ON"


def test_a_soft_shutdown_takes_a_while(rack: ServedRack) -> None:
    rack.power(BMC, "on")
    assert rack.power(BMC, "soft") == "Chassis Power Control: Soft"
    wait_until(lambda: rack.node()["power"] == "OFF", "an operating system that went down")


def test_the_boot_device_holds_for_the_next_boot(rack: ServedRack) -> None:
    assert "Set Boot Device to pxe" in rack.ipmitool(BMC, "chassis", "bootdev", "pxe").stdout
    assert rack.node()["boot_device"] == "pxe"
    assert "Force PXE" in rack.ipmitool(BMC, "chassis", "bootparam", "get", "5").stdout
    rack.power(BMC, "on")
    assert rack.node()["boot_device"] == "none"
    assert "No override" in rack.ipmitool(BMC, "chassis", "bootparam", "get", "5").stdout


def test_wrong_credentials_are_refused_and_counted(rack: ServedRack) -> None:
    before = rack.node("node002")["bmc"]
    address = address_of(2)
    for options in ({"password": "wrong"}, {"username": "nobody"}):
        assert rack.power(address, "on", **options) == UNABLE
    wait_until(
        lambda: rack.node("node002")["bmc"]["refused_logins"] == before["refused_logins"] + 2, "two refused log-ins"
    )
    bmc = rack.node("node002")["bmc"]
    assert bmc["logins"] == before["logins"] + 2
    assert bmc["users"]["nobody"] == 1
    assert rack.node("node002")["power"] == "OFF"
    assert rack.node("node003")["bmc"]["logins"] == 0


def test_pyghmi_reports_the_same_as_ipmitool(rack: ServedRack) -> None:
    before = rack.node()["bmc"]["logins"]
    assert rack.pyghmi([BMC]) == {BMC: "off"}
    assert rack.pyghmi([BMC], "on") == {BMC: "on"}
    assert rack.power(BMC, "status") == "Chassis Power is on"
    # It offers SHA-256 first; that is no log-in yet.
    assert rack.node()["bmc"]["logins"] == before + 3
    assert "Incorrect password" in rack.pyghmi([BMC], password="wrong")[BMC]


def test_a_client_that_tries_again_gets_through_in_spite_of_lost_packets(rack: ServedRack) -> None:
    def insist(word: str) -> str:
        # ipmitool repeats a lost log-in from its beginning, but not all that it asks in a session.
        for _attempt in range(5):
            done = rack.ipmitool(BMC, "-N", "1", "-R", "1", "chassis", "power", word)
            if done.returncode == 0:
                return done.stdout.strip()
        raise AssertionError(done.stderr)

    with rack.fault("bmc_drops", every=10):
        assert [insist(word) for word in ("on", "status", "off", "status")] == [
            "Chassis Power Control: Up/On",
            "Chassis Power is on",
            "Chassis Power Control: Down/Off",
            "Chassis Power is off",
        ]


def test_a_slow_bmc_answers_in_the_end(rack: ServedRack) -> None:
    with rack.fault("bmc_slow", seconds=0.2):
        began_s = time.monotonic()
        assert rack.power(BMC, "status") == "Chassis Power is off"
        assert time.monotonic() - began_s > 1
    assert rack.power(BMC, "status") == "Chassis Power is off"


@pytest.mark.parametrize("kind", ["bmc_silent", "bmc_hangs", "bmc_away"])
def test_nothing_comes_back_while_the_fault_lasts(rack: ServedRack, kind: str) -> None:
    logins = rack.node()["bmc"]["logins"]
    with rack.fault(kind), pytest.raises(subprocess.TimeoutExpired):
        rack.power(BMC, "on", limit_s=5)
    assert rack.node()["power"] == "OFF"
    assert rack.node()["bmc"]["logins"] == logins + (kind == "bmc_hangs")
    assert rack.power(BMC, "on") == "Chassis Power Control: Up/On"


def test_a_bmc_that_is_away_comes_back_by_itself(rack: ServedRack) -> None:
    with rack.fault("bmc_away", seconds=0.5):
        wait_until(lambda: rack.admin("GET", "/faults") == [], "the end of the fault")
        assert rack.power(BMC, "status") == "Chassis Power is off"


def test_a_bmc_can_begin_to_refuse_its_account(rack: ServedRack) -> None:
    restarts = rack.node()["bmc"]["restarts"]
    with rack.fault("bmc_refuses_credentials"):
        assert "RAKP 2 HMAC is invalid" in rack.ipmitool(BMC, "-v", "chassis", "power", "on").stderr
    assert rack.power(BMC, "on") == "Chassis Power Control: Up/On"
    assert rack.node()["bmc"]["restarts"] == restarts


def test_a_bmc_can_accept_and_do_nothing(rack: ServedRack) -> None:
    with rack.fault("bmc_accepts_and_ignores"):
        assert rack.power(BMC, "on") == "Chassis Power Control: Up/On"
        assert rack.power(BMC, "status") == "Chassis Power is off"


def test_an_engine_that_dies_is_started_again(rack: ServedRack) -> None:
    pid, restarts = rack.engine_pid(), rack.node()["bmc"]["restarts"]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: rack.node()["bmc"]["restarts"] > restarts, "another engine")
    wait_until(lambda: rack.node()["bmc"]["problem"] is None, "an engine that answers")
    assert rack.engine_pid() != pid
    assert rack.power(BMC, "on") == "Chassis Power Control: Up/On"
    assert rack.node()["power"] == "ON"


def test_the_head_node_powers_by_ipmi_with_the_account_it_knows(rack: ServedRack) -> None:
    device = rack.register(3)
    logins = rack.node("node003")["bmc"]["logins"]
    assert rack.head_node_power(device, "ON")["state"] == "ON"
    assert rack.head_node_power(device, "STATUS")["state"] == "ON"
    assert rack.head_node_power(device, "RESET")["state"] == "RESET"
    assert rack.head_node_power(device, "OFF")["state"] == "OFF"
    status = rack.head_node_power(device, "RESET")
    assert (status["state"], status["msg"]) == ("FAILED", "Reset is not possible while the power is off")
    assert rack.node("node003")["bmc"]["logins"] == logins + 5
    with rack.fault("bmc_silent", node="node003"):
        status = rack.head_node_power(device, "ON")
    assert (status["state"], status["msg"]) == ("FAILED", f"No response from BMC {address_of(3)}")


def test_a_wrong_password_in_bcm_fails_later_with_message_and_history(rack: ServedRack) -> None:
    device = rack.register(2, password="wrong")
    status = rack.head_node_power(device, "ON")
    message = f"BMC {address_of(2)} refused user name or password"
    assert (status["state"], status["msg"]) == ("FAILED", message)
    (entry,) = rack.call("cmdevice", "powerOperationHistory", [device], True)
    assert (entry["success"], entry["message"]) == (False, message)
    assert rack.node("node002")["power"] == "OFF"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_rack_that_ends_leaves_no_engine(tmp_path: Path, number: signal.Signals) -> None:
    with served(tmp_path, 5) as rack:
        pids = [rack.engine_pid(n) for n in range(1, 6)]
        assert all(is_running(pid) for pid in pids)
        rack.process.send_signal(number)
        rack.process.wait(timeout=20)
        wait_until(lambda: not any(is_running(pid) for pid in pids), "the end of all engines")


def test_a_port_that_is_taken_is_reported_in_one_line(rack: ServedRack) -> None:
    file = rack.directory.parent / "rack.yml"
    command = [sys.executable, "-m", "virtual_rack", "serve", str(file), "--port", "0", "--ipmi-port", str(rack.port)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert done.stderr == f"virtual-rack: BMC {BMC} port {rack.port}: Address already in use\n"


def test_without_the_engine_machines_are_powered_directly(rack: ServedRack, tmp_path: Path) -> None:
    command = [sys.executable, "-u", "-m", "virtual_rack", "serve", str(rack.directory.parent / "rack.yml")]
    environment = {**os.environ, "PATH": str(tmp_path)}
    with started([*command, "--port", "0"], stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _line in range(3)]
        process.terminate()
        said += process.communicate(timeout=20)
    assert "ipmi_sim, setpriv, sh not found (Debian package openipmi): no BMC speaks IPMI" in said[1]
    assert "VIRTUAL_RACK_IPMI_PORT" not in "".join(map(str, said))


def test_two_hundred_bmcs_answer_both_clients(tmp_path: Path) -> None:
    with served(tmp_path, 200) as rack:
        assert in_parallel(lambda n: rack.power(address_of(n), "status"), 200) == ["Chassis Power is off"] * 200
        odd = in_parallel(lambda n: rack.power(address_of(n), "on" if n % 2 else "off"), 200)
        assert set(odd) == {"Chassis Power Control: Up/On", "Chassis Power Control: Down/Off"}
        assert {node["bmc"]["logins"] for node in rack.admin("GET", "/nodes")} == {2}
        expected = {address_of(n): "on" if n % 2 else "off" for n in range(1, 201)}
        assert rack.pyghmi(list(expected)) == expected
        nodes = rack.admin("GET", "/nodes")
        assert {node["bmc"]["address"]: node["power"].lower() for node in nodes} == expected
        # pyghmi gives a BMC half a second to check a login, then it logs in anew.
        assert min(node["bmc"]["logins"] for node in nodes) == 3
        assert {node["bmc"]["restarts"] for node in nodes} == {0}
