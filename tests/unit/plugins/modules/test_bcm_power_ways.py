# SPDX-License-Identifier: GPL-3.0-or-later
"""What bcm_power does before, beside and after the talk with BMCs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.arguments import limits_of
from ansible_collections.baremetal.bcm.plugins.module_utils._bmc.ipmi import Ipmi
from ansible_collections.baremetal.bcm.plugins.module_utils._bmc.schedule import Limits
from ansible_collections.baremetal.bcm.plugins.module_utils._bmc.session import Bmc
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmConfigError
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.claim import claim_values
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.power import run_action as power_module
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.power.run_action import (
    PowerJob,
    bmc_of,
    run_power_action,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._https.client import HttpsClient
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish import session
from ansible_collections.baremetal.bcm.plugins.module_utils._values.owner import Owner

from ..fake_head_node import FakeHeadNode, answer
from ..module_utils._bmc.fake_sessions import FakeBmc, FakeSessions
from ..objects import make_bmc_settings, make_device, make_interface, make_references, uid
from ..redfish_face import RedfishFace

NAMES = ("node001", "node002", "node003")
STRAIGHT = {"via": "ipmi"}, {"via": "redfish"}
BEHAVES = {"via": "head_node"}, *STRAIGHT


class Cluster:
    """A head node with three nodes, and their BMCs for those who speak to them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.head = FakeHeadNode(*(make_device(name, number) for number, name in enumerate(NAMES, start=1)))
        self.bmcs = {f"10.148.0.{number}": FakeBmc() for number in (1, 2, 3)}
        self.sessions = FakeSessions(self.head.clock, self.bmcs)
        self.limits: list[Limits] = []
        self.said: list[str] = []
        self.faces = {
            address: RedfishFace(passwords={"bright": "bmc-secret"}, machine=bmc, clock=self.head.clock)
            for address, bmc in self.bmcs.items()
        }
        transport = httpx.MockTransport(lambda request: self.faces[request.url.host].handle(request))
        monkeypatch.setattr(
            session,
            "HttpsClient",
            lambda *given, **named: HttpsClient(*given, **{**named, "http_transport": transport}),
        )
        monkeypatch.setattr(power_module, "Ipmi", self._open)
        monkeypatch.setattr(power_module, "SystemClock", lambda: self.head.clock)

    def _open(self, limits: Limits) -> Ipmi:
        self.limits.append(limits)
        return Ipmi(limits, self.head.clock.now_s, self.sessions)

    def switch(self, action: str, *, names: tuple[str, ...] = NAMES, check_mode: bool = False, **job: Any) -> Any:
        client = self.head.client(read_only=check_mode)
        return run_power_action(client, PowerJob(names, action, **job), check_mode=check_mode, say=self.said.append)

    def turn_on(self, *names: str) -> None:
        """Switch nodes on that are not UP."""
        for name in names:
            self.head.node(name).power = "ON"
            self.bmcs[f"10.148.0.{NAMES.index(name) + 1}"].power = "ON"

    @property
    def sent(self) -> list[tuple[int, ...]]:
        """The power commands that went straight to BMCs."""
        return [request.data for bmc in self.bmcs.values() for request in bmc.requests if request.command == 0x02]


def _client(transport: httpx.MockTransport, *given: Any, **named: Any) -> HttpsClient:
    return HttpsClient(*given, **{**named, "http_transport": transport})


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    return Cluster(monkeypatch)


def actions_of(result: Mapping[str, Any]) -> dict[str, str]:
    return {name: node["action"] for name, node in result["nodes"].items()}


# -- both ways --


