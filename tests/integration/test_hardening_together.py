# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hardening of BMCs in a rack, with a NetBox: several runs, certificates, reboots, the way back, IPMI afterwards."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.baremetal.bcm.tests.integration.support.module_process import (
    Result,
    module_process,
    result_of,
)
from ansible_collections.baremetal.bcm.tests.integration.support.netbox import prepare_hardening
from ansible_collections.baremetal.bcm.tests.integration.support.rack import ROOT, Rack, running, wait_until
from ansible_collections.baremetal.bcm.tests.integration.support.vendors import run_module
from ansible_collections.baremetal.bcm.tests.netbox.fake.server import TOKEN, FakeNetBox, served
from ansible_collections.baremetal.bcm.tests.netbox.fake.store import NEW
from ansible_collections.baremetal.bcm.tests.netbox.lab import Lab

NAME = "dell-01"
SMALL = {"inherits": None, "controls": {"session_timeout": 600}}
# With a reboot, so that a run takes long enough to be met by another one.
LONG = {"inherits": None, "controls": {"boot_mode": "uefi", "session_timeout": 600}}


@dataclass(frozen=True)
class Hall:
    """One server whose BMC speaks Redfish over TLS, in a rack, and a NetBox that knows it."""

    rack: Rack
    lab: Lab
    directory: Path
    machine: Mapping[str, Any]

    def options(self, *, computer: str = "here", **more: Any) -> dict[str, Any]:
        """Give the options of a run; each computer has its own locks."""
        bmc = self.machine["bmc"]
        port = self.rack.environment["VIRTUAL_RACK_REDFISH_PORT"]
        server = {"name": NAME, "address": f"{bmc['address']}:{port}", "state": "staged"}
        own = {"bundle_path": str(self.directory / "bundles"), "lock_path": str(self.directory / computer)}
        return {
            "servers": [server],
            "username": bmc["username"],
            "password": bmc["password"],
            "netbox": {"url": self.lab.url, "token": TOKEN},
            "profile": SMALL,
            "allow_reboot": True,
            **own,
            **more,
        }

    def harden(self, **more: Any) -> Result:
        with module_process("redfish_harden", self.options(**more)) as process:
            return result_of(process)

    def audit(self) -> Result:
        options = self.options()
        for name in ("allow_reboot", "bundle_path", "lock_path"):
            del options[name]
        del options["servers"][0]["state"]
        with module_process("redfish_audit", options) as process:
            return result_of(process)

    def field(self, name: str) -> Any:
        (device,) = self.lab.find("dcim/devices", name=NAME)
        return device["custom_fields"][name]

    @property
    def writes(self) -> int:
        return int(self.rack.nodes()[NAME]["redfish"]["writes"])


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[Hall]:
    rack = yaml.safe_load((ROOT / "virtual_rack/racks/vendors.yml").read_text(encoding="utf-8"))
    machine = next(each for each in rack["machines"] if each["name"] == NAME)
    rack.update(redfish_port=0, machines=[machine])
    rack["head_node"]["devices"] = "all"
    with running(rack, tmp_path / "rack", speed=60.0) as there, served(FakeNetBox(NEW)) as netbox:
        lab = Lab(netbox.url, TOKEN)
        prepare_hardening(lab)
        lab.change("dcim/devices", lab.server("staged").id, name=NAME)
        yield Hall(there, lab, tmp_path, machine)


def test_of_two_runs_on_two_computers_one_is_refused_before_it_writes_anything(hall: Hall) -> None:
    with module_process("redfish_harden", hall.options(profile=LONG)) as first:
        wait_until(lambda: hall.field("bmc_claim") is not None, "the claim of the first run")
        second = run_module("redfish_harden", **hall.options(computer="elsewhere"))
        claim = hall.field("bmc_claim")
        result = result_of(first)

    assert result["compliant"] == [NAME], result
    assert not [secret for secret in (TOKEN, hall.machine["bmc"]["password"]) if secret in str((result, second))]
    assert second["failures"][NAME].startswith(f"{claim['owner']} until ")
    assert "nothing was written" in second["failures"][NAME]
    assert (second["servers"][NAME]["requests"], second["servers"][NAME]["written"]) == (0, [])
    assert hall.field("bmc_claim") is None


