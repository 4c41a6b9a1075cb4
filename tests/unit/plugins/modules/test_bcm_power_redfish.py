# SPDX-License-Identifier: GPL-3.0-or-later
"""What is Redfish's own where nodes are powered and BMCs asked by it."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._bmc.schedule import Limits
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmConfigError
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.power import run_action as power_module
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.power.run_action import (
    PowerJob,
    RedfishWay,
    inspect_bmcs,
    run_power_action,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._https.client import HttpsClient
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish import session
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.claim import claimed
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.connection import BmcLogin

from ..fake_bmc import MANAGER, ROOT, SYSTEM, FakeBmc, refusal
from ..fake_head_node import FakeHeadNode
from ..objects import make_device

RESET = f"{SYSTEM}/Actions/ComputerSystem.Reset"
NAMES = ("node001", "node002", "node003", "node004")


class Cluster:
    """A head node with nodes whose BMCs speak Redfish alone."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.head = FakeHeadNode(*(make_device(name, number) for number, name in enumerate(NAMES, start=1)))
        self.bmcs = {name: FakeBmc(passwords={"bright": "bmc-secret"}) for name in NAMES}
        self.asked: set[str] = set()
        monkeypatch.setattr(power_module, "SystemClock", lambda: self.head.clock)
        transport = httpx.MockTransport(self._handle)
        monkeypatch.setattr(session, "HttpsClient", functools.partial(_client, transport))

    def _handle(self, request: httpx.Request) -> httpx.Response:
        name = NAMES[int(request.url.host.rpartition(".")[2]) - 1]
        self.asked.add(f"{request.url.host}:{request.url.port or 443}")
        return self.bmcs[name].handle(request)

    def switch(self, action: str, *names: str, check_mode: bool = False, **job: Any) -> Any:
        client = self.head.client(read_only=check_mode)
        given = PowerJob(names or NAMES[:1], action, via="redfish", limits=Limits(tries=1), **job)
        return run_power_action(client, given, check_mode=check_mode)["nodes"]

    def inspect(self, *names: str, **job: Any) -> Any:
        given = PowerJob(names or NAMES[:1], "status", via="redfish", limits=Limits(tries=1), **job)
        return inspect_bmcs(self.head.client(read_only=True), given)

    def power(self, state: str, name: str = NAMES[0]) -> None:
        self.bmcs[name].body(SYSTEM)["PowerState"] = state

    def sent(self, name: str = NAMES[0]) -> list[str]:
        return [content["ResetType"] for _method, path, content in self.bmcs[name].writes if path == RESET]


def _client(transport: httpx.MockTransport, *given: Any, **named: Any) -> HttpsClient:
    return HttpsClient(*given, **{**named, "http_transport": transport})


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    return Cluster(monkeypatch)


@pytest.mark.parametrize(
    ("state", "action", "sent"),
    [
        ("Off", "on", ["On"]),
        ("On", "off", ["ForceOff"]),
        ("On", "cycle", ["ForceOff", "On"]),
        ("On", "reset", ["ForceRestart"]),
        ("Off", "reset", []),
        ("On", "on", []),
    ],
)
def test_each_action_is_sent_as_redfish_calls_it(cluster: Cluster, state: str, action: str, sent: list[str]) -> None:
    cluster.power(state)

    node = cluster.switch(action)["node001"]

    assert cluster.sent() == sent
    assert (node["failure"], node["changed"]) == (None, bool(sent))
    assert cluster.bmcs["node001"].sessions == set()


