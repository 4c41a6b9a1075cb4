# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""NetBoxes for the tests: in memory one that behaves as 3.2, one as 4.6, one as 4.7; or the one that NETBOX_URL names.

Tests that take `lab` run against all of them. Those that take `fake` need a NetBox that breaks on request; beside a
real one they are left to the runs without it.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._ansible import runner as opening
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.connection import NetBoxTransport
from ansible_collections.baremetal.bcm.tests.netbox.fake.server import TOKEN, FakeNetBox, served
from ansible_collections.baremetal.bcm.tests.netbox.fake.store import NEW, NEXT, OLD
from ansible_collections.baremetal.bcm.tests.netbox.lab import Lab
from ansible_collections.baremetal.bcm.tests.unit.plugins.running import module_arguments

MODULES = "ansible_collections.baremetal.bcm.plugins.modules"
# Kept here, because tests must not be connected by accident.
REAL = {name: os.environ.get(name, "") for name in ("NETBOX_URL", "NETBOX_TOKEN")}
FAKES = {"fake-3.2": OLD, "fake-4.6": NEW, "fake-4.7": NEXT}
Result = dict[str, Any]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep of the tests here those to which a real NetBox makes a difference."""
    if not REAL["NETBOX_URL"]:
        return
    here = Path(__file__).parent
    same = [item for item in items if here in item.path.parents and "lab" not in getattr(item, "fixturenames", ())]
    config.hook.pytest_deselected(items=same)
    items[:] = [item for item in items if item not in set(same)]


@pytest.fixture(autouse=True)
def _no_connection_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("URL", "TOKEN", "VALIDATE_CERTS", "CA_PATH", "DEBUG_CALLS"):
        monkeypatch.delenv(f"NETBOX_{name}", raising=False)


@pytest.fixture(params=FAKES)
def fake(request: pytest.FixtureRequest) -> Iterator[FakeNetBox]:
    """A NetBox in memory."""
    with served(FakeNetBox(FAKES[request.param])) as netbox:
        yield netbox


@pytest.fixture(params=["real"] if REAL["NETBOX_URL"] else FAKES)
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A NetBox, real if there is one."""
    if request.param == "real":
        real = Lab(REAL["NETBOX_URL"], REAL["NETBOX_TOKEN"])
        yield real
        real.rest()
        return
    with served(FakeNetBox(FAKES[request.param])) as netbox:
        yield Lab(netbox.url, TOKEN)


@pytest.fixture
def broken_lab(fake: FakeNetBox) -> Lab:
    """Hands on `fake`."""
    return Lab(fake.url, TOKEN)


class Modules:
    """Runs whole modules in this process: real AnsibleModule, real argument spec, real HTTP."""

    def __init__(self, capsys: pytest.CaptureFixture[str], lock_path: Path) -> None:
        self._capsys = capsys
        self._lock_path = str(lock_path)
        self._ledger_path = str(lock_path.with_name("ledger"))
        self.printed = ""
        self.slept_s = 0.0

    def run(self, name: str, lab: Lab, /, *, check: bool = False, verbosity: int = 0, **options: Any) -> Result:
        """The result, failed or not. An option that is None is not given."""
        module = importlib.import_module(f"{MODULES}.{name}")
        given = {"url": lab.url, "token": lab.token, **options}
        given = {option: value for option, value in given.items() if value is not None}
        if name == "netbox_lifecycle":
            given.setdefault("lock_path", self._lock_path)
            given.setdefault("ledger_path", self._ledger_path)
        arguments = {**given, "_ansible_check_mode": check, "_ansible_diff": True, "_ansible_verbosity": verbosity}
        transport = functools.partial(NetBoxTransport, sleep=self._sleep)
        self._capsys.readouterr()
        patched = mock.patch.object(opening, "NetBoxTransport", transport)
        with patched, module_arguments(arguments), pytest.raises(SystemExit) as ended:
            module.main()
        self.printed = self._capsys.readouterr().out
        result: Result = json.loads(self.printed)
        assert bool(result.get("failed")) == bool(ended.value.code)
        assert lab.token not in self.printed
        return result

    def good(self, name: str, lab: Lab, /, **options: Any) -> Result:
        result = self.run(name, lab, **options)
        assert not result.get("failed"), result["msg"]
        return result

    def bad(self, name: str, lab: Lab, /, **options: Any) -> str:
        """The message of a module that must fail."""
        result = self.run(name, lab, **options)
        assert result.get("failed"), result
        return str(result["msg"])

    def events(self, lab: Lab, *events: dict[str, Any], **options: Any) -> list[Result]:
        """Apply events; return what became of each."""
        result: list[Result] = self.good("netbox_lifecycle", lab, events=list(events), **options)["events"]
        return result

    def event(self, lab: Lab, event: dict[str, Any], **options: Any) -> Result:
        """Apply one event; what became of it."""
        (result,) = self.events(lab, event, **options)
        return result

    def _sleep(self, seconds: float) -> None:
        self.slept_s += seconds


@pytest.fixture
def modules(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Modules:
    """Run modules."""
    return Modules(capsys, tmp_path / "locks")


def ack(mac: str, ip: str, **more: Any) -> dict[str, Any]:
    """A DHCP acknowledgement, as a task names it."""
    return {"event": "dhcp_ack", "mac": mac, "ip": ip, "prefix_length": 24, **more}
