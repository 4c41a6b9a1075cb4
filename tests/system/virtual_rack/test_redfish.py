# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients and a checker of Redfish that others wrote, against the rack's BMCs."""

from __future__ import annotations

import csv
import json
import os
import ssl
import subprocess
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
import yaml

from ansible_collections.baremetal.bcm.tests.system.virtual_rack.served import (
    PASSWORD,
    USERNAME,
    ServedRack,
    address_of,
    served,
    wait_until,
)
from virtual_rack.new_rack import new_rack_text
from virtual_rack.redfish.modes import MODES

HERE = Path(__file__).parent
PROGRAMS = Path(os.environ.get("REDFISH_PYTHON", HERE.parents[2] / ".venv-redfish/bin/python")).parent
NUMBERS = {mode: number for number, mode in enumerate(MODES, start=1)}
# They would make the clients trust others than the rack's authority, or ask a proxy for this computer.
_NOT = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "PYTHONPATH")
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in _NOT} | {
    "NO_PROXY": "*",
    "no_proxy": "*",
}


@pytest.fixture(scope="module", autouse=True)
def _needs() -> None:
    """Skip where the clients are missing, unless the environment requires them."""
    programs = ("python", "rf_protocol_validator", "ansible-playbook")
    missing = [str(PROGRAMS / name) for name in programs if not (PROGRAMS / name).exists()]
    if missing and os.environ.get("VIRTUAL_RACK_REQUIRE_CLIENTS") == "1":
        pytest.fail(f"missing: {', '.join(missing)} (make .venv-redfish)")
    if missing:
        pytest.skip(f"missing: {', '.join(missing)} (make .venv-redfish)")


@pytest.fixture(scope="module")
def rack(_needs: None, _needs_programs: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedRack]:
    """Serve a machine for each mode; all speak IPMI too."""
    machines = yaml.safe_load(new_rack_text(len(MODES), engine="ipmi"))["machines"]
    for machine, mode in zip(machines, MODES, strict=True):
        machine["bmc"]["redfish"] = {"mode": mode}
    with served(tmp_path_factory.mktemp("redfish"), len(MODES), machines=machines, redfish_port=0) as running:
        yield running


def place(rack: ServedRack, mode: str) -> str:
    """Give address and port of a mode's BMC."""
    return f"{address_of(NUMBERS[mode])}:{rack.environment['VIRTUAL_RACK_REDFISH_PORT']}"


# By mode: what the standard asks for and its BMCs do not have. An iLO takes certificates by HttpsCert alone.
FAULTS = {"ilo": {"SEC_DEFAULT_CERT_REPLACE"}}


def test_the_protocol_validator_finds_only_the_faults_that_bmcs_of_the_mode_have(
    rack: ServedRack, tmp_path: Path
) -> None:
    def validate(mode: str) -> str:
        done = subprocess.run(
            [
                *(str(PROGRAMS / "rf_protocol_validator"), "-u", USERNAME, "-p", PASSWORD),
                *("-r", f"https://{place(rack, mode)}", "--ca-bundle", rack.environment["BCM_CA_PATH"]),
                *("--avoid-http-redirect", "--report-dir", str(tmp_path / mode), "--report-type", "tsv"),
            ],
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=170,
            check=False,
        )
        return done.stderr

    with ThreadPoolExecutor(len(MODES)) as pool:
        said_by = dict(zip(MODES, pool.map(validate, MODES), strict=True))
    for mode, said in said_by.items():
        reports = list((tmp_path / mode).glob("*.tsv"))
        assert reports, said
        with reports[0].open(encoding="utf-8", newline="") as report:
            rows = list(csv.reader(report, delimiter="\t"))
        results = Counter(cell for row in rows for cell in row if cell in ("PASS", "WARN", "FAIL", "NOT_TESTED"))
        failed = {row[0] for row in rows if "FAIL" in row}
        assert failed == FAULTS.get(mode, set()), (mode, [row for row in rows if "FAIL" in row])
        assert results["PASS"] >= 300, (mode, results)


