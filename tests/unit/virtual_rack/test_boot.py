# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from virtual_rack.in_process import Bench

FULL_MESSAGES = [
    ("BOOTING", ""),
    ("INSTALLING", "node-installer started"),
    ("INSTALLING", "checking disks"),
    ("INSTALLING", "recreating partitions and filesystems"),
    ("INSTALLING", "mounting disks"),
    ("INSTALLING", "waiting for FULL provisioning to start"),
    ("INSTALLING", "provisioning started, waiting for completion"),
    ("INSTALLING", "provisioning complete"),
    ("INSTALLING", "initializing SELinux"),
    ("INSTALLER_CALLING_INIT", "switching to local root"),
    ("UP", ""),
]


def watch(bench: Bench) -> list[tuple[str, str]]:
    """Collect status and message of every change from now on."""
    seen: list[tuple[str, str]] = []

    def note(status: Any) -> None:
        seen.append((status.status, status.info_message))

    bench.head.board.listen(note)
    return seen


def machine(bench: Bench, name: str) -> Any:
    return bench.head.machines.named(name)


def test_a_new_node_comes_up_through_every_message_in_order(bench: Bench) -> None:
    bench.register("node1")
    seen = watch(bench)
    assert bench.status("node1")["status"] == "DOWN"
    bench.power("node1", "ON")
    bench.step(600)
    assert seen == FULL_MESSAGES
    assert machine(bench, "node1").last_install_mode == "FULL"
    assert machine(bench, "node1").running.name == "default-image"


def test_a_boot_takes_the_documented_times(bench: Bench) -> None:
    bench.register("node1")
    bench.power("node1", "ON")
    up_after_s = 2 + 10 + 30 + (2 + 2 + 4 + 1) + 300 + (1 + 1) + 30
    bench.step(up_after_s - 1)
    assert bench.status("node1")["status"] == "INSTALLER_CALLING_INIT"
    bench.step(1)
    assert bench.status("node1")["status"] == "UP"


def test_an_ordinary_reboot_syncs_the_assigned_image(bench: Bench) -> None:
    bench.register("node1")
    bench.power("node1", "ON")
    bench.step(600)
    image = bench.call("cmpart", "getSoftwareImage", "other-image")["uuid"]
    proxy = {"baseType": "SoftwareImageProxy", "uuid": "5a4cbf3c-0f0d-4a1d-8e07-74d9ad6d7aa1", "revisionID": -1}
    assert bench.update("node1", softwareImageProxy={**proxy, "parentSoftwareImage": image})["success"]
    seen = watch(bench)
    bench.power("node1", "RESET")
    bench.step(600)
    assert ("INSTALLING", "waiting for SYNC provisioning to start") in seen
    assert machine(bench, "node1").running.name == "other-image"
    assert (machine(bench, "node1").boots, machine(bench, "node1").installs) == (2, 2)


def test_the_one_shot_mode_is_used_once_and_cleared_when_the_installer_is_done(bench: Bench) -> None:
    bench.register("node1")
    bench.power("node1", "ON")
    bench.step(600)
    bench.update("node1", nextBootInstallMode="FULL", blockDevicesClearedOnNextBoot=["/dev/sda"])
    bench.power("node1", "RESET")
    bench.step(2 + 10 + 30 + 200)
    assert bench.device("node1")["nextBootInstallMode"] == "FULL"
    bench.step(400)
    assert bench.device("node1")["nextBootInstallMode"] == ""
    assert bench.device("node1")["blockDevicesClearedOnNextBoot"] == []
    assert machine(bench, "node1").last_install_mode == "FULL"


@pytest.mark.parametrize(
    ("mode", "status", "message"),
    [("SKIP", "UP", ""), ("NOSYNC", "UP", ""), ("MAIN", "INSTALLING", "entered maintenance mode")],
)
def test_modes_that_copy_nothing_leave_the_old_system_running(
    bench: Bench, mode: str, status: str, message: str
) -> None:
    bench.register("node1")
    bench.power("node1", "ON")
    bench.step(600)
    bench.update("node1", installMode=mode)
    bench.power("node1", "RESET")
    bench.step(600)
    seen = bench.status("node1")
    assert (seen["status"], seen["infoMessage"]) == (status, message)
    assert machine(bench, "node1").installs == 1


def test_a_data_node_waits_for_a_person_before_its_disks_are_wiped(bench: Bench) -> None:
    bench.register("node1", dataNode=True)
    bench.power("node1", "ON")
    bench.step(10_000)
    assert bench.status("node1")["infoMessage"] == "waiting for user input"