def test_the_claim_of_a_run_that_was_killed_is_taken_over(hall: Hall) -> None:
    with module_process("redfish_harden", hall.options(profile=LONG)) as first:
        wait_until(lambda: hall.field("bmc_claim") is not None, "the claim of the first run")
        first.send_signal(signal.SIGKILL)
        first.wait(30)
    assert hall.field("bmc_claim") is not None

    result = hall.harden(computer="elsewhere")

    assert result["compliant"] == [NAME], result
    assert hall.field("bmc_claim") is None


def test_a_certificate_is_pinned_on_first_sight_and_another_one_is_refused(hall: Hall) -> None:
    checked = hall.harden(_ansible_check_mode=True)
    assert checked["servers"][NAME]["plan"], checked
    assert (hall.field("bmc_certificate"), hall.field("bmc_claim"), hall.writes) == (None, None, 0)

    assert hall.harden()["compliant"] == [NAME]
    pinned, written = hall.field("bmc_certificate"), hall.writes
    assert pinned == checked["servers"][NAME]["tls_fingerprint"]
    assert hall.audit()["compliant"] == [NAME]

    hall.rack.break_something("redfish_other_certificate", node=NAME)
    for refused in (hall.harden(), hall.harden(_ansible_check_mode=True), hall.audit()):
        server = refused["servers"][NAME]
        assert server["failure"] == "certificate"
        assert server["error"].count(pinned) == 1
        assert "the certificate's SHA-256 is " in server["error"]
        assert "custom field bmc_certificate of its device in NetBox" in server["error"]
    assert (hall.field("bmc_certificate"), hall.writes) == (pinned, written)

    (device,) = hall.lab.find("dcim/devices", name=NAME)
    hall.lab.change("dcim/devices", device["id"], custom_fields={"bmc_certificate": ""})
    assert hall.harden()["compliant"] == [NAME]
    assert hall.field("bmc_certificate") not in ("", pinned)


def test_with_an_authority_nothing_is_pinned(hall: Hall) -> None:
    result = hall.harden(ca_path=hall.rack.environment["BCM_CA_PATH"])

    assert result["compliant"] == [NAME], result
    assert hall.field("bmc_certificate") is None


def test_an_audit_does_not_trust_a_certificate_that_nobody_pinned(hall: Hall) -> None:
    result = hall.audit()

    assert result["servers"][NAME]["failure"] == "certificate"
    assert hall.field("bmc_certificate") is None


def test_ipmi_that_is_switched_off_answers_nobody_until_the_bundle_is_restored(hall: Hall) -> None:
    probe = {"names": [NAME], "include_power": True}

    def power_by_ipmi() -> str:
        with module_process("bcm_status_info", probe, hall.rack.environment) as process:
            result = result_of(process)
            return str(result["nodes"][NAME]["power"])

    assert power_by_ipmi() == "OFF"
    off = hall.harden(profile={"inherits": None, "controls": {"ipmi_over_lan": False, "boot_mode": "uefi"}})
    assert off["compliant"] == [NAME], off
    assert power_by_ipmi() == "UNKNOWN"

    back = hall.harden(rollback=off["bundle"], profile=SMALL)

    assert back["failures"] == {}, back
    assert {each["control"] for each in back["servers"][NAME]["written"]} == {"ipmi_over_lan", "boot_mode"}
    assert power_by_ipmi() == "ON"


def test_an_active_server_is_not_rebooted_and_all_but_its_bios_is_set(hall: Hall) -> None:
    options = hall.options(profile=LONG)
    options["servers"][0]["state"] = "active"

    with module_process("redfish_harden", options) as process:
        server = result_of(process)["servers"][NAME]

    assert (server["rebooted"], server["compliant"], list(server["left"])) == (False, False, ["boot_mode"])
    assert [each["control"] for each in server["written"]] == ["session_timeout"]
    assert hall.rack.power_operations()[NAME] == 0