@pytest.mark.parametrize("way", BEHAVES)
@pytest.mark.parametrize(
    ("action", "actions", "after"),
    [
        ("on", ("none", "on", "on"), ("ON", "ON", "ON")),
        ("off", ("off", "none", "none"), ("OFF", "OFF", "OFF")),
        ("cycle", ("cycle", "on", "on"), ("ON", "ON", "ON")),
        ("status", ("none", "none", "none"), ("ON", "OFF", "OFF")),
    ],
)
def test_each_node_gets_what_it_needs_and_the_result_is_the_same_either_way(
    cluster: Cluster, way: dict[str, Any], action: str, actions: tuple[str, ...], after: tuple[str, ...]
) -> None:
    cluster.turn_on("node001")

    result = cluster.switch(action, **way)

    assert tuple(actions_of(result).values()) == actions
    assert tuple(node["after"] for node in result["nodes"].values()) == after
    assert [node["changed"] for node in result["nodes"].values()] == [todo != "none" for todo in actions]
    assert result["changed"] == any(todo != "none" for todo in actions)
    assert len(result["diff"]) == sum(todo != "none" for todo in actions)


@pytest.mark.parametrize("way", BEHAVES)
@pytest.mark.parametrize("action", ["on", "off", "cycle"])
def test_check_mode_tells_the_same_and_sends_nothing(
    monkeypatch: pytest.MonkeyPatch, way: dict[str, Any], action: str
) -> None:
    told = []
    for check_mode in (True, False):
        cluster = Cluster(monkeypatch)
        cluster.turn_on("node001")
        result = cluster.switch(action, check_mode=check_mode, **way)
        told.append((result["changed"], actions_of(result), result["diff"]))
        if check_mode:
            assert cluster.sent == []
            assert cluster.head.operations() == []
            assert not cluster.head.writes
            assert [node["before"] for node in result["nodes"].values()] == ["ON", "OFF", "OFF"]

    assert told[0] == told[1]


@pytest.mark.parametrize("way", BEHAVES)
@pytest.mark.parametrize("action", ["off", "cycle", "reset"])
def test_nodes_that_are_up_are_not_cut_off_without_leave(cluster: Cluster, way: dict[str, Any], action: str) -> None:
    cluster.head.bring_up("node001", "node003")

    with pytest.raises(
        BcmConfigError, match=f"could not (switch )?{action} nodes that are UP: node001, node003; nothing"
    ):
        cluster.switch(action, **way)

    assert not any(bmc.opened for bmc in cluster.bmcs.values())
    assert cluster.head.names("powerOperation") == []


@pytest.mark.parametrize("way", BEHAVES)
@pytest.mark.parametrize("action", ["on", "status"])
def test_nodes_that_are_up_may_be_asked_and_switched_on(cluster: Cluster, way: dict[str, Any], action: str) -> None:
    cluster.head.bring_up("node001")
    cluster.turn_on("node001")

    assert actions_of(cluster.switch(action, **way))["node001"] == "none"


@pytest.mark.parametrize("way", BEHAVES)
def test_with_leave_nodes_that_are_up_are_cut_off(cluster: Cluster, way: dict[str, Any]) -> None:
    cluster.head.bring_up("node001")
    cluster.turn_on("node001")

    assert actions_of(cluster.switch("off", allow_up=True, **way))["node001"] == "off"