@pytest.mark.parametrize("by_info", [False, True])
@pytest.mark.parametrize(
    ("action", "state", "offered", "sent"),
    [
        ("reset", "On", ["On", "ForceOff", "PowerCycle"], "PowerCycle"),
        ("on", "Off", ["ForceOn", "ForceOff"], "ForceOn"),
    ],
)
def test_of_several_words_one_that_the_bmc_offers_is_sent(
    cluster: Cluster, by_info: bool, action: str, state: str, offered: list[str], sent: str
) -> None:
    bmc, where = cluster.bmcs["node001"], f"{SYSTEM}/ResetActionInfo"
    cluster.power(state)
    reset = bmc.body(SYSTEM)["Actions"]["#ComputerSystem.Reset"]
    if by_info:
        reset["@Redfish.ActionInfo"] = where
        bmc.resources[where] = {"Parameters": [{"Name": "ResetType", "AllowableValues": offered}]}
    else:
        reset["ResetType@Redfish.AllowableValues"] = offered

    cluster.switch(action, timeout_s=2)

    assert cluster.sent() == [sent]


def test_what_the_bmc_does_not_offer_is_refused_and_nothing_sent(cluster: Cluster) -> None:
    reset = cluster.bmcs["node001"].body(SYSTEM)["Actions"]["#ComputerSystem.Reset"]
    reset["ResetType@Redfish.AllowableValues"] = ["On", "ForceOff"]

    node = cluster.switch("reset")["node001"]

    assert (node["failure"], cluster.sent()) == ("refused", [])
    assert "offers no ForceRestart or PowerCycle" in node["error"]


def test_one_that_can_not_shut_down_gracefully_is_cut_at_once(cluster: Cluster) -> None:
    reset = cluster.bmcs["node001"].body(SYSTEM)["Actions"]["#ComputerSystem.Reset"]
    reset["ResetType@Redfish.AllowableValues"] = ["On", "ForceOff"]

    node = cluster.switch("off", graceful_s=300.0)["node001"]

    assert (node["off_by"], node["after"], cluster.sent()) == ("cut", "OFF", ["ForceOff"])
    assert cluster.head.clock.now_s() < 60


def _lose_answers(bmc: FakeBmc, *, performed: bool, times: int = 1) -> None:
    left = [times]

    def lose(request: httpx.Request) -> httpx.Response | None:
        if not left[0]:
            return None
        left[0] -= 1
        kind = json.loads(request.content)["ResetType"]
        bmc.writes.append(("POST", RESET, {"ResetType": kind}))
        if performed:
            bmc._reset(kind)
        raise httpx.ReadError("connection reset", request=request)

    bmc.instead[RESET] = lose


def test_where_the_answer_is_lost_the_state_is_read_and_nothing_sent_twice(cluster: Cluster) -> None:
    cluster.power("Off")
    _lose_answers(cluster.bmcs["node001"], performed=True)

    node = cluster.switch("on")["node001"]

    assert (node["failure"], node["after"], cluster.sent()) == (None, "ON", ["On"])


def test_a_command_that_was_lost_on_its_way_is_sent_once_more_when_the_state_does_not_follow(cluster: Cluster) -> None:
    cluster.power("Off")
    _lose_answers(cluster.bmcs["node001"], performed=False)

    node = cluster.switch("on")["node001"]

    assert (node["failure"], node["after"], cluster.sent()) == (None, "ON", ["On", "On"])


def test_a_reset_whose_answer_is_lost_is_never_sent_twice(cluster: Cluster) -> None:
    _lose_answers(cluster.bmcs["node001"], performed=True)

    cluster.switch("reset")

    assert cluster.sent() == ["ForceRestart"]


def test_a_bmc_that_refuses_what_is_so_already_is_believed(cluster: Cluster) -> None:
    cluster.power("Off")
    bmc = cluster.bmcs["node001"]

    def refuse(_request: httpx.Request) -> httpx.Response:
        bmc.body(SYSTEM)["PowerState"] = "On"
        return refusal(409, "GeneralError")

    bmc.instead[RESET] = refuse

    assert cluster.switch("on")["node001"]["failure"] is None


