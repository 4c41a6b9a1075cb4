# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets NVIDIA's cluster-on-demand work with the head node on this computer; prints what it found as JSON.

A program of its own: it runs in the environment that has that package, and nothing of ours.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from typing import Any

HEAD_NODE = "127.0.0.1"
LIMIT_S = 60


def main() -> None:
    """Do what the package does to a cluster that it has started, then the rest of its calls."""
    cmclient = importlib.import_module("clusterondemand.cmclient")
    waiting = importlib.import_module("clusterondemand.wait_helpers")
    client = cmclient.CMClient(importlib.import_module("clusterondemand.ssh").SSHClient(HEAD_NODE))
    nodes = client.getComputeNodes()
    found: dict[str, Any] = {
        "ping": client.ping(),
        "ready": client.ready(services=["dhcpd", "named"]),
        "need_uuid": client.need_uuid,
        "version": client.call("cmmain", "getVersion")["cmVersion"],
        "head_nodes": {role: node["hostname"] for role, node in client.getActiveAndPassiveHeadNode().items()},
        "before": statuses(client, nodes),
        "unknown_call": refusal(client, "getSlaveNodes", cmclient.HTTPError),
    }
    steps = {"wait_ssh": LIMIT_S, "wait_cmdaemon": LIMIT_S, "start_nodes": True, "wait_for_nodes": LIMIT_S}
    waiting.wait_for_cluster(steps, HEAD_NODE)
    found["after_start"] = statuses(client, nodes)
    found["pshutdown"] = client.pshutdown([nodes[0]["uuid"]])["success"]
    client.powerOffNodes(nodes[1:])
    found["after_stop"] = wait_for_down(client, nodes)
    json.dump(found, sys.stdout)


def statuses(client: Any, nodes: list[dict[str, Any]]) -> dict[str, str]:
    """Read the status of each node."""
    names = {node[client.entity_unique_field_name]: node["hostname"] for node in nodes}
    answer = client.call("cmstatus", "getStatusForDevices", [list(names)])
    return {names[status[client.ref_device_field_name]]: status["status"] for status in answer}


def wait_for_down(client: Any, nodes: list[dict[str, Any]]) -> dict[str, str]:
    """Wait until no node is seen any more; gives what is seen at the end."""
    ends_s = time.monotonic() + LIMIT_S
    while set((seen := statuses(client, nodes)).values()) != {"DOWN"} and time.monotonic() < ends_s:
        time.sleep(0.2)
    return seen


def refusal(client: Any, call: str, error: type[Exception]) -> str:
    """Make a call that the head node does not have."""
    try:
        client.call("cmdevice", call, silent=True)
    except error as refused:
        return str(refused)
    return "answered"


if __name__ == "__main__":
    main()