@pytest.mark.parametrize("way", BEHAVES)
@pytest.mark.parametrize(
    ("names", "error", "text"),
    [
        ((), BcmConfigError, "."),
        (("head",), BcmConfigError, "head"),
    ],
)
def test_no_names_and_head_nodes_are_refused(
    cluster: Cluster, way: dict[str, Any], names: tuple[str, ...], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        cluster.switch("on", names=names, **way)

    assert not any(bmc.opened for bmc in cluster.bmcs.values())
    assert cluster.head.names("powerOperation") == []


@pytest.mark.parametrize("way", STRAIGHT)
def test_one_that_fails_leaves_the_others_alone(cluster: Cluster, way: dict[str, Any]) -> None:
    cluster.bmcs["10.148.0.2"].logins = ["Incorrect password provided"]

    nodes = cluster.switch("on", **way)["nodes"]

    assert [node["failure"] for node in nodes.values()] == [None, "credentials", None]
    assert [node["changed"] for node in nodes.values()] == [True, False, True]
    assert nodes["node002"]["address"] == "10.148.0.2"
    assert nodes["node002"]["error"].endswith("(credentials, BMC 10.148.0.2)")


@pytest.mark.parametrize("way", STRAIGHT)
def test_check_mode_plans_nothing_for_a_bmc_that_does_not_answer(cluster: Cluster, way: dict[str, Any]) -> None:
    cluster.bmcs["10.148.0.2"].silent = True

    result = cluster.switch("on", **way, check_mode=True, limits=Limits(tries=1))

    assert actions_of(result) == {"node001": "on", "node002": "none", "node003": "on"}
    assert result["nodes"]["node002"]["failure"] == "unreachable"


@pytest.mark.parametrize("way", STRAIGHT)
def test_no_password_is_in_any_result(cluster: Cluster, way: dict[str, Any]) -> None:
    for bmc in cluster.bmcs.values():
        bmc.logins = ["Incorrect password provided"]

    assert "bmc-secret" not in repr(cluster.switch("on", **way))


# -- the way --


def test_through_the_head_node_no_packet_goes_to_a_bmc(cluster: Cluster) -> None:
    cluster.switch("on", via="head_node")

    assert cluster.limits == []
    assert not any(bmc.opened for bmc in cluster.bmcs.values())


@pytest.mark.parametrize("way", STRAIGHT)
def test_straight_to_the_bmcs_the_head_node_powers_nothing(cluster: Cluster, way: dict[str, Any]) -> None:
    cluster.switch("on", **way)

    assert cluster.head.names("powerOperation") == []
    assert cluster.head.names("registerSession") == []


@pytest.mark.parametrize("way", STRAIGHT)
def test_each_bmc_is_logged_in_to_once(cluster: Cluster, way: dict[str, Any]) -> None:
    cluster.switch("cycle", **way, allow_up=True)

    assert [bmc.opened for bmc in cluster.bmcs.values()] == [1, 1, 1]


def test_a_boot_device_needs_the_straight_way(cluster: Cluster) -> None:
    with pytest.raises(BcmConfigError, match="boot_device and bmcs need via: ipmi"):
        cluster.switch("on", via="head_node", boot_device="pxe")

    assert cluster.head.operations() == []


def test_a_boot_device_is_given_to_each_bmc_that_is_switched_on(cluster: Cluster) -> None:
    cluster.turn_on("node001")

    cluster.switch("on", via="ipmi", boot_device="pxe")

    commands = [[request.command for request in bmc.requests] for bmc in cluster.bmcs.values()]
    assert [0x08 in of_one for of_one in commands] == [False, True, True]


def test_the_boot_mode_goes_with_the_boot_device(cluster: Cluster) -> None:
    cluster.switch("on", via="ipmi", boot_device="pxe", boot_mode="legacy")

    flags = [each.data for bmc in cluster.bmcs.values() for each in bmc.requests if each.data[:1] == (5,)]
    assert flags == [(5, 0x80, 4, 0, 0, 0)] * 3


def test_the_limits_are_those_given(cluster: Cluster) -> None:
    limits = Limits(connect_s=1, tries=2, retry_delay_s=3, deadline_s=4, in_flight=5)

    cluster.switch("status", via="ipmi", limits=limits)

    assert cluster.limits == [limits]


LIMITS = {
    "ipmi_connect_timeout": 1.0,
    "ipmi_tries": 2,
    "ipmi_retry_delay": 3.0,
    "ipmi_deadline": 4.0,
    "ipmi_in_flight": 5,
}


def test_the_limits_of_a_task_are_its_options() -> None:
    assert limits_of(LIMITS) == Limits(connect_s=1, tries=2, retry_delay_s=3, deadline_s=4, in_flight=5)


@pytest.mark.parametrize("option", ["ipmi_tries", "ipmi_in_flight"])
@pytest.mark.parametrize("value", [0, -1])
def test_limits_that_would_let_nobody_have_a_turn_are_refused(option: str, value: int) -> None:
    with pytest.raises(BcmConfigError, match=f"{option} must be at least 1, not {value}"):
        limits_of({**LIMITS, option: value})


def test_without_pyghmi_the_straight_way_says_what_to_install(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(power_module, "PYGHMI_IMPORT_ERROR", ImportError("No module named 'pyghmi'"))

    with pytest.raises(BcmConfigError, match=r"pip install 'pyghmi>=1\.6\.0,<1\.7'"):
        cluster.switch("on", via="ipmi")
    assert cluster.switch("on", via="head_node")["changed"]


# -- where a BMC is --


def test_address_and_account_are_those_that_bcm_knows() -> None:
    bmc = bmc_of("node001", make_device(), make_references(), PowerJob(NAMES, "on"))

    assert bmc == Bmc("10.148.0.1", "bright", "bmc-secret", 623, "ADMINISTRATOR")


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ({"address": "10.9.9.9"}, Bmc("10.9.9.9", "bright", "bmc-secret", 6230)),
        ({"port": 7000}, Bmc("10.148.0.1", "bright", "bmc-secret", 7000)),
        ({"username": "other"}, Bmc("10.148.0.1", "other", "bmc-secret", 6230)),
        ({"password": "new"}, Bmc("10.148.0.1", "bright", "new", 6230)),
        ({"address": None, "port": None, "username": None}, Bmc("10.148.0.1", "bright", "bmc-secret", 6230)),
    ],
)
def test_what_the_caller_gives_replaces_what_bcm_knows(override: dict[str, Any], expected: Bmc) -> None:
    job = PowerJob(NAMES, "on", ipmi_port=6230, overrides={"node001": {"name": "node001", **override}})

    assert bmc_of("node001", make_device(), make_references(), job) == expected
    untouched = bmc_of("node002", make_device("node002", 2), make_references(), job)
    assert untouched == Bmc("10.148.0.2", "bright", "bmc-secret", 6230)