def test_a_node_without_bootif_never_shows_booting(bench: Bench) -> None:
    body = bench.new_device("node1")
    body["interfaces"][0]["name"] = "ens1"
    assert bench.call("cmdevice", "addDevice", body, 0)["success"]
    seen = watch(bench)
    bench.power("node1", "ON")
    bench.step(600)
    assert seen == FULL_MESSAGES[1:]


def test_an_interface_with_revision_bootif_shows_booting(bench: Bench) -> None:
    body = bench.new_device("node1")
    body["interfaces"][0] |= {"name": "ens1", "revision": "bootif"}
    bench.call("cmdevice", "addDevice", body, 0)
    seen = watch(bench)
    bench.power("node1", "ON")
    bench.step(600)
    assert seen == FULL_MESSAGES


def test_a_machine_nobody_registered_keeps_trying_until_somebody_does(bench: Bench) -> None:
    bench.head.press_power(machine(bench, "node1"), power=True)
    bench.step(500)
    assert machine(bench, "node1").boots == 0
    bench.register("node1")
    bench.step(600)
    assert bench.status("node1")["status"] == "UP"


def test_nothing_is_installed_on_a_lite_node(bench: Bench) -> None:
    body = bench.new_device("node1")
    assert bench.call("cmdevice", "addLiteNode", body)["success"]
    bench.power("node1", "ON")
    bench.step(2000)
    assert machine(bench, "node1").power
    assert machine(bench, "node1").installs == 0
    assert bench.status("node1")["status"] == "DOWN"


def test_a_node_whose_image_is_gone_waits_for_provisioning(bench: Bench) -> None:
    bench.register("node1")
    image = bench.call("cmpart", "getSoftwareImage", "default-image")["uuid"]
    assert bench.call("cmpart", "removeSoftwareImage", image, False, False, True)["success"]
    bench.power("node1", "ON")
    bench.step(2000)
    assert bench.status("node1")["infoMessage"] == "waiting for FULL provisioning to start"


def test_only_as_many_nodes_as_there_are_slots_are_installed_at_once_and_the_others_wait(bench: Bench) -> None:
    names = ("node1", "node2", "node3", "node4")
    bench.register(*names)
    for name in names:
        bench.power(name, "ON")
    bench.step(120)
    messages = [bench.status(name)["infoMessage"] for name in names]
    assert (
        messages
        == ["provisioning started, waiting for completion"] * 2 + ["waiting for FULL provisioning to start"] * 2
    )
    shown = bench.call("cmprov", "getProvisioningStatus", [])
    assert [bool(r["sourceNode"].strip("0-")) for r in shown["provisioningRequestStatusList"]] == [True] * 2 + [
        False
    ] * 2
    assert shown["provisioningNodeStatusList"][0]["slotsUsed"] == 2
    bench.step(1000)
    assert all(bench.status(name)["status"] == "UP" for name in names)
    assert bench.call("cmprov", "getProvisioningStatus", [])["provisioningRequestStatusList"] == []


def test_a_drained_provisioner_starts_nothing_until_it_is_undrained(bench: Bench) -> None:
    head = bench.call("cmdevice", "getNode", "master")["uuid"]
    bench.register("node1")
    bench.call("cmprov", "drainProvisioningNodes", [head])
    bench.power("node1", "ON")
    bench.step(2000)
    assert bench.status("node1")["infoMessage"] == "waiting for FULL provisioning to start"
    bench.call("cmprov", "undrainProvisioningNodes", [head])
    bench.step(600)
    assert bench.status("node1")["status"] == "UP"


def test_an_image_that_is_being_copied_serves_nobody_until_it_is_done(bench: Bench) -> None:
    image = bench.call("cmpart", "getSoftwareImage", "default-image")["uuid"]
    bench.head.database.change("SoftwareImage", image, fileOperationInProgress=True)
    bench.register("node1")
    bench.power("node1", "ON")
    bench.step(1000)
    assert bench.status("node1")["infoMessage"] == "waiting for FULL provisioning to start"
    bench.head.database.change("SoftwareImage", image, fileOperationInProgress=False)
    bench.step(600)
    assert bench.status("node1")["status"] == "UP"


