# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook harden.yml on a BMC of the virtual rack, over TLS: firmware, BIOS and settings in one go, and back."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from ansible_collections.baremetal.bcm.tests.integration.support.playbook import Ansible, Run
from ansible_collections.baremetal.bcm.tests.integration.support.vendors import (
    PASSWORD,
    VendorRack,
    machine_of,
    vendor_rack,
)

NAME = "idrac-01"
SYSTEM = "/redfish/v1/Systems/System.Embedded.1"
PROTOCOLS = "/redfish/v1/Managers/iDRAC.Embedded.1/Attributes"
CONTROLS = {"boot_mode": "uefi", "ipmi_over_lan": False, "session_timeout": 600, "lockdown": True}


def image(directory: Path, component: str, version: str) -> dict[str, str]:
    """Give an entry of `hardening_firmware` and the rack's image that it names."""
    content = f"virtual-rack-firmware {component.upper()} {version}\n".encode()
    path = directory / f"{component}.bin"
    path.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    return {"component": component, "version": f">={version}", "file": str(path), "sha256": digest}


def seen(rack: VendorRack) -> dict[str, Any]:
    attributes = rack.read(NAME, PROTOCOLS)["Attributes"]
    return {
        "boot_mode": rack.read(NAME, f"{SYSTEM}/Bios")["Attributes"]["BootMode"],
        "ipmi": attributes["IPMILan.1.Enable"],
        "session": rack.read(NAME, "/redfish/v1/SessionService")["SessionTimeout"],
        "lockdown": attributes["Lockdown.1.SystemLockdown"],
    }


def test_firmware_bios_and_settings_are_one_run_and_a_bundle_takes_the_settings_back(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    with vendor_rack(tmp_path, [machine_of("idrac", 1)]) as rack:
        host = {"hardening_bmc_address": rack.address(NAME), "hardening_serial": rack.machines[NAME]["serial"]}
        inventory = tmp_path / "servers.yml"
        local = {"hosts": {"localhost": {"ansible_connection": "local"}}}
        inventory.write_text(json.dumps({"all": local, "bcm_nodes": {"hosts": {NAME: host}}}), encoding="utf-8")
        ansible = Ansible(rack.rack, tmp_path / "ansible", inventory)
        variables = {
            "hardening_connection": {
                "username": rack.machines[NAME]["bmc"]["username"],
                "password": PASSWORD,
                "ca_path": rack.rack.environment["BCM_CA_PATH"],
            },
            "hardening_states": {NAME: "staged"},
            "hardening_allow_reboot": True,
            "hardening_profile": {"inherits": None, "controls": CONTROLS},
            "hardening_firmware": [image(tmp_path, "bios", "2.20.1"), image(tmp_path, "bmc", "7.20.0")],
            "hardening_bundle_path": str(tmp_path / "bundles"),
            "hardening_lock_path": str(tmp_path / "locks"),
            "hardening_report_path": str(report),
        }

        def harden(*options: str, **more: Any) -> Run:
            run = ansible.play("harden", *options, variables={**variables, **more})
            assert run.rc == 0, run.output
            assert PASSWORD not in run.output
            return run

        def server() -> dict[str, Any]:
            found: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))["servers"][NAME]
            return found

        before = seen(rack)
        rack.forget()
        harden("--check")
        assert rack.counted("writes")[NAME] == 0
        assert server()["controls"][0]["wanted"] == {"bmc": ">=7.20.0", "bios": ">=2.20.1"}
        harden()
        done = server()
        after = seen(rack)
        (bundle,) = (tmp_path / "bundles").glob("*.json")
        harden(rollback=str(bundle))

        assert done["compliant"], done
        assert done["controls"][0]["seen"] == {"bmc": "7.20.0", "bios": "2.20.1"}
        assert after == {"boot_mode": "Uefi", "ipmi": "Disabled", "session": 600, "lockdown": "Enabled"}
        assert seen(rack) == before != after
        assert rack.read(NAME, SYSTEM)["BiosVersion"] == "2.20.1"
        assert rack.sessions() == {NAME: 0}