def test_the_privilege_is_the_accounts() -> None:
    device = make_device(bmcSettings=make_bmc_settings("node001", privilege="OPERATOR"))

    assert bmc_of("node001", device, make_references(), PowerJob(NAMES, "on")).privilege == "OPERATOR"


@pytest.mark.parametrize(
    ("device", "missing"),
    [
        ({"interfaces": [make_interface("node001", "BOOTIF")]}, "no address of the BMC of node001"),
        ({"bmcSettings": None, "category": uid("nothing")}, "no username and no password of the BMC of node001"),
        ({"bmcSettings": make_bmc_settings("node001", password="")}, "no password of the BMC of node001"),
    ],
)
def test_what_is_missing_is_named(device: dict[str, Any], missing: str) -> None:
    references = make_references()
    raw = make_device(**{"partition": uid("nothing"), **device})

    with pytest.raises(BcmConfigError, match=f"{missing} is known, neither in BCM nor in bmcs"):
        bmc_of("node001", raw, references, PowerJob(NAMES, "on"))


@pytest.mark.parametrize("way", STRAIGHT)
def test_a_node_whose_bmc_nobody_knows_fails_alone(cluster: Cluster, way: dict[str, Any]) -> None:
    device = cluster.head.device("node003")
    device["interfaces"] = [one for one in device["interfaces"] if one["childType"] != "NetworkBmcInterface"]

    nodes = cluster.switch("on", **way)["nodes"]

    assert "no address of the BMC of node003" in nodes["node003"]["error"]
    assert [name for name, node in nodes.items() if node["failure"]] == ["node003"]


# -- switching off gracefully --


GRACEFUL: dict[str, Any] = {"allow_up": True, "graceful_s": 300.0}