def test_a_node_that_loses_power_goes_down_after_a_while_and_gives_its_slot_back(bench: Bench) -> None:
    bench.register("node1")
    bench.power("node1", "ON")
    bench.step(100)
    bench.head.press_power(machine(bench, "node1"), power=False)
    assert bench.status("node1")["status"] == "INSTALLING"
    assert bench.call("cmprov", "getProvisioningStatus", [])["provisioningRequestStatusList"] == []
    bench.step(31)
    assert bench.status("node1")["status"] == "DOWN"
    assert machine(bench, "node1").disk.layout is None


def test_right_after_a_reset_the_old_up_is_still_shown(bench: Bench) -> None:
    bench.register("node1")
    bench.power("node1", "ON")
    bench.step(600)
    bench.power("node1", "RESET")
    bench.step(3)
    assert bench.status("node1")["status"] == "UP"
    bench.step(10)
    assert bench.status("node1")["status"] == "BOOTING"


def test_what_changed_since_the_boot_is_named_and_a_boot_clears_it(bench: Bench) -> None:
    bench.register("node1")
    bench.power("node1", "ON")
    bench.step(600)
    assert not bench.status("node1")["restartRequired"]
    bench.update("node1", disksetup="<diskSetup/>", notes="x")
    assert bench.status("node1")["restartRequiredReasons"] == ["Disk setup changed"]
    category = bench.call("cmdevice", "getCategory", "default")
    other = bench.call("cmpart", "getSoftwareImage", "other-image")["uuid"]
    category["softwareImageProxy"] = {**category["softwareImageProxy"], "parentSoftwareImage": other}
    bench.call("cmdevice", "updateCategory", category, 0)
    assert bench.status("node1")["restartRequiredReasons"] == ["Disk setup changed", "Software image changed"]
    bench.power("node1", "RESET")
    bench.step(600)
    assert not bench.status("node1")["restartRequired"]


def test_preboot_goes_through_going_down_and_works_only_on_nodes_that_are_up(bench: Bench) -> None:
    bench.register("node1", "node2")
    bench.power("node1", "ON")
    bench.step(600)
    uuids = [bench.device(name)["uuid"] for name in ("node1", "node2")]
    seen = watch(bench)
    assert bench.call("cmdevice", "preboot", True, 1000, uuids) == {"success": [True, False], "operations": []}
    bench.step(600)
    assert seen[:2] == [("GOING_DOWN", ""), ("BOOTING", "")]
    assert bench.status("node1")["status"] == "UP"
    assert bench.call("cmdevice", "powerOperationHistory", uuids, True)[0]["operation"] == "REBOOT"
    bench.call("cmdevice", "pshutdown", True, 1000, uuids[:1])
    bench.step(60)
    assert bench.status("node1")["status"] == "DOWN"
    assert not machine(bench, "node1").power


def test_a_daemon_that_is_gone_since_a_reset_cannot_be_reached_though_the_status_still_says_up(bench: Bench) -> None:
    bench.register("node1")
    bench.power("node1", "ON")
    bench.step(600)
    bench.power("node1", "RESET")
    bench.step(3)
    assert bench.status("node1")["status"] == "UP"
    uuid = bench.device("node1")["uuid"]
    assert bench.call("cmdevice", "preboot", True, 1000, [uuid])["success"] == [False]
    assert bench.call("cmdevice", "powerOperationHistory", [uuid], True)[0]["operation"] == "RESET"


@pytest.mark.parametrize(("call", "operation"), [("preboot", "REBOOT"), ("pshutdown", "SHUTDOWN")])
def test_a_daemon_can_say_yes_and_do_nothing(bench: Bench, call: str, operation: str) -> None:
    bench.register("node1")
    bench.power("node1", "ON")
    bench.step(600)
    uuid = bench.device("node1")["uuid"]
    bench.head.faults.add({"kind": "daemon_ignores", "node": "node1", "times": 1})
    seen = watch(bench)
    assert bench.call("cmdevice", call, True, 1000, [uuid])["success"] == [True]
    bench.step(600)
    assert seen == []
    assert (machine(bench, "node1").power, machine(bench, "node1").boots) == (True, 1)
    assert bench.call("cmdevice", "powerOperationHistory", [uuid], True)[0]["operation"] == operation
    bench.call("cmdevice", call, True, 1000, [uuid])
    assert bench.status("node1")["status"] == "GOING_DOWN"