def test_what_dmtfs_tools_and_sushy_set_is_read_back(rack: ServedRack, tmp_path: Path) -> None:
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-days",
                "30",
            ),
            *("-subj", "/CN=site", "-keyout", "site.key", "-out", "site.pem"),
        ],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        timeout=60,
    )
    given = {"url": f"https://{place(rack, 'dmtf')}", "username": USERNAME, "password": PASSWORD}
    given |= {"ca": rack.environment["BCM_CA_PATH"], "directory": str(tmp_path)}
    done = subprocess.run(
        [str(PROGRAMS / "python"), str(HERE / "redfish_clients.py")],
        input=json.dumps(given),
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert [row for row in rows if row[2] != row[3]] == []
    assert len(rows) >= 30
    assert {row[0] for row in rows} == {"redfish_utilities", "sushy"}
    assert rack.node()["power"] == "OFF"


def test_what_community_general_sets_is_read_back_and_not_set_again(rack: ServedRack, tmp_path: Path) -> None:
    variables = {"baseuri": place(rack, "idrac"), "username": USERNAME, "password": PASSWORD}
    variables |= {"ca": rack.environment["BCM_CA_PATH"], "found": str(tmp_path / "found.json")}
    variables |= {"manager": MODES["idrac"].manager, "system": MODES["idrac"].system}
    given = json.dumps(variables | {"bios": {"BootMode": "Uefi", "TpmSecurity": "On"}})

    def play(*more: str) -> str:
        done = subprocess.run(
            [str(PROGRAMS / "ansible-playbook"), str(HERE / "redfish_by_ansible.yml"), "-e", given, *more],
            env=ENVIRONMENT
            | {"ANSIBLE_COLLECTIONS_PATH": str(tmp_path), "ANSIBLE_NOCOLOR": "1", "HOME": str(tmp_path)},
            cwd=tmp_path,
            # Ansible refuses one that does not block, as that of a build's may be.
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=170,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    play()
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    protocols = found["managers"]["network_protocols"]["entries"]
    assert [protocols[name]["ProtocolEnabled"] for name in ("SNMP", "SSH", "VirtualMedia")] == [False, False, False]
    assert protocols["SSH"]["Port"] == 2222
    assert found["managers"]["host_interfaces"]["entries"][0]["InterfaceEnabled"] is False
    _where, boot = found["systems"]["boot_override"]["entries"][0]
    assert boot["BootSourceOverrideTarget"] == "Pxe"
    users = {user["UserName"]: user["RoleId"] for user in found["accounts"]["user"]["entries"]}
    assert users["auditor"] == "Operator"
    assert found["accounts"]["accountservice_config"]["entries"]["MinPasswordLength"] == 12
    again = play("--skip-tags", "once")
    assert "changed=0 " in again, again


def test_ipmi_has_the_accounts_of_redfish_and_can_be_switched_off_there(rack: ServedRack) -> None:
    number = NUMBERS["lenovo"]
    address = address_of(number)
    base = f"https://{place(rack, 'lenovo')}/redfish/v1"
    trusted = ssl.create_default_context(cafile=rack.environment["BCM_CA_PATH"])
    with httpx.Client(verify=trusted, auth=(USERNAME, PASSWORD), trust_env=False) as bmc:
        assert rack.power(address, "status") == "Chassis Power is off"
        account = bmc.get(f"{base}/AccountService/Accounts/1").json()
        assert bmc.patch(f"{base}/AccountService/Accounts/1", json={"Password": "another-password"}).status_code == 200
        assert account["UserName"] == USERNAME
        bmc.auth = httpx.BasicAuth(USERNAME, "another-password")

        def status() -> str:
            return rack.power(address, "status", password="another-password")

        wait_until(lambda: status() == "Chassis Power is off", "IPMI with the new password")
        assert "Chassis Power is" not in rack.power(address, "status")
        assert rack.power(address, "on", password="another-password") == "Chassis Power Control: Up/On"
        assert bmc.get(f"{base}/Systems/1").json()["PowerState"] == "On"
        network = f"{base}/Managers/1/NetworkProtocol"
        assert bmc.patch(network, json={"IPMI": {"ProtocolEnabled": False}}).status_code == 200
        assert "Unable to establish" in status()
        shown = rack.node(f"node{number:03d}")["redfish"]
        assert shown["mode"] == "lenovo"
        assert shown["writes"] >= 2
        assert bmc.patch(network, json={"IPMI": {"ProtocolEnabled": True}}).status_code == 200
        wait_until(lambda: status() == "Chassis Power is on", "IPMI that is on again")