def bring_up(cluster: Cluster, *names: str, shutdown_s: float = 20.0) -> None:
    """Have nodes UP, whose systems take so long to shut down."""
    cluster.head.bring_up(*names)
    cluster.turn_on(*names)
    for name in names:
        cluster.head.node(name).shutdown_s = shutdown_s
        cluster.bmcs[f"10.148.0.{NAMES.index(name) + 1}"].shutdown_s = shutdown_s


def off_by(result: Mapping[str, Any]) -> dict[str, str | None]:
    return {name: node["off_by"] for name, node in result["nodes"].items()}


@pytest.mark.parametrize("way", BEHAVES)
def test_nodes_shut_down_by_themselves_and_only_those_that_do_not_are_cut(
    cluster: Cluster, way: dict[str, Any]
) -> None:
    bring_up(cluster, "node001", "node002")
    bring_up(cluster, "node003", shutdown_s=9000)
    began_s = cluster.head.clock.now_s()

    result = cluster.switch("off", **way, **GRACEFUL)

    assert off_by(result) == {"node001": "shutdown", "node002": "shutdown", "node003": "cut"}
    assert {node["after"] for node in result["nodes"].values()} == {"OFF"}
    assert {node["failure"] for node in result["nodes"].values()} == {None}
    assert all(node["changed"] for node in result["nodes"].values())
    assert 300 <= cluster.head.clock.now_s() - began_s < 320
    assert result["nodes"]["node001"]["seconds"] < 60
    assert cluster.said == [
        "Asked to shut down, power is cut after 300 s: node001, node002, node003",
        "Did not shut down in time, power is cut: node003",
    ]


def test_all_nodes_are_asked_in_one_call_and_looked_at_together(cluster: Cluster) -> None:
    bring_up(cluster, *NAMES, shutdown_s=100)

    cluster.switch("off", **GRACEFUL)

    (call,) = cluster.head.names("pshutdown")
    uuids = [cluster.head.device(name)["uuid"] for name in NAMES]
    assert call.args == [True, 300_000, uuids]
    asked = [call.args[0]["devices"] for call in cluster.head.names("powerOperation")]
    # Those who share credentials are asked one first, before anything is sent.
    assert asked[:2] == [uuids[:1], uuids[1:]]
    assert all(devices == uuids for devices in asked[2:])
    assert len(asked) < 40
    assert cluster.head.operations() == []


@pytest.mark.parametrize("way", BEHAVES)
def test_hard_cuts_at_once(cluster: Cluster, way: dict[str, Any]) -> None:
    bring_up(cluster, *NAMES)

    result = cluster.switch("off", allow_up=True, **way)

    assert off_by(result) == dict.fromkeys(NAMES, "cut")
    assert cluster.head.names("pshutdown") == []
    assert (5,) not in cluster.sent
    assert cluster.said == []


@pytest.mark.parametrize("way", BEHAVES)
def test_a_check_asks_nobody_to_shut_down(cluster: Cluster, way: dict[str, Any]) -> None:
    bring_up(cluster, "node001")

    result = cluster.switch("off", check_mode=True, **way, **GRACEFUL)

    assert actions_of(result) == {"node001": "off", "node002": "none", "node003": "none"}
    assert off_by(result) == dict.fromkeys(NAMES)
    assert not cluster.head.writes
    assert cluster.sent == []


def test_what_is_not_up_is_cut_at_once_since_nothing_there_could_shut_down(cluster: Cluster) -> None:
    bring_up(cluster, "node001")
    cluster.turn_on("node002")

    result = cluster.switch("off", **GRACEFUL)

    assert off_by(result) == {"node001": "shutdown", "node002": "cut", "node003": None}
    assert cluster.head.names("pshutdown")[0].args[2] == [cluster.head.device("node001")["uuid"]]


