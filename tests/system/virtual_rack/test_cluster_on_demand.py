# SPDX-License-Identifier: GPL-3.0-or-later
"""NVIDIA's own client, unchanged, against the rack.

It logs in at the head node by ssh and runs curl there, on port 8081 and with the certificate in /root/.cm. So the rack
and the client share namespaces of their own, in which the port is free, /root is the head node's and ssh stays at home.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.baremetal.bcm.tests.system.support.namespaces import Namespace, script
from ansible_collections.baremetal.bcm.tests.system.virtual_rack.served import wait_until
from ansible_collections.baremetal.bcm.tests.unit.child_process import started
from virtual_rack.new_rack import new_rack_text

ROOT = Path(__file__).parents[3]
PYTHON = Path(os.environ.get("CLUSTER_ON_DEMAND_PYTHON", ROOT / ".venv-cluster-on-demand/bin/python"))
PROGRAM = Path(__file__).with_name("cluster_on_demand.py")
# The package looks for it there, whatever PATH says.
SSH = Path("/usr/bin/ssh")
SPEED = 200
NODES = ["node001", "node002", "node003"]

# What sshd does with a command: a shell gets it, on the head node. Its last argument is the command.
HEAD_NODES_SHELL = """#!/bin/sh
for command; do :; done
exec unshare --mount --propagation private sh -c 'mount --bind {root} /root && exec sh -c "$0"' "$command"
"""


@pytest.fixture(scope="module", autouse=True)
def _needs() -> None:
    """Skip where something is missing, unless the environment requires it."""
    missing = [f"{program} (Debian)" for program in ("curl", "ip", "unshare") if shutil.which(program) is None]
    missing += [f"{path} ({whose})" for path, whose in ((SSH, "openssh-client"), (PYTHON, "make")) if not path.exists()]
    missing += [] if os.geteuid() == 0 else ["root"]
    if missing and os.environ.get("VIRTUAL_RACK_REQUIRE_CLIENTS") == "1":
        pytest.fail(f"missing: {', '.join(missing)}")
    if missing:
        pytest.skip(f"missing: {', '.join(missing)}")


class HeadNode:
    """A rack on a network of its own, where its API has the port of a real head node's."""

    def __init__(self, network: Namespace, directory: Path, *, version: str) -> None:
        self.version = version
        self._network = network
        self._ssh = script(directory / "ssh", HEAD_NODES_SHELL.format(root=directory / "root"))
        lines = (directory / "state" / "env").read_text(encoding="utf-8").splitlines()
        self._environment = dict(line.removeprefix("export ").split("=", 1) for line in lines)
        identity = directory / "root" / ".cm"
        identity.mkdir(parents=True, mode=0o700)
        for name in ("admin.pem", "admin.key"):
            shutil.copy(directory / "state" / name, identity)

    def run(self, *words: str) -> str:
        """Run a program of the client's environment; gives its output."""
        swap = f'mount --bind {self._ssh} {SSH} && exec "$@"'
        inside = ["unshare", "--mount", "--propagation", "private", "sh", "-c", swap, "sh", str(PYTHON), *words]
        done = subprocess.run(self._network.command(*inside), capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def admin(self, path: str) -> Any:
        """Ask the rack what really happened."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with self._network.inside(), opener.open(self._environment["VIRTUAL_RACK_ADMIN"] + path, timeout=30) as answer:
            return json.load(answer)


@pytest.fixture(scope="module", params=["10", "11"])
def head_node(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HeadNode]:
    """Serve three registered machines, all of them off."""
    directory = tmp_path_factory.mktemp(f"bcm{request.param}")
    rack = yaml.safe_load(new_rack_text(len(NODES), engine="direct"))
    rack["head_node"] |= {"version": request.param, "devices": "all"}
    (directory / "rack.yml").write_text(yaml.safe_dump(rack), encoding="utf-8")
    network, state = Namespace(f"cod{os.getpid()}-{request.param}"), directory / "state"
    command = [sys.executable, "-m", "virtual_rack", "serve", str(directory / "rack.yml"), "--speed", str(SPEED)]
    try:
        with started(
            network.command(*command, "--port", "8081", "--state-dir", str(state)),
            limit_s=None,
            stdout=subprocess.DEVNULL,
        ) as process:
            wait_until(lambda: (state / "env").exists() or process.poll() is not None, "a rack that is ready")
            yield HeadNode(network, directory, version=request.param)
    finally:
        network.close()


def test_it_starts_a_cluster_waits_for_its_nodes_and_stops_them(head_node: HeadNode) -> None:
    found = json.loads(head_node.run(str(PROGRAM)))
    machines = {node["name"]: node for node in head_node.admin("/nodes")}
    assert found == {
        "ping": True,
        "ready": True,
        "need_uuid": True,
        "version": f"{head_node.version}.0",
        "head_nodes": {"active_head_node": "bcm-head"},
        "before": dict.fromkeys(NODES, "DOWN"),
        "unknown_call": "HTTP error 400",
        "after_start": dict.fromkeys(NODES, "UP"),
        "pshutdown": [True],
        "after_stop": dict.fromkeys(NODES, "DOWN"),
    }
    assert {name: (node["installs"], node["power"]) for name, node in machines.items()} == dict.fromkeys(
        NODES, (1, "OFF")
    )


def test_its_own_program_lists_the_nodes(head_node: HeadNode) -> None:
    listed = head_node.run("-m", "clusterondemand.cmclient", "127.0.0.1")
    assert "ping ok" in listed
    assert all(f"'hostname': '{name}'" in listed for name in NODES)
