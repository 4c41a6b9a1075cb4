# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rack whose BMCs speak Redfish, each like another vendor's, and modules run against them in this process."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import httpx
import pytest
import yaml

from ansible_collections.baremetal.bcm.plugins.module_utils._values import clock
from ansible_collections.baremetal.bcm.tests.integration.support.rack import ROOT, Rack, RackFile, running
from ansible_collections.baremetal.bcm.tests.unit.plugins.running import MODULES, Result, module_arguments

PASSWORD = "demo-bmc-password"
# The account that a site makes before it hardens: that of the factory is disabled.
OWN = ("hardener", "demo-own-password")
# How much faster than real both the rack's time and the waiting of what is tested pass.
SPEED = 20.0
# For one BMC, in the rack's seconds: a busy computer must not be taken for a BMC that does not answer.
DEADLINE_S = 2400.0


@dataclass
class VendorRack:
    """Machines that speak Redfish. `before` has the counts of each BMC as `forget` last saw them."""

    rack: Rack
    directory: Path
    machines: Mapping[str, Mapping[str, Any]]
    before: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """The names of the machines."""
        return list(self.machines)

    def address(self, name: str) -> str:
        """Give address and port of a BMC."""
        return f"{self.machines[name]['bmc']['address']}:{self.rack.environment['VIRTUAL_RACK_REDFISH_PORT']}"

    def server(self, name: str, **more: Any) -> dict[str, Any]:
        """Give what the option `servers` says of one."""
        machine = self.machines[name]
        login = {"username": machine["bmc"]["username"], "password": PASSWORD, "serial": machine["serial"]}
        return {"name": name, "address": self.address(name), **login, **more}

    def make_account(self, name: str) -> None:
        """Make the site's own administrator, in a free slot where accounts are slots."""
        root = "/redfish/v1/AccountService/Accounts"
        account = {"UserName": OWN[0], "Password": OWN[1], "RoleId": "Administrator", "Enabled": True}
        with self.client(name) as client:
            answer = client.post(root, json=account)
            if answer.status_code == 405:
                answer = client.patch(f"{root}/3", json=account)
            assert answer.is_success, answer.text

    def client(self, name: str) -> httpx.Client:
        """Talk to a BMC as somebody else would, by the account of the factory."""
        trusted = ssl.create_default_context(cafile=self.rack.environment["BCM_CA_PATH"])
        login = (self.machines[name]["bmc"]["username"], PASSWORD)
        return httpx.Client(base_url=f"https://{self.address(name)}", verify=trusted, auth=login, trust_env=False)

    def read(self, name: str, path: str) -> dict[str, Any]:
        """Read a resource as somebody else would."""
        with self.client(name) as client:
            body: dict[str, Any] = client.get(path).raise_for_status().json()
        return body

    def change(self, name: str, path: str, body: Mapping[str, Any]) -> None:
        """Change a resource as somebody else would."""
        with self.client(name) as client:
            client.patch(path, json=body).raise_for_status()

    def audit(self, *names: str, **options: Any) -> Result:
        """Audit some servers, or all."""
        servers = [self.server(name) for name in names or self.names]
        return self.run("redfish_audit", **{"servers": servers, "deadline": DEADLINE_S, **options})

    def harden(self, *names: str, **options: Any) -> Result:
        """Harden some servers, or all, as staged ones."""
        own = {"bundle_path": str(self.directory / "bundles"), "lock_path": str(self.directory / "locks")}
        servers = [self.server(name, state="staged") for name in names or self.names]
        return self.run("redfish_harden", **{"servers": servers, "allow_reboot": True, **own, **options})

    def run(self, name: str, **options: Any) -> Result:
        """Run a whole module in this process, with time that passes as fast as the rack's; failed or not."""
        return run_module(name, speed=SPEED, ca_path=self.rack.environment["BCM_CA_PATH"], **options)

    def forget(self) -> None:
        """Begin to count anew."""
        self.before = self._counts()

    def counted(self, what: str) -> dict[str, int]:
        """Give how many `requests`, `writes`, `logins` or `refused_logins` each BMC has had since `forget`."""
        now = self._counts()
        return {name: now[name][what] - self.before.get(name, {}).get(what, 0) for name in self.names}

    def sessions(self) -> dict[str, int]:
        """Give how many sessions are open at each BMC."""
        return {name: counts["sessions"] for name, counts in self._counts().items()}

    def _counts(self) -> dict[str, dict[str, int]]:
        return {name: node["redfish"] for name, node in self.rack.nodes().items()}


def run_module(name: str, *, speed: float = 1.0, check: bool = False, **options: Any) -> Result:
    """Run a whole module in this process, with time that passes so much faster; failed or not."""
    module = importlib.import_module(f"{MODULES}.{name}")
    fast = SimpleNamespace(
        monotonic=lambda: speed * time.monotonic(),
        sleep=lambda seconds: time.sleep(seconds / speed),
        time=time.time,
    )
    printed = io.StringIO()
    with (
        mock.patch.object(clock, "time", fast),
        module_arguments({**options, "_ansible_check_mode": check, "_ansible_diff": True}),
        contextlib.redirect_stdout(printed),
        pytest.raises(SystemExit),
    ):
        module.main()
    result: Result = json.loads(printed.getvalue())
    return result


def findings(result: Result) -> dict[str, dict[str, tuple[str, str]]]:
    """Give state and message of every control, by server."""
    return {
        name: {each["control"]: (each["state"], each["message"]) for each in server["controls"]}
        for name, server in result["servers"].items()
    }


def vendors_file() -> RackFile:
    """Give the rack file with a machine of each vendor."""
    rack: RackFile = yaml.safe_load((ROOT / "virtual_rack/racks/vendors.yml").read_text(encoding="utf-8"))
    return {**rack, "redfish_port": 0}


def machine_of(mode: str, number: int, **redfish: Any) -> dict[str, Any]:
    """Give a machine of one vendor for a rack file."""
    model = next(each for each in vendors_file()["machines"] if each["bmc"]["redfish"]["mode"] == mode)
    return {
        **model,
        "name": f"{mode}-{number:02d}",
        "mac": f"02:00:00:00:02:{number:02x}",
        "serial": f"{mode.upper()}{number:04d}",
        "management_ip": f"10.141.2.{number}",
        "bmc": {**model["bmc"], "address": f"127.0.22.{number}", "redfish": {"mode": mode, **redfish}},
    }


@contextlib.contextmanager
def vendor_rack(directory: Path, machines: Sequence[Mapping[str, Any]] = ()) -> Iterator[VendorRack]:
    """Run a rack with a machine of each vendor, or with these, for as long as the block lasts."""
    file = vendors_file()
    if machines:
        file["machines"] = list(machines)
    with running(file, directory / "rack", speed=SPEED) as rack:
        yield VendorRack(rack, directory, {each["name"]: each for each in file["machines"]})