def test_a_node_whose_daemon_does_not_agree_is_cut_at_once(cluster: Cluster) -> None:
    bring_up(cluster, "node001", "node002")
    cluster.head.node("node001").daemon = "gone"

    result = cluster.switch("off", **GRACEFUL)

    assert off_by(result) == {"node001": "cut", "node002": "shutdown", "node003": None}
    assert "Did not agree to shut down, power is cut at once: node001" in cluster.said
    assert result["nodes"]["node001"]["seconds"] < 10


def test_a_bmc_that_knows_no_soft_shutdown_cuts_at_once(cluster: Cluster) -> None:
    bring_up(cluster, "node001")
    cluster.bmcs["10.148.0.1"].refuses_shutdown = True

    result = cluster.switch("off", names=("node001",), via="ipmi", **GRACEFUL)

    assert off_by(result) == {"node001": "cut"}
    assert result["nodes"]["node001"]["seconds"] < 10


@pytest.mark.parametrize("answer_of", [lambda: answer({"errormessage": "no"}), lambda: answer({}, 503)])
def test_where_the_answer_to_the_question_is_lost_nodes_are_waited_for_all_the_same(
    cluster: Cluster, answer_of: Any
) -> None:
    bring_up(cluster, "node001", shutdown_s=9000)
    cluster.head.instead["pshutdown"] = lambda _call: answer_of()

    result = cluster.switch("off", names=("node001",), **GRACEFUL)

    assert off_by(result) == {"node001": "cut"}
    assert result["nodes"]["node001"]["seconds"] >= 300


@pytest.mark.parametrize("way", BEHAVES)
def test_a_bmc_that_falls_silent_meanwhile_fails_its_node_and_the_others_are_off(
    cluster: Cluster, way: dict[str, Any]
) -> None:
    bring_up(cluster, *NAMES, shutdown_s=60)
    began_s = cluster.head.clock.now_s()

    def silence() -> None:
        cluster.head.node("node002").bmc = "silent"
        cluster.bmcs["10.148.0.2"].silent = True

    cluster.said = Listener(silence)
    result = cluster.switch("off", **way, **GRACEFUL)

    assert off_by(result) == {"node001": "shutdown", "node002": None, "node003": "shutdown"}
    assert result["nodes"]["node002"]["failure"] is not None
    assert {result["nodes"][name]["failure"] for name in ("node001", "node003")} == {None}
    assert cluster.head.clock.now_s() - began_s < 600


@pytest.mark.parametrize("way", BEHAVES)
def test_a_node_that_another_run_claims_meanwhile_is_not_cut(cluster: Cluster, way: dict[str, Any]) -> None:
    bring_up(cluster, "node001", "node002", shutdown_s=9000)
    until_s = cluster.head.clock.wall_s() + 9000
    rival = claim_values(Owner("ops", "another-run"), until_s=until_s)
    cluster.said = Listener(lambda: cluster.head.device("node001").update(extra_values=rival))

    result = cluster.switch("off", **way, **GRACEFUL)

    assert off_by(result) == {"node001": None, "node002": "cut", "node003": None}
    assert result["nodes"]["node001"]["error"].startswith(
        "it did not shut down in time, and its power was not cut: claimed by ops"
    )
    assert cluster.said[1:] == ["Did not shut down in time, power is cut: node002"]


@pytest.mark.parametrize("way", BEHAVES)
def test_nodes_that_are_up_need_leave_to_be_shut_down_too(cluster: Cluster, way: dict[str, Any]) -> None:
    bring_up(cluster, "node001")

    with pytest.raises(BcmConfigError, match="nodes that are UP: node001; nothing was sent"):
        cluster.switch("off", graceful_s=300.0, **way)

    assert cluster.head.names("pshutdown") == []


class Listener(list[str]):
    """What was said; the first line sets something off."""

    def __init__(self, act: Callable[[], None]) -> None:
        super().__init__()
        self._act = act

    def append(self, line: str) -> None:
        if not self:
            self._act()
        super().append(line)
