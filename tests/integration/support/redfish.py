# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""BMCs that speak Redfish on loopback, the Ansible that works on them, and what its modules are run with."""

from __future__ import annotations

import contextlib
import hashlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, cast

import httpx

from ansible_collections.baremetal.bcm.tests.integration.support.cases import Case
from ansible_collections.baremetal.bcm.tests.integration.support.playbook import Ansible
from ansible_collections.baremetal.bcm.tests.integration.support.rack import ROOT, Rack
from ansible_collections.baremetal.bcm.tests.netbox.fake.server import on_loopback
from ansible_collections.baremetal.bcm.tests.unit.plugins.fake_bmc import HTTPS_CERT, PASSWORD, USER, FakeBmc
from ansible_collections.baremetal.bcm.tests.unit.plugins.fake_certificates import PASSPHRASE, Authority

SNAPSHOT = "/snapshot"
# A store of credentials for tests.
STORE = ROOT / "tests/unit/plugins/json_store.py"
# Servers that cases and examples speak of, and whose BMC each has.
VENDORS = {"dgx-05": "idrac", "dgx-06": "supermicro", "cpu-03": "ilo"}


@dataclass(frozen=True)
class _Environment:
    """What of a rack concerns Ansible."""

    environment: Mapping[str, str]


@dataclass(frozen=True)
class RedfishSite:
    """Where a test works. `addresses` are those of the BMCs by server."""

    ansible: Ansible
    bmcs: Mapping[str, FakeBmc]
    addresses: Mapping[str, str]
    snapshots: Mapping[str, str]
    directory: Path


