# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Racks whose machines have real BMCs, and the ways to ask about their power."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from ansible_collections.baremetal.bcm.tests.integration.support.playbook import Run
from ansible_collections.baremetal.bcm.tests.integration.support.rack import Rack, RackFile, inventory_of
from ansible_collections.baremetal.bcm.tests.integration.support.site import Site
from virtual_rack.new_rack import new_rack_text

USERNAME, PASSWORD = "bmcadmin", "demo-bmc-password"
# No test waits for a real BMC's slowness: nothing on one computer takes a second.
PATIENCE = {
    "bcm_ipmi_deadline": 20,
    "bcm_ipmi_connect_timeout": 5,
    "bcm_ipmi_tries": 3,
    "bcm_ipmi_retry_delay": 1,
    "bcm_power_timeout": 10,
}
Nodes = dict[str, dict[str, Any]]


def ipmi_rack(nodes: int, *, devices: str | list[str] = "all") -> RackFile:
    """Give a rack of machines with BMCs, all registered and switched off."""
    rack: RackFile = yaml.safe_load(new_rack_text(nodes, engine="ipmi"))
    rack["ipmi_port"] = 0
    # How long the head node waits for a BMC.
    rack["ipmi_timeout_s"] = 8.0
    rack["head_node"]["devices"] = devices
    return rack


def hosts_of(rack: RackFile) -> str:
    """Give the inventory; the port is known only when the rack runs."""
    inventory = yaml.safe_load(inventory_of(rack))
    del inventory["bcm_nodes"]["vars"]["bcm_ipmi_port"]
    return yaml.safe_dump(inventory)


def port_of(rack: Rack) -> int:
    """Give the UDP port of all BMCs of a rack."""
    return int(rack.environment["VIRTUAL_RACK_IPMI_PORT"])


def address_of(rack: Rack, name: str) -> str:
    return str(rack.nodes()[name]["bmc"]["address"])


def bmc_counters(rack: Rack, counter: str) -> dict[str, int]:
    """Give what every BMC has counted: logins, refused_logins or packets."""
    return {name: node["bmc"][counter] for name, node in rack.nodes().items()}


def powered(rack: Rack) -> dict[str, str]:
    """Give the true power of every machine."""
    return {name: node["power"] for name, node in rack.nodes().items()}


@dataclass(frozen=True)
class Ipmitool:
    """The other client: ipmitool."""

    rack: Rack
    username: str = USERNAME
    password: str = PASSWORD

    def run(self, name: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Ask one BMC. Without the cipher suite ipmitool waits 10 s for an answer that OpenIPMI does not give."""
        place = ("-H", address_of(self.rack, name), "-p", str(port_of(self.rack)))
        return subprocess.run(
            ["ipmitool", "-I", "lanplus", "-C", "3", *place, "-U", self.username, "-E", *words],
            env={**os.environ, "LC_ALL": "C", "IPMI_PASSWORD": self.password},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def power(self, name: str) -> str:
        """Give ON or OFF."""
        answer = self.run(name, "chassis", "power", "status")
        assert answer.returncode == 0, answer.stderr
        return answer.stdout.split()[-1].upper()


def power_nodes(site: Site, action: str, *options: str, via: str, **variables: Any) -> Run:
    """Run power.yml."""
    given = {
        "bcm_enable_power_action": True,
        "bcm_power_action": action,
        "bcm_power_via": via,
        "bcm_allow_up": True,
        # Machines that the action before has switched on may still be booting.
        "bcm_allow_claimed": True,
        "bcm_ipmi_port": port_of(site.rack),
        **PATIENCE,
        **variables,
    }
    return site.ansible.play("power", *options, variables=given)


def nodes_of(run: Run) -> Nodes:
    """Give what bcm_power returned."""
    results = run.of("bcm_power")
    assert results, run.output
    nodes: Nodes = results[-1].result["nodes"]
    return nodes


def failures_of(nodes: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Give the class of failure of the nodes that failed."""
    return {name: str(node["failure"]) for name, node in nodes.items() if node["failure"]}


def ask_bmcs(site: Site, names: Sequence[str], **options: Any) -> Nodes:
    """Run bcm_bmc_info."""
    arguments = {"names": list(names), "ipmi_port": port_of(site.rack), **IPMI_OPTIONS, **options}
    (task,) = site.ansible.tasks([{"baremetal.bcm.bcm_bmc_info": arguments}]).of("bcm_bmc_info")
    bmcs: Nodes = task.result["bmcs"]
    return bmcs


def change_account(rack: Rack, names: Collection[str], **settings: str) -> None:
    """Store another account for BMCs in BCM directly, because the collection refuses to spread a wrong one."""
    devices = rack.head_node.devices()
    for name in names:
        device = devices[name]
        device["bmcSettings"] |= settings
        answer = rack.head_node.call("cmdevice", "updateDevice", device, False)
        assert answer["success"], answer


IPMI_OPTIONS = {
    option.replace("bcm_", ""): value for option, value in PATIENCE.items() if option.startswith("bcm_ipmi_")
}