def test_a_node_can_take_long_to_shut_down(bench: Bench) -> None:
    bench.register("node1")
    bench.power("node1", "ON")
    bench.step(600)
    bench.head.faults.add({"kind": "shutdown_slow", "node": "node1", "seconds": 200})
    bench.call("cmdevice", "pshutdown", True, 1000, [bench.device("node1")["uuid"]])
    bench.step(205)
    assert (bench.status("node1")["status"], machine(bench, "node1").power) == ("GOING_DOWN", True)
    bench.step(10)
    assert not machine(bench, "node1").power


def test_a_node_that_takes_long_to_shut_down_can_be_cut_meanwhile_and_stays_on_after_that(bench: Bench) -> None:
    bench.register("node1")
    bench.power("node1", "ON")
    bench.step(600)
    bench.head.faults.add({"kind": "shutdown_slow", "node": "node1", "seconds": 200})
    bench.call("cmdevice", "pshutdown", True, 1000, [bench.device("node1")["uuid"]])
    bench.power("node1", "OFF")
    bench.step(10)
    bench.power("node1", "ON")
    bench.step(900)
    assert bench.status("node1")["status"] == "UP"


def test_image_update_changes_what_a_running_node_runs_without_a_boot(bench: Bench) -> None:
    bench.register("node1", "node2")
    bench.power("node1", "ON")
    bench.step(600)
    category = bench.call("cmdevice", "getCategory", "default")
    other = bench.call("cmpart", "getSoftwareImage", "other-image")["uuid"]
    category["softwareImageProxy"]["parentSoftwareImage"] = other
    bench.call("cmdevice", "updateCategory", category, 0)
    uuids = [bench.device(name)["uuid"] for name in ("node1", "node2")]
    first, second = bench.call("cmprov", "imageUpdate", uuids, False, "", [], [])
    assert first.strip("0-")
    assert not second.strip("0-")
    bench.step(121)
    assert machine(bench, "node1").running.name == "other-image"
    assert machine(bench, "node1").boots == 1


@pytest.mark.parametrize(
    ("kind", "phase", "status"),
    [
        ("install_fails", "provisioning started, waiting for completion", "INSTALLER_FAILED"),
        ("install_fails", "checking disks", "INSTALLER_FAILED"),
        ("installer_unreachable", "mounting disks", "INSTALLER_UNREACHABLE"),
    ],
)
def test_the_installer_stops_where_a_fault_says_and_gives_its_slot_back(
    bench: Bench, kind: str, phase: str, status: str
) -> None:
    bench.register("node1")
    bench.head.faults.add({"kind": kind, "node": "node1", "phase": phase, "times": 1})
    bench.power("node1", "ON")
    bench.step(1000)
    assert bench.status("node1")["status"] == status
    assert bench.status("node1")["provisioningFailed"] == (status == "INSTALLER_FAILED")
    assert bench.call("cmprov", "getProvisioningStatus", [])["provisioningNodeStatusList"][0]["slotsUsed"] == 0
    bench.power("node1", "RESET")
    bench.step(1000)
    assert bench.status("node1")["status"] == "UP"
    assert not bench.status("node1")["provisioningFailed"]


def test_an_installer_that_reboots_begins_again_and_comes_up(bench: Bench) -> None:
    bench.register("node1")
    bench.head.faults.add({"kind": "installer_rebooting", "times": 1})
    seen = watch(bench)
    bench.power("node1", "ON")
    bench.step(1000)
    assert ("INSTALLER_REBOOTING", "rebooting") in seen
    assert seen[-1] == ("UP", "")


def test_a_node_that_never_boots_stays_down(bench: Bench) -> None:
    bench.register("node1")
    bench.head.faults.add({"kind": "never_boots", "node": "node1"})
    bench.power("node1", "ON")
    bench.step(10_000)
    assert bench.status("node1")["status"] == "DOWN"
    assert machine(bench, "node1").power


def test_a_flapping_node_goes_down_and_up_again_without_a_boot(bench: Bench) -> None:
    bench.register("node1")
    bench.head.faults.add({"kind": "flap", "node": "node1", "seconds": 60, "times": 2})
    seen = watch(bench)
    bench.power("node1", "ON")
    bench.step(1000)
    assert [status for status, _ in seen][-5:] == ["UP", "DOWN", "UP", "DOWN", "UP"]
    assert machine(bench, "node1").boots == 1


