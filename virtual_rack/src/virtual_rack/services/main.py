# SPDX-License-Identifier: GPL-3.0-or-later
"""cmmain: the head node itself. cmsession: sessions, except for the waiting, which is the web's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from virtual_rack.entities.fields import ZERO_UUID, Entity
from virtual_rack.head_node import HeadNode
from virtual_rack.pair import uuid_of
from virtual_rack.services.calls import Service

# Only the keys are known; the values are those of no real build.
VERSIONS: Mapping[str, Entity] = {
    "10": {"cm_version": "10.25.03", "cmd_version": "3.0"},
    "11": {"cm_version": "11.0", "cmd_version": "3.1"},
}
# `cmVersion` has two numbers and no more: NVIDIA's own client refuses anything else.
RELEASES: Mapping[str, str] = {"10": "10.0", "11": "11.0"}

# ASSUMED: which release has which way to ask whether it is ready; clients know both.
READY_VERSIONS: Mapping[str, str] = {"10": "ready", "11": "v2"}


def version_answer(version: str, reported: str = "") -> Entity:
    """Answer what /rest/v1/version answers; `reported` is told in the place of the version that is simulated."""
    own = {"cm_version": reported} if reported else {}
    return {**VERSIONS[version], **own, "build_hash": "virtualrack", "build_index": 1, "database_version": 1}


class MainService:
    """Which head node this is."""

    def __init__(self, head: HeadNode) -> None:
        self._head = head
        self._licensed_from_s = int(head.clock.date_s())

    def calls(self) -> Service:
        """Give the calls by name."""
        return {
            "getHeadNodeIPs": lambda _: self._addresses(),
            # ASSUMED: what the third is, and that nobody is the zero uuid; NVIDIA's client takes three and uses two.
            "getActivePassiveUuids": lambda _: [*self._head.pair.uuids(), ZERO_UUID, ZERO_UUID][:3],
            "getVersion": lambda _: self._version(),
            # ASSUMED: true; a client only looks whether there is an answer.
            "ping": lambda _: True,
            "need_uuid": lambda _: True,
            "getLicenseInfo": lambda _: self._licence(),
        }

    def _addresses(self) -> Entity:
        devices = [self._head.database.get("Device", uuid) for uuid in self._head.pair.uuids()]
        ips = [device["interfaces"][0]["ip"] for device in devices if device]
        active, passive = (*ips, "0.0.0.0")[:2]
        return {"active_head_node_ip": active, "passive_head_node_ip": passive, "shared_head_node_ip": "0.0.0.0"}

    def _version(self) -> Entity:
        known = version_answer(self._head.spec.version)
        return {
            "baseType": "VersionInfo",
            "childType": "",
            "uuid": ZERO_UUID,
            "cmVersion": self._head.spec.reported_version or RELEASES[self._head.spec.version],
            "cmdaemonVersion": known["cmd_version"],
            "cmdaemonBuildIndex": known["build_index"],
            "cmdaemonBuildHash": known["build_hash"],
            "databaseVersion": known["database_version"],
            # ASSUMED: it is that of the head node that answers; see `web.api`.
            "ref_node_uuid": uuid_of(self._head.pair.active),
        }

    def _licence(self) -> dict[str, Any]:
        # ASSUMED: all of it. cmmain.getLicenseInfo of a live head node settles it.
        nodes = sum(d["childType"] == "PhysicalNode" for d in self._head.database.all("Device"))
        return {
            "baseType": "LicenseInfo",
            "childType": "",
            "licensee": "virtual rack",
            "version": self._head.spec.version,
            "startTime": self._licensed_from_s,
            "endTime": self._licensed_from_s + self._head.spec.licence_days * 86_400,
            "licensedNodes": self._head.spec.licensed_nodes,
            "nodeCount": nodes,
        }


class SessionService:
    """Sessions."""

    def __init__(self, head: HeadNode) -> None:
        self._sessions = head.sessions

    def calls(self) -> Service:
        """Give the calls by name."""
        return {
            "registerSession": lambda _: self._sessions.register(),
            "unregisterSession": lambda args: self._sessions.unregister(args.text(0)),
            "acknowledgeKeepAlive": lambda args: self._sessions.acknowledge(args.text(0)),
            # Here for its name only: see `web.long_poll`.
            "waitForEvents": lambda args: self._sessions.take(args.text(0)) or [],
        }
