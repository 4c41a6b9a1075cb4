# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hardening by several runs, and of BMCs that change their certificate: what NetBox tells one run of the others."""

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
    with running(rack, tmp_path / "rack", speed=60.0) as there, served(FakeNetBox(NEW)) as netbox:
        lab = Lab(netbox.url, TOKEN)
        prepare_hardening(lab)
        lab.change("dcim/devices", lab.server("staged").id, name=NAME)
        yield Hall(there, lab, tmp_path, machine)


def test_of_two_runs_on_two_computers_one_is_refused_before_it_writes_anything(hall: Hall) -> None:
    with module_process("redfish_harden", hall.options(profile=LONG)) as first:
        wait_until(lambda: hall.field("bmc_claim") is not None, "the claim of the first run")
        second = hall.harden(computer="elsewhere")
        claim = hall.field("bmc_claim")
        result = result_of(first)

    assert result["compliant"] == [NAME], result
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