def test_a_state_that_does_not_follow_is_not_confirmed(cluster: Cluster) -> None:
    cluster.power("Off")
    cluster.bmcs["node001"].instead[RESET] = lambda _request: httpx.Response(204)

    node = cluster.switch("on", timeout_s=5.0)["node001"]

    assert node["failure"] == "not confirmed"
    assert "5 s later the power state is OFF" in node["error"]


def test_wrong_credentials_are_shown_to_two_bmcs_and_once_each(cluster: Cluster) -> None:
    for bmc in cluster.bmcs.values():
        bmc.passwords = {"bright": "another"}

    nodes = cluster.switch("on", *NAMES)

    assert sorted(node["failure"] for node in nodes.values()) == ["credentials"] * 2 + ["not tried"] * 2
    assert sorted(bmc.failed_logins for bmc in cluster.bmcs.values()) == [0, 0, 1, 1]
    assert "bmc-secret" not in repr(nodes)


def test_a_server_that_another_run_is_changing_is_left_alone_and_may_be_asked(cluster: Cluster, tmp_path: Path) -> None:
    way = RedfishWay(lock_path=str(tmp_path))
    cluster.power("Off")
    cluster.power("Off", "node002")
    login = BmcLogin("server", "10.148.0.1", "hardener", "another-secret")

    with claimed(str(tmp_path), {"server": login}):
        asked = cluster.switch("status", *NAMES[:2], redfish=way)
        nodes = cluster.switch("on", *NAMES[:2], redfish=way)
    after = cluster.switch("on", *NAMES[:2], redfish=way)

    assert [node["failure"] for node in asked.values()] == [None, None]
    assert "another run on this computer is changing this BMC; nothing was written" in nodes["node001"]["error"]
    assert {name: node["failure"] for name, node in nodes.items()} == {"node001": "refused", "node002": None}
    assert after["node001"]["changed"]
    assert cluster.sent() == ["On"]


def test_a_boot_device_is_for_one_boot_and_read_back(cluster: Cluster) -> None:
    cluster.power("Off")
    bmc = cluster.bmcs["node001"]

    cluster.switch("on", boot_device="pxe")

    boot = {"BootSourceOverrideEnabled": "Once", "BootSourceOverrideTarget": "Pxe"}
    assert [content for method, _path, content in bmc.writes if method == "PATCH"] == [{"Boot": boot}]
    assert cluster.sent() == ["On"]


@pytest.mark.parametrize("mode", ["uefi", "legacy"])
@pytest.mark.parametrize("offered", [["Legacy", "UEFI"], ["UEFI"], [], None])
def test_the_boot_mode_is_sent_where_the_bmc_offers_it(cluster: Cluster, mode: str, offered: list[str] | None) -> None:
    cluster.power("Off")
    bmc = cluster.bmcs["node001"]
    # One that shows the mode and offers no choice may refuse to be told it.
    bmc.body(SYSTEM).setdefault("Boot", {})["BootSourceOverrideMode"] = "UEFI"
    if offered is not None:
        bmc.body(SYSTEM)["Boot"]["BootSourceOverrideMode@Redfish.AllowableValues"] = offered

    node = cluster.switch("on", boot_device="pxe", boot_mode=mode)["node001"]

    word = {"uefi": "UEFI", "legacy": "Legacy"}[mode]
    sent = [content["Boot"].get("BootSourceOverrideMode") for method, _path, content in bmc.writes if method == "PATCH"]
    assert (node["failure"], sent) == (None, [word if word in (offered or []) else None])


def test_a_boot_device_that_is_not_kept_leaves_the_node_off(cluster: Cluster) -> None:
    cluster.power("Off")
    cluster.bmcs["node001"].ignored = {SYSTEM}

    node = cluster.switch("on", boot_device="pxe")["node001"]

    assert (node["failure"], cluster.sent()) == ("not confirmed", [])


