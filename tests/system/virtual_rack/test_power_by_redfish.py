# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Power and BMCs by Redfish and by IPMI: two faces of the same machines, over sockets and TLS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.runner import open_head_node
from ansible_collections.baremetal.bcm.plugins.module_utils._bmc.schedule import Limits
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.client import HeadNode
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.power.run_action import (
    PowerJob,
    RedfishWay,
    inspect_bmcs,
    run_power_action,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.fleet import Batch
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.harden_servers import harden_servers
from ansible_collections.baremetal.bcm.plugins.module_utils._values.clock import SystemClock
from ansible_collections.baremetal.bcm.tests.system.virtual_rack.served import (
    PASSWORD,
    USERNAME,
    ServedRack,
    address_of,
    served,
)
from virtual_rack.new_rack import new_rack_text
from virtual_rack.redfish.modes import MODES

NAMES = tuple(f"node{number:03d}" for number in range(1, len(MODES) + 1))
LIMITS = Limits(connect_s=5, tries=2, retry_delay_s=0.5, deadline_s=40)


class Cluster:
    """A head node and a machine of each mode."""

    def __init__(self, rack: ServedRack, head_node: HeadNode) -> None:
        self.rack, self.head_node = rack, head_node
        self.authority = rack.environment["BCM_CA_PATH"]
        self.port = int(rack.environment["VIRTUAL_RACK_REDFISH_PORT"])

    def job(self, action: str, names: tuple[str, ...] = NAMES, **job: Any) -> PowerJob:
        way = RedfishWay(port=self.port, ca_path=job.pop("ca_path", self.authority))
        # They boot and are installed as soon as they have power.
        job = {"allow_up": True, "allow_claimed": True, **job}
        given = {"via": "redfish", "limits": LIMITS, "redfish": way, "ipmi_port": self.rack.port, **job}
        return PowerJob(names, action, **given)

    def switch(self, action: str, names: tuple[str, ...] = NAMES, *, check_mode: bool = False, **job: Any) -> Any:
        return run_power_action(self.head_node, self.job(action, names, **job), check_mode=check_mode)["nodes"]

    def powers(self) -> set[str]:
        return {self.rack.node(name)["power"] for name in NAMES}


@contextmanager
def head_node_of(rack: ServedRack) -> Iterator[HeadNode]:
    environment = rack.environment
    params = {
        **dict.fromkeys(("client_cert", "client_key", "tls_server_name", "tls_fingerprint")),
        "head_node": ["127.0.0.1"],
        "port": int(environment["BCM_PORT"]),
        "username": environment["BCM_USERNAME"],
        "password": environment["BCM_PASSWORD"],
        "ca_path": environment["BCM_CA_PATH"],
        "validate_certs": True,
        "connect_timeout": 10.0,
        "read_timeout": 60.0,
    }
    with open_head_node(params, check_mode=False) as head_node:
        yield head_node


@pytest.fixture(scope="module")
def cluster(_needs_programs: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    machines = yaml.safe_load(new_rack_text(len(MODES), engine="ipmi"))["machines"]
    for machine, mode in zip(machines, MODES, strict=True):
        machine["bmc"]["redfish"] = {"mode": mode}
    directory = tmp_path_factory.mktemp("power")
    with served(directory, len(MODES), machines=machines, redfish_port=0) as rack, head_node_of(rack) as head_node:
        for number in range(1, len(MODES) + 1):
            rack.register(number)
        yield Cluster(rack, head_node)


def problems(nodes: Mapping[str, Any]) -> dict[str, str]:
    return {name: node["error"] for name, node in nodes.items() if node["error"]}


def test_every_verb_does_by_redfish_what_it_does_by_ipmi_with_all_vendors(cluster: Cluster) -> None:
    for action, power in (("on", "ON"), ("reset", "ON"), ("cycle", "ON"), ("off", "OFF"), ("off", "OFF")):
        planned = cluster.switch(action, check_mode=True)
        before = cluster.powers()
        nodes = cluster.switch(action)

        assert problems(nodes) == {}
        assert [node["action"] for node in planned.values()] == [node["action"] for node in nodes.values()]
        assert {node["before"] for node in nodes.values()} == before
        assert {node["after"] for node in nodes.values()} == cluster.powers() == {power}
        by_ipmi = cluster.switch("status", via="ipmi")
        assert {node["after"] for node in by_ipmi.values()} == {power}
    assert not any(node["changed"] for node in nodes.values())
    sessions = [cluster.rack.node(name)["redfish"]["sessions"] for name in NAMES]
    assert sessions == [0] * len(NAMES)


def test_bmcs_tell_the_same_by_both_ways(cluster: Cluster) -> None:
    by_ipmi = inspect_bmcs(cluster.head_node, cluster.job("status", via="ipmi"))
    by_redfish = inspect_bmcs(cluster.head_node, cluster.job("status"))

    assert problems(by_redfish) == problems(by_ipmi) == {}
    own = ("seconds", "firmware", "address")
    for name in NAMES:
        same = [{key: told[name][key] for key in told[name] if key not in own} for told in (by_ipmi, by_redfish)]
        assert same[0] == same[1]
        assert by_redfish[name]["firmware"] == "1.10.0"


@pytest.mark.parametrize("kind", ["redfish_answer_lost", "redfish_resets"])
def test_a_power_command_that_is_lost_is_done_once(cluster: Cluster, kind: str) -> None:
    cluster.switch("off")
    path = f"/redfish/v1/Systems/{MODES['dmtf'].system}/Actions"
    number = tuple(MODES).index("dmtf") + 1
    with cluster.rack.fault(kind, node=f"node{number:03d}", path=path, times=1):
        nodes = cluster.switch("on")

    assert problems(nodes) == {}
    assert cluster.powers() == {"ON"}


def test_a_silent_bmc_fails_its_node_and_an_untrusted_certificate_all_before_anything_is_sent(cluster: Cluster) -> None:
    with cluster.rack.fault("bmc_silent", node="node002"):
        nodes = cluster.switch("status", limits=Limits(connect_s=5, tries=1, deadline_s=40))
    untrusted = cluster.switch("off", ca_path=None)
    pinned = {name: {"name": name, "tls_fingerprint": "0" * 64} for name in NAMES[:1]}
    other = cluster.switch("off", NAMES[:1], overrides=pinned)

    assert {name: node["failure"] for name, node in nodes.items() if node["failure"]} == {"node002": "unreachable"}
    assert {node["failure"] for node in (*untrusted.values(), *other.values())} == {"certificate"}
    assert cluster.powers() == {"ON"}


def test_a_wrong_password_is_shown_to_two_bmcs_once_each(cluster: Cluster) -> None:
    refused = [cluster.rack.node(name)["redfish"]["refused_logins"] for name in NAMES]
    wrong = {name: {"name": name, "password": "wrong-password"} for name in NAMES}

    nodes = cluster.switch("off", overrides=wrong)

    now = [cluster.rack.node(name)["redfish"]["refused_logins"] for name in NAMES]
    assert sorted(new - old for new, old in zip(now, refused, strict=True)) == [0, 0, 0, 0, 1, 1]
    assert {node["failure"] for node in nodes.values()} == {"credentials", "not tried"}
    assert "wrong-password" not in repr(nodes)


def test_where_hardening_has_switched_ipmi_off_redfish_still_powers(cluster: Cluster, tmp_path: Path) -> None:
    nothing = dict.fromkeys(("username", "password", "tls_fingerprint", "serial", "device_type", "state"))
    servers = [
        {**nothing, "name": name, "address": f"{address_of(number)}:{cluster.port}"}
        for number, name in enumerate(NAMES, start=1)
    ]
    options = {
        "servers": servers,
        "username": USERNAME,
        "password": PASSWORD,
        "ca_path": cluster.authority,
        "validate_certs": True,
        "timeout": 10.0,
        "profile": {"inherits": None, "controls": {"ipmi_over_lan": False}},
        "allow_reboot": False,
        "max_rebooting": 8,
        "max_failures": None,
        "reboot_timeout": 60.0,
        "bundle_path": str(tmp_path / "bundles"),
        "lock_path": str(tmp_path / "locks"),
        "rollback": None,
        "options_only": False,
    }
    hardened = harden_servers(options, Batch(deadline_s=100, read_only=False), SystemClock())
    assert hardened["failures"] == {}
    assert hardened["compliant"] == list(NAMES)

    few = Limits(connect_s=1, tries=1, deadline_s=20)
    assert {node["failure"] for node in cluster.switch("status", via="ipmi", limits=few).values()} == {"unreachable"}
    assert problems(cluster.switch("off")) == {}
    assert problems(cluster.switch("on")) == {}
    assert cluster.powers() == {"ON"}