class _Handler(BaseHTTPRequestHandler):
    """Passes requests to a BMC in memory."""

    bmc: FakeBmc
    all_bmcs: Mapping[str, FakeBmc]
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        if self.path == SNAPSHOT:
            answer = httpx.Response(200, json=_snapshot(self.all_bmcs))
        else:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            url = f"http://bmc{self.path}"
            answer = self.bmc.handle(httpx.Request(self.command, url, headers=dict(self.headers), content=content))
        self.send_response(answer.status_code)
        for name, value in answer.headers.items():
            if name.lower() not in ("content-length", "transfer-encoding"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PATCH(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def _snapshot(bmcs: Mapping[str, FakeBmc]) -> dict[str, Any]:
    return {
        "mutating": sum(len(bmc.writes) for bmc in bmcs.values()),
        "resources": {
            f"{name} {path}": body for name, bmc in bmcs.items() for path, body in json_copy(bmc.resources).items()
        },
    }


def json_copy(value: Any) -> Any:
    return json.loads(json.dumps(value))


@contextlib.contextmanager
def redfish_site(directory: Path, vendors: Mapping[str, str] | None = None) -> Iterator[RedfishSite]:
    """Serve a BMC for each server for as long as the block lasts."""
    names = vendors or VENDORS
    bmcs = {name: FakeBmc(vendor, serial=name.upper()) for name, vendor in names.items()}
    with contextlib.ExitStack() as stack:
        addresses = {
            name: stack.enter_context(on_loopback(type("Handler", (_Handler,), {"bmc": bmc, "all_bmcs": bmcs})))
            for name, bmc in bmcs.items()
        }
        environment = {"REDFISH_USERNAME": USER, "REDFISH_PASSWORD": PASSWORD}
        hosts = {name: {"hardening_bmc_address": address} for name, address in addresses.items()}
        inventory = directory / "servers.yml"
        local = {"hosts": {"localhost": {"ansible_connection": "local"}}}
        inventory.write_text(json.dumps({"all": local, "bcm_nodes": {"hosts": hosts}}), encoding="utf-8")
        yield RedfishSite(
            ansible=Ansible(cast(Rack, _Environment(environment)), directory / "ansible", inventory),
            bmcs=bmcs,
            addresses=addresses,
            snapshots={"INTEGRATION_SNAPSHOTS": f"{next(iter(addresses.values()))}{SNAPSHOT}"},
            directory=directory,
        )


def servers_of(where: RedfishSite) -> list[dict[str, str]]:
    """Give the option `servers` for all BMCs of a site."""
    return [{"name": name, "address": address} for name, address in where.addresses.items()]


def _finding(control: str, state: str) -> dict[str, Any]:
    return {"control": control, "state": state, "title": control, "reference": "a guide"}


_HTTPS = "Managers/1/NetworkProtocol/HTTPS/Certificates"
_SMALL = {"inherits": None, "controls": {"session_timeout": 600, "ssh": False}}
_TOUCHED = {"/redfish/v1/SessionService": ("SessionTimeout",), "/redfish/v1/Managers/1/NetworkProtocol": ("SSH",)}


def directories(where: Path) -> dict[str, str]:
    """Give the options that keep a run's files in the test's own directory."""
    return {"bundle_path": str(where / "bundles"), "lock_path": str(where / "locks")}


_AUDIT = {"dgx-05": {"controls": [_finding("kvm", "drift")], "compliant": False, "error": "", "model": "R760"}}


def firmware_of(directory: Path, component: str, version: str) -> dict[str, str]:
    """Give an entry of the option `firmware` and the image that it names."""
    path = directory / f"{component}-{version}.bin"
    path.write_text(f"fake-firmware {component} {version}", encoding="ascii")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"component": component, "version": f">={version}", "file": str(path), "sha256": sha256}


def authority_options() -> dict[str, Any]:
    """Give the options of an authority that signs where the task runs."""
    authority = Authority()
    subject = {"organization": "Example", "organizational_unit": "IT", "city": "Bern", "state": "BE", "country": "CH"}
    key = {"authority_key": authority.key_pem, "authority_passphrase": PASSPHRASE}
    return {"authority": authority.pem, "subject": subject, **key}


def redfish_cases(where: RedfishSite) -> Mapping[str, Sequence[Case]]:
    """Give the cases of the Redfish modules."""
    servers = servers_of(where)
    dead = {"name": "dead", "address": "http://127.0.0.1:9"}
    locks = {"lock_path": str(where.directory / "locks")}
    signing = authority_options()
    accounts = "/redfish/v1/AccountService/Accounts"
    root = {name: f"{name} {accounts}/{3 if bmc.vendor == 'idrac' else 2}" for name, bmc in where.bmcs.items()}
    return {
        "redfish_accounts": (
            Case(
                "the factory's account is disabled",
                {"servers": servers, "accounts": [{"username": "root", "state": "disabled"}], **locks},
                touches=dict.fromkeys(root.values(), ("Enabled",)),
            ),
            Case(
                "one gets an account, one is dead",
                {
                    "servers": [servers[0], dead],
                    "accounts": [{"username": "auditor", "role": "Operator", "password": "another-bmc-password"}],
                    "fail_on_error": False,
                    **locks,
                },
                touches={f"dgx-05 {accounts}/4": ("UserName", "RoleId", "Enabled")},
            ),
        ),
        "redfish_audit": (
            Case("servers of three makers", {"servers": servers}, changed=False),
            Case("one is dead", {"servers": [*servers, dead], "fail_on_error": False}, changed=False),
        ),
        "redfish_certificate": (
            Case(
                "servers of three makers, signed by the authority",
                {"servers": servers, **signing, **locks},
                touches={
                    **{f"{name} /redfish/v1/{_HTTPS}/1": ("CertificateString",) for name in where.bmcs},
                    f"cpu-03 {HTTPS_CERT}": ("CertificateSigningRequest",),
                },
            ),
            Case(
                "one is dead",
                {"servers": [dead], "fail_on_error": False, **signing, **locks},
                changed=False,
            ),
        ),
        "redfish_firmware": (
            Case(
                "the BMC's own",
                {
                    "servers": servers,
                    "firmware": [firmware_of(where.directory, "bmc", "2.11.0")],
                    "lock_path": str(where.directory / "locks"),
                },
                touches={f"{name} /redfish/v1/Managers/1": ("FirmwareVersion",) for name in where.bmcs},
            ),
            Case(
                "one is dead, one is rebooted",
                {
                    "servers": [{**servers[0], "state": "staged"}, dead],
                    "firmware": [firmware_of(where.directory, "bios", "2.20.1")],
                    "allow_reboot": True,
                    "fail_on_error": False,
                    "deadline": 30,
                    "lock_path": str(where.directory / "locks"),
                },
                touches={f"{next(iter(where.bmcs))} /redfish/v1/Systems/1": ("BiosVersion",)},
            ),
        ),
        "redfish_harden": (
            Case(
                "what takes no reboot",
                {"servers": servers, "profile": _SMALL, **directories(where.directory)},
                touches={f"{name} {path}": keys for name in where.bmcs for path, keys in _TOUCHED.items()},
            ),
            Case(
                "one is dead, one is rebooted",
                {
                    "servers": [{**servers[0], "state": "staged"}, dead],
                    "profile": {"inherits": None, "controls": {"boot_mode": "uefi"}},
                    "allow_reboot": True,
                    "fail_on_error": False,
                    "deadline": 30,
                    **directories(where.directory),
                },
                touches={f"{next(iter(where.bmcs))} /redfish/v1/Systems/1/Bios": ("Attributes",)},
            ),
        ),
        "redfish_info": (
            Case("servers of three makers", {"servers": servers}, changed=False),
            Case("one is dead", {"servers": [*servers, dead], "fail_on_error": False}, changed=False),
        ),
        "redfish_rotation": (
            Case(
                "two administrators in slots, and the factory's account disabled",
                {
                    "servers": [servers[0]],
                    "first": "bmc-first",
                    "second": "bmc-second",
                    "generation": "2026-11",
                    "factory_accounts": ["root"],
                    "store_command": [sys.executable, str(STORE), str(where.directory / "store")],
                    "state_path": str(where.directory / "state"),
                    **locks,
                },
                touches={
                    f"dgx-05 {accounts}/3": ("Enabled",),
                    **{f"dgx-05 {accounts}/{slot}": ("UserName", "RoleId", "Enabled") for slot in (4, 5)},
                },
            ),
            Case(
                "one is dead",
                {
                    "servers": [dead],
                    "first": "bmc-first",
                    "second": "bmc-second",
                    "generation": "2026-11",
                    "store_command": [sys.executable, str(STORE), str(where.directory / "store")],
                    "state_path": str(where.directory / "state"),
                    "fail_on_error": False,
                    **locks,
                },
                changed=False,
            ),
        ),
        "redfish_report": (
            Case(
                "a table and all files",
                {"servers": _AUDIT, "path": "report.json", "junit": "report.xml", "html": "report.html"},
                changed=False,
            ),
        ),
    }


REDFISH_MODULES = (
    "redfish_accounts",
    "redfish_audit",
    "redfish_certificate",
    "redfish_firmware",
    "redfish_harden",
    "redfish_info",
    "redfish_report",
    "redfish_rotation",
)