def test_of_several_systems_one_is_named_or_nothing_is_sent(cluster: Cluster) -> None:
    bmc = cluster.bmcs["node001"]
    bmc.body(SYSTEM).update(Id="1", PowerState="Off")
    bmc.resources[f"{ROOT}/Systems/2"] = {**bmc.body(SYSTEM), "@odata.id": f"{ROOT}/Systems/2", "Id": "2"}
    bmc.body(f"{ROOT}/Systems")["Members"].append({"@odata.id": f"{ROOT}/Systems/2"})

    lost = cluster.switch("on")["node001"]
    found = cluster.switch("on", overrides={"node001": {"name": "node001", "system": "1"}})["node001"]
    wrong = cluster.switch("on", overrides={"node001": {"name": "node001", "system": "9"}})["node001"]

    assert "has not one system: 1, 2; name it as system in bmcs" in lost["error"]
    assert (found["failure"], cluster.sent()) == (None, ["On"])
    assert "has no system 9; it has 1, 2" in wrong["error"]


def test_an_account_is_used_only_where_bcm_knows_none(cluster: Cluster) -> None:
    way = RedfishWay(port=8443, username="other", password="other-secret")
    cluster.head.device("node002")["bmcSettings"] = {}
    cluster.head.device("node002")["partition"] = ""
    cluster.head.device("node002")["category"] = ""
    cluster.bmcs["node002"].passwords = {"other": "other-secret"}

    nodes = cluster.switch("status", "node001", "node002", redfish=way)

    assert [node["failure"] for node in nodes.values()] == [None, None]
    assert cluster.asked == {"10.148.0.1:8443", "10.148.0.2:8443"}


@pytest.mark.parametrize("option", ["system", "tls_fingerprint"])
def test_what_only_redfish_has_is_refused_with_ipmi(cluster: Cluster, option: str) -> None:
    job = PowerJob(NAMES[:1], "status", via="ipmi", overrides={"node001": {"name": "node001", option: "1"}})

    with pytest.raises(BcmConfigError, match="need via: redfish: node001"):
        run_power_action(cluster.head.client(), job, check_mode=False)


def test_a_fingerprint_that_is_none_is_told_before_anything_is_sent(cluster: Cluster) -> None:
    with pytest.raises(BcmConfigError, match="tls_fingerprint must be the SHA-256"):
        cluster.switch("status", overrides={"node001": {"name": "node001", "tls_fingerprint": "1"}})


@pytest.mark.parametrize(
    ("boot", "device"),
    [
        ({"BootSourceOverrideEnabled": "Once", "BootSourceOverrideTarget": "Pxe"}, "pxe"),
        ({"BootSourceOverrideEnabled": "Disabled", "BootSourceOverrideTarget": "Pxe"}, "none"),
        ({}, ""),
    ],
)
def test_a_bmc_tells_the_same_as_by_ipmi(cluster: Cluster, boot: dict[str, str], device: str) -> None:
    cluster.bmcs["node001"].body(SYSTEM)["Boot"] = boot

    assert cluster.inspect() == {
        "node001": {
            "address": "10.148.0.1",
            "reachable": True,
            "credentials_good": True,
            "power": "ON",
            "firmware": "2.10.3",
            "boot_device": device,
            "failure": None,
            "error": "",
            "tries": 1,
            "seconds": 0.0,
        }
    }
    assert cluster.bmcs["node001"].writes == []
    assert ("GET", MANAGER) in cluster.bmcs["node001"].requests


def test_one_bmc_that_is_dead_is_tried_again_and_the_others_are_done(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectTimeout("no answer")

    monkeypatch.setattr(cluster.bmcs["node002"], "handle", silent)
    job: Callable[..., PowerJob] = functools.partial(PowerJob, NAMES[:3], "status", via="redfish")

    told = inspect_bmcs(cluster.head.client(), job(limits=Limits(tries=2, retry_delay_s=1.0)))

    assert [(one["reachable"], one["tries"]) for one in told.values()] == [(True, 1), (False, 2), (True, 1)]
