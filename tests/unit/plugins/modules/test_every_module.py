# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module keeps, whatever it does."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._ansible import runner
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.client import HeadNode

from ..fake_head_node import PASSWORD, FakeHeadNode
from ..objects import make_bmc_settings
from ..running import Modules

Options = dict[str, Any]

SECRET = "new-bmc-secret"
NEW_NODE = {
    "hostname": "node009",
    "mac": "02:00:00:00:00:09",
    "category": "default",
    "interfaces": [{"name": "BOOTIF", "type": "physical", "ip": "10.141.0.9", "bootable": True}],
    "bmc_settings": {"username": "u", "password": SECRET},
}


@dataclass(frozen=True)
class Case:
    """A module with options; `again` is False where doing it twice does it twice (cycle and reset)."""

    module: str
    options: Options = field(default_factory=dict)
    changes: bool = False
    again: bool = True

    def __str__(self) -> str:
        words = "-".join(str(value) for value in self.options.values() if isinstance(value, str))
        return f"{self.module} {words}".strip()


CASES = [
    Case("bcm_category_info"),
    Case("bcm_image_info"),
    Case("bcm_network_info"),
    Case("bcm_device_info"),
    Case("bcm_status_info"),
    Case("bcm_status_info", {"include_power": True}),
    Case("bcm_preflight", {"devices": [NEW_NODE]}),
    Case("bcm_device", {"hostname": "node001"}),
    Case("bcm_device", {"hostname": "node001", "notes": "new", "labels": ["gpu"]}, changes=True),
    Case("bcm_device", {"hostname": "node001", "software_image": "other-image"}, changes=True),
    Case("bcm_device", {"hostname": "node001", "bmc_settings": {"password": SECRET}}, changes=True),
    Case("bcm_device", {"hostname": "node001", "roles": [{"name": "boot"}]}, changes=True),
    Case("bcm_device", NEW_NODE, changes=True),
    Case("bcm_device", {"hostname": "node001", "state": "absent"}, changes=True),
    Case("bcm_device", {"hostname": "node003", "state": "absent", "allow_up": True}, changes=True),
    Case("bcm_device", {"hostname": "node404", "state": "absent"}),
    Case("bcm_devices", {"devices": [{"hostname": "node001"}, {"hostname": "node002"}]}),
    Case("bcm_devices", {"devices": [NEW_NODE, {"hostname": "node001", "notes": "x"}]}, changes=True),
    Case("bcm_category", {"name": "default"}),
    Case("bcm_category", {"name": "default", "kernel_parameters": "iommu=pt"}, changes=True),
    Case("bcm_category", {"name": "default", "bmc_settings": {"password": SECRET}}, changes=True),
    Case("bcm_category", {"name": "new", "clone_from": "default", "notes": "x"}, changes=True),
    Case("bcm_category", {"name": "new", "software_image": "other-image"}, changes=True),
    Case("bcm_category", {"name": "gpu", "state": "absent"}, changes=True),
    Case("bcm_categories", {"categories": [{"name": "default"}, {"name": "gpu"}]}),
    Case(
        "bcm_categories",
        {
            "categories": [
                {"name": "gpu", "bmc_settings": {"password": SECRET}, "kernel_parameters": "iommu=pt"},
                {"name": "new", "software_image": "other-image"},
                {"name": "newer", "clone_from": "new", "fsmounts": [{"mountpoint": "/scratch", "device": "nfs:/s"}]},
                {"name": "newest", "clone_from": "gpu", "notes": "x"},
            ]
        },
        changes=True,
    ),
    Case("bcm_categories", {"categories": [{"name": "gpu", "state": "absent"}]}, changes=True),
    Case("bcm_power", {"names": ["node001", "node003"], "action": "status"}),
    Case("bcm_power", {"names": ["node001", "node003"], "action": "on"}, changes=True),
    Case("bcm_power", {"names": ["node003"], "action": "power_on"}),
    Case("bcm_power", {"names": ["node003"], "action": "off", "allow_up": True}, changes=True),
    Case("bcm_power", {"names": ["node003"], "action": "cycle", "allow_up": True}, changes=True, again=False),
    Case("bcm_power", {"names": ["node003"], "action": "reset", "allow_up": True}, changes=True, again=False),
]
WRITING = [case for case in CASES if case.changes]
# Documentation of action plugins, and what needs BMCs on a network.
WITHOUT_CASES = {"bcm_claim", "bcm_plan", "bcm_prepare", "bcm_provision", "bcm_report", "bcm_bmc_info"}


def test_every_module_has_a_case() -> None:
    plugins = Path(__file__).parents[4] / "plugins" / "modules"

    assert {path.stem for path in plugins.glob("bcm_*.py")} - WITHOUT_CASES == {case.module for case in CASES}


@pytest.fixture
def head(head: FakeHeadNode) -> FakeHeadNode:
    for number, raw in enumerate(head.devices.values()):
        if raw["childType"] == "PhysicalNode" and number % 2:
            raw["bmcSettings"] = make_bmc_settings(raw["hostname"])
    return head


