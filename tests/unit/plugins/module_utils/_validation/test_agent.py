# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent and the five steps as the image runs them, with recorded tools, beside a receiver on loopback."""

from __future__ import annotations

import gzip
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._validation.agent.log_pieces import PIECE_BYTES, LogPieces
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.judging import judge_run
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.messages import (
    Hello,
    Task,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.profile import Profile, read_profiles
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._validation.machine import (
    TOOLS,
    Machine,
    make_machine,
)
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._validation.receiver import (
    RUN,
    TOKEN,
    Receiver,
    serving,
)
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._validation.runs import profile

STEP_NAMES = ("01-init", "02-memory", "03-disk", "04-lldp", "05-report")


@pytest.fixture(name="machine")
def _machine(tmp_path: Path) -> Machine:
    return make_machine(tmp_path)


def _task(policy: Profile, **fields: Any) -> Task:
    whole = {"heartbeat_seconds": 0.2, "deadline_seconds": 100.0, "lldp_interval_seconds": 1.0, **fields}
    return Task(RUN, policy.to_wire(), **whole)


def _alone(name: str, **step: Any) -> Profile:
    """Return a profile of one step of the site's own."""
    whole = {"budget": 30, "metrics": ["things"], **step}
    return read_profiles({"site.yml": {"name": "site", "steps": {name: whole}}})["site"]


def _run(machine: Machine, receiver: Receiver, code: int = 0) -> str:
    with serving(receiver) as port, machine.agent(port) as process:
        output, _nothing = process.communicate(timeout=110)
    assert process.returncode == code, output
    return output


_THINGS = 'echo \'{"work": 1, "measurements": [{"name": "things", "value": 1}]}\' >"$VALIDATION_RESULT"'


def test_a_healthy_machine_passes_from_hello_to_finished(machine: Machine) -> None:
    policy = profile()
    receiver = Receiver(_task(policy), then="boot_disk")
    output = _run(machine, receiver, code=10)
    verdict = judge_run(policy, receiver.results)
    assert verdict.passed, (verdict.reasons, output, {name: receiver.log(name) for name in STEP_NAMES})
    kinds = receiver.kinds()
    assert kinds[:2] == ["hello", "step_started 01-init"]
    assert kinds[-3:] == ["step_started 05-report", "step_finished 05-report", "finished"]
    assert len([each for each in kinds if each.startswith("step_finished")]) == len(STEP_NAMES)
    hello = receiver.events[0].body
    assert isinstance(hello, Hello)
    assert (hello.serial, hello.macs, hello.firmware) == ("QEMU0001", ("52:54:00:12:34:56",), "bios")
    assert "$ dmidecode" in receiver.log("01-init")
    assert '"testRunArtifact"' in receiver.log("05-report")
    (neighbour,) = receiver.results["04-lldp"].neighbours or ()
    assert (neighbour["chassis_name"], neighbour["port_id"]) == ("leaf-r12-1", "Ethernet1/7")
    assert neighbour["mac"] == "52:54:00:12:34:56"


def test_a_disk_is_written_only_if_the_profile_and_the_task_and_the_disk_allow_it(machine: Machine) -> None:
    policy = profile(disk={"options": {"write": "when_empty"}})
    receiver = Receiver(_task(policy, writable_disks=("D1",)))
    _run(machine, receiver)
    writing = [call for call in machine.calls("fio") if "write" in call.replace("mounted_write", "")]
    # Two measurements, and after each what it wrote is blank again.
    assert ["--zero_buffers" in call for call in writing] == [False, True, False, True]
    assert all(f"--filename={machine.root}/dev/nvme0n1" in call for call in writing)
    reading = [call for call in machine.calls("fio") if call not in writing]
    assert all("--readonly" in call for call in reading)
    verdict = judge_run(policy, receiver.results, writable_disks=["D1"])
    assert verdict.passed, verdict.reasons


def test_a_disk_that_gets_a_signature_after_the_first_write_is_not_written_again(machine: Machine) -> None:
    policy = profile(disk={"options": {"write": "when_empty"}}, init=None, memory=None, lldp=None)
    name = f"wipefs-$(grep -q rw=write {machine.root}/calls && echo ext4 || echo none).json"
    machine.tool("wipefs", f"cat {{recorded}}/{name}")
    receiver = Receiver(_task(policy, writable_disks=("D1",)))
    _run(machine, receiver)
    assert [call for call in machine.calls("fio") if "--rw=write" in call]
    assert not [call for call in machine.calls("fio") if "--rw=randwrite" in call]
    left_out = {(each.metric, each.component): each.reason for each in receiver.results["03-disk"].not_applicable}
    assert left_out["disk_rand_write_iops", "nvme0n1"].endswith("made blank again: it carries a signature: ext4")


@pytest.mark.parametrize("hindrance", ["profile", "task", "signature", "partition", "mounted", "data", "wipefs"])
def test_what_forbids_writing_leaves_the_write_half_out_with_its_reason(machine: Machine, hindrance: str) -> None:
    policy = profile(
        disk={"options": {"write": "never" if hindrance == "profile" else "when_empty"}},
        init=None,
        memory=None,
        lldp=None,
    )
    serials = () if hindrance == "task" else ("D1", "D2")
    if hindrance == "signature":
        machine.tool("wipefs", "cat {recorded}/wipefs-ext4.json")
    elif hindrance == "wipefs":
        machine.tool("wipefs", "exit 1")
    for name in ("nvme0n1", "sda"):
        if hindrance == "partition":
            part = machine.root / "sys/block" / name / f"{name}1"
            part.mkdir()
            (part / "partition").write_text("1\n")
        elif hindrance == "data":
            with (machine.root / "dev" / name).open("r+b") as stream:
                stream.seek(300_000)
                stream.write(b"a raw database")
    if hindrance == "mounted":
        (machine.root / "proc/self/mounts").write_text("/dev/sda / ext4 rw 0 0\n/dev/nvme0n1 /x xfs rw 0 0\n")
    receiver = Receiver(_task(policy, writable_disks=serials))
    _run(machine, receiver)
    assert not [call for call in machine.calls("fio") if "--readonly" not in call]
    left_out = receiver.results["03-disk"].not_applicable
    assert len(left_out) == 4
    assert all(each.reason for each in left_out)


FAULTS = {
    "bad memory": (
        "memtester",
        # As it does where a pipe reads it.
        "f={recorded}/memtester-failure.txt; sed 's/FAILURE: .*//' $f; grep FAILURE $f >&2; exit 4",
        "02-memory: numa0: memtester: 1 failures, the first: 0x01c9535a7d3c2535",
    ),
    "bad memory by exit status": (
        "memtester",
        "cat {recorded}/memtester-ok.txt; exit 4",
        "02-memory: numa0: memtester",
    ),
    "broken block": ("fio", "cat {recorded}/fio-verify-failed.json; exit 1", "03-disk: nvme0n1: fio"),
    "SMART of NVMe": ("nvme", "cat {recorded}/nvme-qemu-warning.json", "03-disk: nvme0n1: SMART"),
    "SMART of SATA": ("smartctl", "cat {recorded}/smartctl-seagate-pending.json", "03-disk: sda: SMART"),
    "uncorrected machine check": ("dmesg", "cat {recorded}/dmesg-uncorrected.txt", "02-memory: bank7"),
}


@pytest.mark.parametrize(("tool", "script", "reason"), FAULTS.values(), ids=FAULTS)
def test_a_fault_fails_the_machine_and_names_the_component(
    machine: Machine, tool: str, script: str, reason: str
) -> None:
    policy = profile()
    machine.tool(tool, script)
    receiver = Receiver(_task(policy))
    _run(machine, receiver)
    verdict = judge_run(policy, receiver.results)
    assert verdict.verdict == "fail"
    assert any(told.startswith(reason) for told in verdict.reasons), verdict.reasons


def test_the_console_tells_who_the_server_is_what_runs_what_came_of_it_and_what_follows(machine: Machine) -> None:
    machine.tool("memtester", FAULTS["bad memory"][1])
    said = _run(machine, Receiver(_task(profile(), name="dgx-05"))).splitlines()

    assert all(line.startswith("validation: ") for line in said), said
    lines = [line.removeprefix("validation: ") for line in said]
    assert lines[0] == "NetBox has this server as dgx-05, serial number QEMU0001"
    assert lines[1] == "5 steps, together at most 100 s: 01-init, 02-memory, 03-disk, 04-lldp, 05-report"
    assert lines[2] == "01-init begins"
    (ended,) = (number for number, line in enumerate(lines) if line.startswith("02-memory: FAIL after "))
    assert lines[ended + 1].startswith("    numa0: memtester: 1 failures")
    assert lines[-2].endswith("Seen from here: FAIL, 02-memory FAIL")
    assert lines[-1].endswith("is in NetBox, in the journal of dgx-05")


def test_the_console_tells_why_the_results_were_not_taken(machine: Machine) -> None:
    refused = Receiver(_task(profile()), status=410, status_for="hello", says={"error": "this is another server"})
    lines = _run(machine, refused, code=1).splitlines()

    assert "validation: the validation server has not taken all results: this is another server" in lines
    assert "readmit the server to try again" in lines[-1]


NOT_RUN: dict[str, tuple[str, str]] = {
    "dmidecode dies": ("dmidecode", "kill -9 $$"),
    "memtester is cut off": ("memtester", "head -c 900 {recorded}/memtester-ok.txt; exit 1"),
    "memtester gets no memory": ("memtester", "echo want 2MB; exit 1"),
    "memtester tests less than it was told": ("memtester", "cat {recorded}/memtester-ok.txt"),
    "a disk can not be opened for SMART": ("smartctl", "cat {recorded}/smartctl-not-opened.json; exit 2"),
    "a disk answers nothing about SMART": ("smartctl", """echo '{"smartctl": {"exit_status": 4}}'; exit 4"""),
    "dmesg is forbidden": ("dmesg", "echo dmesg: read kernel buffer failed >&2; exit 1"),
    "dmesg says nothing": ("dmesg", "true"),
    "fio prints half of its JSON": ("fio", "head -c 500 {recorded}/fio-seq-read.json"),
    "fio does nothing": ("fio", "true"),
    "nobody is heard": ("lldpcli", "cat {recorded}/lldpcli-none.json"),
    "lldpd does not answer": ("lldpcli", "exit 1"),
}


@pytest.mark.parametrize(("tool", "script"), NOT_RUN.values(), ids=NOT_RUN)
def test_a_tool_that_did_not_do_its_work_is_an_error_and_passes_nothing(
    machine: Machine, tool: str, script: str
) -> None:
    policy = profile()
    machine.tool(tool, script)
    receiver = Receiver(_task(policy))
    _run(machine, receiver)
    verdict = judge_run(policy, receiver.results)
    assert (verdict.verdict, verdict.passed) == ("error", False), verdict.reasons


# By driver: the private flag of its firmware's agent, and what lets the kernel hear.
FIRMWARE_AGENTS = {"i40e": ("disable-fw-lldp", "on"), "ice": ("fw-lldp-agent", "off")}
_LLDP = {"init": None, "memory": None, "disk": None}


def _card(machine: Machine, driver: str, flag: str, state: str) -> Path:
    """Give a machine's card a driver, and a private flag that is kept in a file, which is returned."""
    drivers = machine.root / "sys/bus/pci/drivers"
    (drivers / driver).mkdir(parents=True)
    (machine.root / "sys/class/net/eno1/device/driver").symlink_to(drivers / driver)
    kept = machine.root / "flag"
    kept.write_text(state)
    shows = f"printf 'Private flags for eno1:\nlegacy-rx          : off\n%-19s: %s\n' {flag} $(cat {kept})"
    machine.tool("ethtool", f'case $1 in --show-*) {shows};; *) printf %s "$4" >{kept};; esac')
    return kept


@pytest.mark.parametrize(("driver", "flag", "hears"), [(each, *FIRMWARE_AGENTS[each]) for each in FIRMWARE_AGENTS])
def test_a_card_whose_firmware_swallows_lldp_lets_it_through_for_as_long_as_it_is_listened_to(
    machine: Machine, driver: str, flag: str, hears: str
) -> None:
    had = {"on": "off", "off": "on"}[hears]
    kept = _card(machine, driver, flag, had)
    script = f'[ "$(cat {kept})" = {hears} ] && {TOOLS["lldpcli"]} || cat {{recorded}}/lldpcli-none.json'
    machine.tool("lldpcli", script)
    receiver = Receiver(_task(profile(**_LLDP)))
    _run(machine, receiver)

    assert receiver.results["04-lldp"].work == 1, receiver.log("04-lldp")
    assert kept.read_text() == had


def test_a_card_whose_firmware_does_not_listen_is_left_as_it_is(machine: Machine) -> None:
    _card(machine, "i40e", "disable-fw-lldp", "on")
    receiver = Receiver(_task(profile(**_LLDP)))
    _run(machine, receiver)

    assert receiver.results["04-lldp"].work == 1
    assert machine.calls("ethtool") == ["ethtool --show-priv-flags eno1"]


@pytest.mark.parametrize("script", ["exit 1", "printf 'disable-fw-lldp: off\n'; [ $1 = --show-priv-flags ]"])
def test_a_card_that_can_t_be_told_is_listened_to_all_the_same(machine: Machine, script: str) -> None:
    _card(machine, "i40e", "disable-fw-lldp", "off")
    machine.tool("ethtool", script)
    receiver = Receiver(_task(profile(**_LLDP)))
    _run(machine, receiver)

    assert receiver.results["04-lldp"].work == 1
    assert "exit status 1" in receiver.log("04-lldp")


ENDS = {
    "it has no tool": ("true", {"needs": "no-such-tool"}, "tool_missing"),
    "it writes nothing": ("true", {}, "no_data"),
    "it writes half a result": ("echo '{\"work\": 1, ' >$VALIDATION_RESULT", {}, "no_data"),
    "it fails after its result": (f"{_THINGS}; exit 3", {}, "crashed"),
    "it is killed": (f"{_THINGS}; kill -9 $$", {}, "killed"),
    "it takes too long": (f"{_THINGS}; sleep 60", {"budget": "1"}, "timed_out"),
    "it destroys": (_THINGS, {"destructive": "yes"}, "not_applicable"),
    "its header is broken": (_THINGS, {"budget": "soon"}, "crashed"),
    "it works": (_THINGS, {}, "completed"),
}


@pytest.mark.parametrize(("script", "header", "outcome"), ENDS.values(), ids=ENDS)
def test_a_step_of_the_site_has_one_result_however_it_ends(
    machine: Machine, script: str, header: dict[str, str], outcome: str
) -> None:
    policy = _alone("50-site")
    machine.step("50-site", script, **header)
    receiver = Receiver(_task(policy))
    _run(machine, receiver)
    assert receiver.results["50-site"].outcome == outcome
    assert judge_run(policy, receiver.results).passed == (outcome == "completed")


def test_a_step_that_the_image_lacks_has_a_result_too(machine: Machine) -> None:
    receiver = Receiver(_task(_alone("60-absent")))
    _run(machine, receiver)
    assert receiver.results["60-absent"].outcome == "tool_missing"


def test_nothing_that_a_step_started_outlives_its_budget(machine: Machine) -> None:
    child = "setsid sh -c 'echo $$ >pid; exec sleep 300' &"
    machine.step("50-site", f'{child} trap "" TERM; sleep 300', budget="2")
    receiver = Receiver(_task(_alone("50-site")))
    _run(machine, receiver)
    pid = int((machine.work / "50-site/pid").read_text())
    until = time.monotonic() + 5
    while _alive(pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert not _alive(pid)
    assert receiver.results["50-site"].outcome == "timed_out"


def test_a_process_that_a_step_leaves_behind_ends_with_it_also_without_its_environment(machine: Machine) -> None:
    machine.step("50-site", f"env -i sleep 300 >/dev/null 2>&1 & echo $! >pid; {_THINGS}")
    receiver = Receiver(_task(_alone("50-site")))
    _run(machine, receiver)
    assert receiver.results["50-site"].outcome == "completed"
    assert not _alive(int((machine.work / "50-site/pid").read_text()))


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except FileNotFoundError:
        return False


def test_a_step_that_runs_long_is_heard_of_and_its_log_comes_meanwhile(machine: Machine) -> None:
    machine.step("50-site", f"echo begun; sleep 5; {_THINGS}")
    receiver = Receiver(_task(_alone("50-site")))
    seen: list[bool] = []
    receiver.on_event = lambda event: seen.append(("50-site", 0) in receiver.logs and event.kind == "heartbeat")
    _run(machine, receiver)
    assert [event.kind for event in receiver.events].count("heartbeat") >= 3
    assert any(seen)
    assert receiver.log("50-site") == "begun\n"


def test_a_log_without_end_is_cut_and_says_so(machine: Machine) -> None:
    machine.step("50-site", f"head -c 12000000 /dev/urandom; {_THINGS}")
    receiver = Receiver(_task(_alone("50-site")))
    _run(machine, receiver)
    whole = [receiver.logs["50-site", number] for number in range(len(receiver.logs))]
    assert sum(map(len, whole)) <= 8 * 1024 * 1024
    assert receiver.results["50-site"].log_pieces == len(whole)
    assert receiver.results["50-site"].outcome == "completed"


def test_the_token_stays_in_the_agent(machine: Machine) -> None:
    machine.step("50-site", f"env; ls -R ..; cat ../task.json; {_THINGS}")
    receiver = Receiver(_task(_alone("50-site")))
    output = _run(machine, receiver)
    assert "5a5a5a5a" not in output + receiver.log("50-site")


def _three() -> Profile:
    step = {"budget": 30, "metrics": ["things"]}
    steps = dict.fromkeys(("10-one", "20-two", "30-three"), step)
    return read_profiles({"site.yml": {"name": "site", "steps": steps}})["site"]


@pytest.mark.parametrize("step", ["10-one", "20-two", "30-three"])
@pytest.mark.parametrize("way", ["away", "killed", "answers lost", "answers lost, repeats unknown"])
def test_a_receiver_that_is_away_in_a_step_has_each_result_once(machine: Machine, step: str, way: str) -> None:
    receiver = Receiver(_task(_three()), forget_repeats=way.endswith("unknown"))
    for name in ("10-one", "20-two", "30-three"):
        machine.step(name, f"echo {name}; sleep 0.5; {_THINGS}")
    begun = threading.Event()

    def on_event(event: Any) -> None:
        if event.kind == "step_started" and event.step == step:
            if way == "away":
                receiver.away.set()
            elif way.startswith("answers"):
                receiver.lose_answers = 3
            begun.set()

    receiver.on_event = on_event
    server = serving(receiver)
    port = server.__enter__()
    try:
        with machine.agent(port) as process:
            assert begun.wait(60)
            if way == "killed":
                server.__exit__(None, None, None)
                time.sleep(2)
                server = serving(receiver, port)
                server.__enter__()
            time.sleep(2)
            receiver.away.clear()
            output, _nothing = process.communicate(timeout=60)
    finally:
        server.__exit__(None, None, None)
    assert process.returncode == 0, output
    assert sorted(receiver.results) == ["10-one", "20-two", "30-three"]
    assert all(result.outcome == "completed" for result in receiver.results.values())
    assert receiver.kinds().count("finished") == 1
    assert [event.sequence for event in receiver.events] == sorted({event.sequence for event in receiver.events})


@pytest.mark.parametrize("status", [400, 413])
def test_a_result_that_the_receiver_refuses_is_replaced_and_passes_nothing(machine: Machine, status: int) -> None:
    policy = _alone("50-site")
    machine.step("50-site", _THINGS)
    receiver = Receiver(_task(policy), status=status, status_for="step_finished")
    _run(machine, receiver)
    assert receiver.results["50-site"].outcome == "crashed"
    assert not judge_run(policy, receiver.results).passed


def test_a_busy_receiver_is_asked_again(machine: Machine) -> None:
    machine.step("50-site", _THINGS)
    receiver = Receiver(_task(_alone("50-site")), status=503, status_for="step_finished")
    _run(machine, receiver)
    assert receiver.results["50-site"].outcome == "completed"


def test_a_run_that_is_over_for_the_receiver_ends(machine: Machine) -> None:
    machine.step("50-site", _THINGS)
    receiver = Receiver(_task(_alone("50-site")), status=410, status_for="step_started")
    _run(machine, receiver, code=1)
    assert not receiver.results


def test_a_server_that_is_sent_away_boots_its_disk_and_runs_nothing(machine: Machine) -> None:
    machine.step("50-site", _THINGS)
    away = {"error": "it is in use", "then": "boot_disk"}
    receiver = Receiver(_task(_alone("50-site")), status=410, status_for="hello", says=away)
    output = _run(machine, receiver, code=10)
    assert not receiver.results
    assert "nothing is tested: it is in use" in output


def test_a_wrong_token_ends_the_run_without_a_result(machine: Machine) -> None:
    machine.step("50-site", _THINGS)
    receiver = Receiver(_task(_alone("50-site")))
    with serving(receiver) as port, machine.agent(port, token="5b" * 32) as process:
        output, _nothing = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "refuses its signature" in output
    assert not receiver.events


def test_the_deadline_of_the_run_binds_steps_with_a_longer_budget(machine: Machine) -> None:
    machine.step("50-site", f"sleep 60; {_THINGS}")
    receiver = Receiver(_task(_alone("50-site"), deadline_seconds=22.0))
    begun = time.monotonic()
    _run(machine, receiver)
    assert time.monotonic() - begun < 30
    assert receiver.results["50-site"].outcome == "timed_out"


def test_a_signal_ends_the_step_and_says_so(machine: Machine) -> None:
    machine.step("50-site", f"touch begun; sleep 60; {_THINGS}")
    receiver = Receiver(_task(_alone("50-site")))
    with serving(receiver) as port, machine.agent(port) as process:
        until = time.monotonic() + 60
        while not (machine.work / "50-site/begun").exists():
            assert time.monotonic() < until, receiver.events
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGTERM)
        process.communicate(timeout=60)
    assert receiver.results["50-site"].outcome == "killed"


@pytest.fixture(autouse=True)
def _nothing_left(machine: Machine) -> Iterator[None]:
    yield
    left = [path for path in Path("/proc").glob("[0-9]*") if _belongs(path, machine)]
    assert not left, [(path / "cmdline").read_bytes() for path in left]


def _belongs(path: Path, machine: Machine) -> bool:
    try:
        return f"VALIDATION_WORK={machine.work}".encode() in (path / "environ").read_bytes()
    except OSError:
        return False


def test_no_log_has_the_token_that_the_kernel_tells(machine: Machine) -> None:
    machine.tool("dmesg", f"cat {machine.root}/proc/cmdline")
    receiver = Receiver(_task(profile()))
    _run(machine, receiver)

    assert "bm.token=[not shown] panic=10" in receiver.log("02-memory")
    assert not [step for step in STEP_NAMES if TOKEN in receiver.log(step)]


@pytest.mark.parametrize("cut", [1, 20, len(TOKEN) - 1])
@pytest.mark.parametrize("before", [0, 10, PIECE_BYTES - 30])
def test_a_token_is_left_out_wherever_output_and_pieces_are_cut(cut: int, before: int) -> None:
    given = f"{'x' * before}bm.token={TOKEN} {TOKEN[:5]}".encode()
    pieces: list[bytes] = []
    log = LogPieces(lambda _number, compressed: pieces.append(gzip.decompress(compressed)), TOKEN.encode())
    where = given.index(TOKEN.encode()) + cut
    log.write(given[:where])
    log.flush()
    log.write(given[where:])
    log.close()

    assert b"".join(pieces) == given.replace(TOKEN.encode(), b"[not shown]")