def test_a_node_that_is_up_already_flaps_as_often_as_asked_and_each_time_by_itself(bench: Bench) -> None:
    bench.register("node1", "node2")
    for name in ("node1", "node2"):
        bench.power(name, "ON")
    bench.step(600)
    seen = watch(bench)
    bench.head.faults.add({"kind": "flap", "node": "node1", "seconds": 60, "times": 3})
    bench.head.faults.add({"kind": "never_boots", "node": "node3"})
    bench.step(1000)
    assert [status for status, _ in seen] == ["DOWN", "UP"] * 3
    assert bench.head.faults.find("flap") is None
    assert bench.status("node2")["status"] == "UP"


def used_slots(bench: Bench) -> int:
    status = bench.call("cmprov", "getProvisioningStatus", [])
    return int(status["provisioningNodeStatusList"][0]["slotsUsed"])


def test_slots_that_somebody_else_has_taken_are_free_when_he_is_done(bench: Bench) -> None:
    fault = bench.head.faults.add({"kind": "slots_taken", "slots": 2})
    assert used_slots(bench) == 2
    bench.register("node1")
    bench.power("node1", "ON")
    bench.step(3600)
    assert bench.status("node1")["infoMessage"] == "waiting for FULL provisioning to start"
    requests = bench.call("cmprov", "getProvisioningStatus", [])["provisioningRequestStatusList"]
    node = bench.device("node1")["uuid"]
    assert [(bool(r["sourceNode"].strip("0-")), r["destinationNode"] == node) for r in requests] == [
        (True, False),
        (True, False),
        (False, True),
    ]
    bench.head.faults.remove(fault.number)
    assert used_slots(bench) == 1
    bench.step(600)
    assert bench.status("node1")["status"] == "UP"
    assert used_slots(bench) == 0


def test_slots_that_are_busy_are_taken_as_soon_as_they_fall_free_before_who_waits(bench: Bench) -> None:
    names = ("node1", "node2", "node3", "node4")
    bench.register(*names)
    for name in names:
        bench.power(name, "ON")
    bench.step(120)
    bench.head.faults.add({"kind": "slots_taken", "slots": 1})
    assert used_slots(bench) == 2
    bench.step(300)
    states = [bench.status(name)["status"] for name in names]
    assert states == ["UP", "UP", "INSTALLING", "INSTALLING"]
    messages = [bench.status(name)["infoMessage"] for name in names[2:]]
    assert messages == ["provisioning started, waiting for completion", "waiting for FULL provisioning to start"]
    bench.step(700)
    assert bench.status("node4")["status"] == "UP"


def requests_of(bench: Bench) -> list[Any]:
    return list(bench.call("cmprov", "getProvisioningStatus", [])["provisioningRequestStatusList"])


def test_a_transfer_that_fails_is_tried_again_in_its_slot_and_counted(bench: Bench) -> None:
    bench.register("node1")
    bench.head.faults.add({"kind": "transfer_fails", "node": "node1", "times": 4, "message": "disk full"})
    bench.power("node1", "ON")
    bench.step(2 + 10 + 30 + 9)
    counted = []
    for _ in range(4):
        counted.append([(r["jobFailureCounter"], r["errorMessage"]) for r in requests_of(bench)])
        bench.step(150)
    assert counted == [[(0, "")], [(1, "disk full")], [(2, "disk full")], [(3, "disk full")]]
    assert [r["jobFailureCounter"] for r in requests_of(bench)] == [4]
    assert used_slots(bench) == 1
    assert bench.status("node1")["infoMessage"] == "provisioning started, waiting for completion"
    bench.step(300 + 2 + 30)
    assert bench.status("node1")["status"] == "UP"
    assert not bench.status("node1")["provisioningFailed"]
    assert machine(bench, "node1").installs == 1


def test_the_fifth_failure_of_a_transfer_is_the_installers(bench: Bench) -> None:
    bench.register("node1", "node2")
    bench.head.faults.add({"kind": "transfer_fails", "node": "node1"})
    for name in ("node1", "node2"):
        bench.power(name, "ON")
    bench.step(51 + 5 * 150 - 1)
    assert bench.status("node1")["status"] == "INSTALLING"
    bench.step(1)
    seen = bench.status("node1")
    assert (seen["status"], seen["provisioningFailed"]) == ("INSTALLER_FAILED", True)
    assert seen["infoMessage"] == "provisioning started, waiting for completion: transfer failed"
    assert requests_of(bench) == []
    assert bench.status("node2")["status"] == "UP"