def entities(head: FakeHeadNode) -> dict[str, Any]:
    return {raw["uuid"]: copy.deepcopy(raw) for kind in (head.devices, head.categories) for raw in kind.values()}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_check_mode_writes_nothing(case: Case, modules: Modules, head: FakeHeadNode) -> None:
    modules.good(case.module, **case.options, check=True)

    assert not head.writes
    assert not head.sessions


@pytest.mark.parametrize("case", WRITING, ids=str)
def test_a_module_that_forgot_check_mode_would_write_nothing_either(
    case: Case, modules: Modules, head: FakeHeadNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgets = False
    opened = runner.open_head_node

    class Forgetful(runner.CallsModule):
        _asked = False

        @property
        def check_mode(self) -> bool:
            return self._asked and not forgets

        @check_mode.setter
        def check_mode(self, value: bool) -> None:
            self._asked = value

    @contextmanager
    def open_head_node(*args: Any, **options: Any) -> Iterator[HeadNode]:
        nonlocal forgets
        with opened(*args, **options) as head_node:
            forgets = True
            yield head_node

    monkeypatch.setattr(runner, "CallsModule", Forgetful)
    monkeypatch.setattr(runner, "open_head_node", open_head_node)

    assert "must not be sent in check mode" in modules.bad(case.module, **case.options, check=True)
    assert forgets
    assert not head.writes


@pytest.mark.parametrize("case", CASES, ids=str)
def test_changed_tells_the_truth(case: Case, modules: Modules, head: FakeHeadNode) -> None:
    result = modules.good(case.module, **case.options)

    assert result["changed"] is case.changes
    assert bool(head.writes) is case.changes
    assert not head.sessions


@pytest.mark.parametrize("case", CASES, ids=str)
def test_check_mode_tells_what_the_run_then_does(case: Case, modules: Modules) -> None:
    planned = modules.good(case.module, **case.options, check=True)
    done = modules.good(case.module, **case.options)

    assert planned["changed"] == done["changed"]
    assert planned.get("diff") == done.get("diff")


@pytest.mark.parametrize("case", [case for case in CASES if case.again], ids=str)
def test_the_second_time_nothing_changes(case: Case, modules: Modules, head: FakeHeadNode) -> None:
    modules.good(case.module, **case.options)
    before = len(head.writes)

    assert modules.good(case.module, **case.options)["changed"] is False
    assert modules.good(case.module, **case.options, check=True)["changed"] is False
    assert len(head.writes) == before


@pytest.mark.parametrize("case", CASES, ids=str)
def test_entities_that_are_not_named_are_byte_identical(case: Case, modules: Modules, head: FakeHeadNode) -> None:
    before = entities(head)
    named = set(json.dumps(case.options).split('"'))

    modules.good(case.module, **case.options)

    after = entities(head)
    for uuid, raw in before.items():
        if not {raw.get("hostname"), raw.get("name")} & named:
            assert json.dumps(after[uuid]) == json.dumps(raw)


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_nothing_that_is_printed_tells_a_secret(case: Case, check: bool, modules: Modules) -> None:
    modules.good(case.module, **case.options, check=check)

    for secret in (PASSWORD, SECRET, "bmc-secret"):
        assert secret not in modules.printed


@pytest.mark.parametrize("case", CASES, ids=str)
def test_no_failure_tells_a_secret(case: Case, modules: Modules, head: FakeHeadNode) -> None:
    text = f"{PASSWORD} {SECRET}"
    for name in ("getDevices", "getSoftwareImages", "getNetworks", "getCategories"):
        head.instead[name] = lambda _call: httpx.Response(200, json={"errormessage": f"no: {text}"})

    modules.bad(case.module, **case.options)

    assert PASSWORD not in modules.printed
    assert SECRET not in modules.printed or SECRET not in json.dumps(case.options)


@pytest.mark.parametrize("case", WRITING, ids=str)
def test_a_head_node_that_refuses_is_a_failure_that_tells_why(case: Case, modules: Modules, head: FakeHeadNode) -> None:
    refused = "Your certificate (profile:) does not allow access to this\n"
    for name in (
        "addDevice",
        "updateDevice",
        "removeDevice",
        "addCategory",
        "updateCategory",
        "removeCategory",
        "powerOperation",
    ):
        head.instead[name] = lambda _call: httpx.Response(200, json={"errormessage": refused})

    assert "does not allow access to this" in modules.bad(case.module, **case.options)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_head_node_that_is_not_there_is_one_clear_sentence(
    case: Case, modules: Modules, head: FakeHeadNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("[Errno 111] Connection refused")

    monkeypatch.setattr(head, "handle", refuse)

    message = modules.bad(case.module, **case.options)

    assert "https://head.example:8081" in message
    assert "Connection refused" in message
    assert "Traceback" not in message


@pytest.mark.parametrize("case", CASES, ids=str)
def test_no_credentials_are_a_clear_failure(case: Case, modules: Modules) -> None:
    message = modules.bad(case.module, **case.options, username=None, password=None)

    assert "no credentials given" in message


def test_the_connection_may_come_from_the_environment(modules: Modules, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BCM_HEAD_NODE", "other.example")
    monkeypatch.setenv("BCM_PORT", "9000")

    modules.good("bcm_image_info", head_node=None)