def test_after_a_server_that_does_not_come_back_no_other_is_rebooted(tmp_path: Path) -> None:
    rack = yaml.safe_load((ROOT / "virtual_rack/racks/vendors.yml").read_text(encoding="utf-8"))
    machines = [each for each in rack["machines"] if each["name"] in ("dell-01", "hpe-01", "smc-01")]
    rack.update(redfish_port=0, machines=machines)
    with running(rack, tmp_path / "rack", speed=60.0) as there:
        port = there.environment["VIRTUAL_RACK_REDFISH_PORT"]
        servers = []
        for machine in machines:
            there.break_something(
                "redfish_ignores_writes", node=machine["name"], method="POST", path="/redfish/v1/Systems"
            )
            login = {key: machine["bmc"][key] for key in ("username", "password")}
            address = f"{machine['bmc']['address']}:{port}"
            servers.append({"name": machine["name"], "address": address, "state": "staged", **login})
        options = {
            "servers": servers,
            "ca_path": there.environment["BCM_CA_PATH"],
            "profile": {"inherits": None, "controls": {"boot_mode": "uefi"}},
            "allow_reboot": True,
            "max_rebooting": 1,
            "max_failures": 0,
            "reboot_timeout": 6,
            "bundle_path": str(tmp_path / "bundles"),
            "lock_path": str(tmp_path / "locks"),
        }
        with module_process("redfish_harden", options) as process:
            result = result_of(process)

    rebooted = [name for name, server in result["servers"].items() if server["rebooted"]]
    assert len(rebooted) == 1
    assert len(result["failures"]) == len(machines)
    told = [message for name, message in result["failures"].items() if name not in rebooted]
    assert all("not rebooted: " in message and "failed before it" in message for message in told), told


def power_options(hall: Hall, action: str, **netbox: Any) -> dict[str, Any]:
    """Give the options of bcm_power, on another computer than that of the hardening."""
    return {
        "names": [NAME],
        "action": action,
        "via": "redfish",
        "bmcs": [{"name": NAME, "port": int(hall.rack.environment["VIRTUAL_RACK_REDFISH_PORT"])}],
        "redfish_ca_path": hall.rack.environment["BCM_CA_PATH"],
        "redfish_lock_path": str(hall.directory / "elsewhere"),
        "redfish_netbox": {"url": hall.lab.url, "token": TOKEN, **netbox},
        "fail_on_error": False,
    }


def power(hall: Hall, action: str, **netbox: Any) -> Result:
    with module_process("bcm_power", power_options(hall, action, **netbox), hall.rack.environment) as process:
        return result_of(process)


def test_power_by_redfish_keeps_away_from_a_server_that_another_computer_has_and_claims_it_too(hall: Hall) -> None:
    (device,) = hall.lab.find("dcim/devices", name=NAME)
    claim = {"owner": "ada@elsewhere", "run": "another.1.2", "until": "2099-01-01T00:00:00Z"}
    hall.lab.change("dcim/devices", device["id"], custom_fields={"bmc_claim": claim})
    assert power(hall, "status")["nodes"][NAME]["error"] == ""
    refused = power(hall, "on")
    assert (refused["nodes"][NAME]["failure"], refused["changed"]) == ("refused", False)
    assert refused["nodes"][NAME]["error"].startswith("ada@elsewhere until ")
    assert TOKEN not in str(refused)
    assert hall.field("bmc_claim") == claim
    hall.lab.change("dcim/devices", device["id"], custom_fields={"bmc_claim": None})

    lost = power(hall, "on", url="http://127.0.0.1:9")
    assert lost["failed"]
    assert "could not claim the BMCs in NetBox: " in lost["msg"]
    assert "nothing was sent" in lost["msg"]

    hall.rack.break_something("redfish_ignores_writes", node=NAME, method="POST", path="/redfish/v1/Systems")
    with module_process("bcm_power", {**power_options(hall, "on"), "timeout": 15}, hall.rack.environment) as process:
        wait_until(lambda: hall.field("bmc_claim") is not None, "the claim of the power run")
        hardened = run_module("redfish_harden", **hall.options())
        done = result_of(process)
    assert " until " in hardened["failures"][NAME]
    assert hall.rack.nodes()[NAME]["power"] == "OFF"
    assert done["nodes"][NAME]["failure"] == "not confirmed"
    assert hall.field("bmc_claim") is None

    hall.rack.repair()
    assert power(hall, "on")["nodes"][NAME]["changed"]
    assert hall.rack.nodes()[NAME]["power"] == "ON"
    assert hall.field("bmc_claim") is None