def test_an_update_of_a_running_node_whose_transfer_fails_changes_nothing(bench: Bench) -> None:
    bench.register("node1")
    bench.power("node1", "ON")
    bench.step(600)
    bench.head.faults.add({"kind": "transfer_fails", "times": 5})
    bench.call("cmprov", "imageUpdate", [bench.device("node1")["uuid"]], False, "", [], [])
    bench.step(5 * 60)
    assert requests_of(bench) == []
    assert machine(bench, "node1").installs == 1
    assert bench.status("node1")["status"] == "UP"


def test_a_machine_that_loses_power_takes_its_failing_transfer_along(bench: Bench) -> None:
    bench.register("node1")
    bench.head.faults.add({"kind": "transfer_fails"})
    bench.power("node1", "ON")
    bench.step(100)
    bench.head.press_power(machine(bench, "node1"), power=False)
    bench.step(1000)
    assert bench.status("node1")["status"] == "DOWN"
    assert requests_of(bench) == []


def with_provisioner(bench: Bench) -> None:
    """Make node4 hand out the images in place of the head node, and let node1 ask it for one."""
    bench.register("node1", "node4")
    bench.power("node4", "ON")
    bench.step(600)
    head = bench.call("cmdevice", "getNode", "master")
    role = next(role for role in head["roles"] if role["childType"] == "ProvisioningRole")
    uuid = "0c7a1f3e-33a6-4a59-9d3f-5d9f0d0c9c11"
    assert bench.update("node4", roles=[{**role, "uuid": uuid}])["success"]
    bench.call("cmprov", "drainProvisioningNodes", [head["uuid"]])
    bench.power("node1", "ON")
    bench.step(100)
    assert [r["sourceNode"] for r in requests_of(bench)] == [bench.device("node4")["uuid"]]


def test_the_requests_of_a_provisioner_that_vanished_fail_after_three_minutes(bench: Bench) -> None:
    with_provisioner(bench)
    bench.head.press_power(machine(bench, "node4"), power=False)
    bench.step(30)
    assert bench.status("node4")["status"] == "DOWN"
    bench.step(179)
    assert bench.status("node1")["infoMessage"] == "provisioning started, waiting for completion"
    assert len(requests_of(bench)) == 1
    bench.step(1)
    seen = bench.status("node1")
    assert (seen["status"], requests_of(bench)) == ("INSTALLER_FAILED", [])
    assert "provisioning node is not available" in seen["infoMessage"]


def test_a_provisioner_that_is_back_in_time_begins_its_transfers_anew(bench: Bench) -> None:
    with_provisioner(bench)
    bench.head.faults.add({"kind": "flap", "node": "node4", "seconds": 100, "times": 1})
    bench.step(200 + 299)
    assert bench.status("node1")["infoMessage"] == "provisioning started, waiting for completion"
    assert [r["jobFailureCounter"] for r in requests_of(bench)] == [0]
    bench.step(1 + 2 + 30)
    assert bench.status("node1")["status"] == "UP"


def test_a_device_that_is_removed_while_it_installs_is_gone_and_its_slot_falls_free(bench: Bench) -> None:
    bench.register("node1", "node2")
    bench.power("node1", "ON")
    bench.step(120)
    uuid = bench.device("node1")["uuid"]
    assert bench.call("cmdevice", "removeDevice", uuid, 0)["success"]
    assert bench.call("cmstatus", "getStatusForDevices", [uuid]) == [None]
    bench.step(1000)
    assert requests_of(bench) == []
    assert bench.call("cmstatus", "getStatusForDevices", [uuid]) == [None]
    bench.register("node1")
    assert bench.status("node1")["status"] == "DOWN"
    bench.power("node1", "RESET")
    bench.step(1000)
    assert bench.status("node1")["status"] == "UP"


def test_a_rack_goes_on_where_it_stopped(bench: Bench, rack: Any) -> None:
    bench.register("node1", "node2")
    bench.power("node1", "ON")
    bench.step(600)
    bench.power("node2", "ON")
    bench.step(100)
    bench.call("cmstatus", "close", [bench.device("node2")["uuid"]], "closed for cleaning", True)
    bench.update("node1", extra_values={"owner": "me"})
    again = Bench(rack, state=bench.head.to_state())
    assert again.device("node1") == bench.device("node1")
    assert again.status("node1")["status"] == "UP"
    assert again.status("node2")["closed"]
    assert again.status("node2")["userMessage"] == "closed for cleaning"
    again.step(600)
    assert again.status("node2")["status"] == "UP"
    uuid = again.device("node1")["uuid"]
    assert [entry["operation"] for entry in again.call("cmdevice", "powerOperationHistory", [uuid], False)] == ["ON"]
