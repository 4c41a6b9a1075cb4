# SPDX-License-Identifier: GPL-3.0-or-later
"""The head node's provisioning: who hands out images, who waits for one."""

from __future__ import annotations

import uuid as uuids
from collections.abc import Callable, Iterable, Sequence

from virtual_rack.clock import Clock
from virtual_rack.entities.database import Change, Database
from virtual_rack.entities.fields import ZERO_UUID, Entity
from virtual_rack.json_text import Frozen
from virtual_rack.nodes.slots import Provisioner, Request, SlotQueue
from virtual_rack.nodes.status import StatusBoard

# ASSUMED: how long a provisioner takes to refresh its copies.
REFRESH_S = 60.0
_SYNC_MODES = {"FULL": 0, "SYNC": 1, "UPDATE": 2}
# ASSUMED: the numbers of a request's state are unknown; these two keep waiting and running apart.
_WAITING, _RUNNING = 0, 1


class Provisioning:
    """Hands out slots. Whoever asks is called back when the transfer may start."""

    def __init__(self, *, clock: Clock, database: Database, board: StatusBoard) -> None:
        self.on_change: Callable[[], None] = lambda: None
        self.on_finish: Callable[[str], None] = lambda _: None
        self._clock = clock
        self._database = database
        self._board = board
        self._queue = SlotQueue()
        self._starts: dict[str, Callable[[], None]] = {}
        self._failures: dict[str, tuple[int, str]] = {}
        self._shown: dict[str, tuple[tuple[object, ...], Frozen]] = {}
        self._paused = False
        self._drained: set[str] = set()
        self._refreshing: set[str] = set()
        self._roles: list[tuple[str, Entity]] | None = None
        database.listen(self._on_change)

    def ask(self, request: Request, *, start: Callable[[], None], first: bool = False) -> None:
        """Queue a request; `start` is called, maybe at once, when a provisioner takes it."""
        self._queue.add(request, first=first)
        self._starts[request.uuid] = start
        self.pump()

    def finish(self, uuid: str) -> None:
        """Give a slot back, or a place in the queue up."""
        self._queue.drop(uuid)
        self._starts.pop(uuid, None)
        self._failures.pop(uuid, None)
        self._shown.pop(uuid, None)
        self.on_finish(uuid)
        self.pump()

    def source_of(self, uuid: str) -> str:
        """Give the provisioner that serves a request, the zero uuid while there is none."""
        request = self._queue.running.get(uuid)
        return request.source if request else ZERO_UUID

    def note_failure(self, uuid: str, message: str) -> int:
        """Count an attempt that failed; say how many there were."""
        count = self._failures.get(uuid, (0, ""))[0] + 1
        self._failures[uuid] = (count, message)
        self.on_change()
        return count

    def pump(self) -> None:
        """Start what can be started now."""
        if self._queue.waiting and not self._paused:
            for request in self._queue.admit(self._provisioners(), locked_images=self._locked_images()):
                self._starts.pop(request.uuid)()
        self.on_change()

    def pause(self) -> None:
        """Hand out no slot.

        ASSUMED: while CMDaemon is away transfers that run go on, installers that ask are heard when it is back, and the
        queue keeps its order. Restarting it on a live head node with more nodes than slots settles it.
        """
        self._paused = True

    def resume(self) -> None:
        """Hand out slots again."""
        self._paused = False
        self.pump()

    def drain(self, nodes: Iterable[str]) -> None:
        """Give these provisioners no new requests."""
        self._drained.update(nodes)

    def undrain(self, nodes: Iterable[str]) -> None:
        """Let these provisioners work again."""
        self._drained.difference_update(nodes)
        self.pump()

    def refresh(self, nodes: Sequence[str]) -> list[str]:
        """Let provisioners refresh their copies (none named: all); meanwhile they serve nobody."""
        chosen = [p.node for p in self._provisioners() if not nodes or p.node in nodes]
        self._refreshing.update(chosen)
        self._clock.call_later(REFRESH_S, lambda: self._refreshed(chosen))
        return [str(uuids.uuid4()) for _ in chosen]

    def to_api(self) -> Entity:
        """Give ProvisioningStatus as it travels."""
        requests = [self._request_to_api(r, _RUNNING) for r in self._queue.running.values()]
        requests += [self._request_to_api(r, _WAITING) for r in self._queue.waiting]
        return {
            "baseType": "ProvisioningStatus",
            "childType": "",
            "provisioningRequestStatusList": requests,
            "provisioningNodeStatusList": [self._provisioner_to_api(p) for p in self._provisioners()],
        }

    def _refreshed(self, nodes: Iterable[str]) -> None:
        self._refreshing.difference_update(nodes)
        self.pump()

    def _on_change(self, change: Change) -> None:
        if change.kind in ("Device", "Category") and _role_facts(change.before) != _role_facts(change.after):
            self._roles = None
        if change.kind == "SoftwareImage":
            self.pump()

    def _locked_images(self) -> frozenset[str]:
        images = self._database.all("SoftwareImage")
        return frozenset(image["uuid"] for image in images if image["fileOperationInProgress"])

    def _provisioners(self) -> list[Provisioner]:
        return [self._provisioner(node, role) for node, role in self._provisioning_roles()]

    def _provisioner(self, node: str, role: Entity) -> Provisioner:
        status = self._board.get(node)
        ready = status is not None and status.status == "UP"
        available = ready and node not in self._drained and node not in self._refreshing
        named = frozenset([*role["localImages"], *role["sharedImages"]])
        # ASSUMED: the values of allImages other than LOCALDISK; anything that says no means the named ones only.
        every = frozenset(image["uuid"] for image in self._database.all("SoftwareImage"))
        images = named if role["allImages"] in ("", "NO", "NONE") else every
        return Provisioner(node, role["maxProvisioningNodes"], images, available)

    def _provisioning_roles(self) -> list[tuple[str, Entity]]:
        if self._roles is None:
            self._roles = [
                (device["uuid"], role)
                for device in self._database.all("Device")
                for role in self._roles_of(device)
                if role["childType"] == "ProvisioningRole"
            ]
        return self._roles

    def _roles_of(self, device: Entity) -> list[Entity]:
        category = self._database.get("Category", device.get("category", ZERO_UUID)) or {}
        by_type = {role["childType"]: role for role in category.get("roles", [])}
        return list((by_type | {role["childType"]: role for role in device.get("roles", [])}).values())

    def _request_to_api(self, request: Request, state: int) -> Entity:
        image = self._database.get("SoftwareImage", request.image)
        path = image["path"] if image else ""
        failures, message = self._failures.get(request.uuid, (0, ""))
        facts = (request.source, state, path, failures, message)
        known = self._shown.get(request.uuid)
        if known is not None and known[0] == facts:
            return known[1]
        shown = Frozen(_show_request(request, state, path, failures, message))
        self._shown[request.uuid] = (facts, shown)
        return shown

    def _provisioner_to_api(self, provisioner: Provisioner) -> Entity:
        images = sorted(provisioner.images)
        up_to_date = provisioner.node not in self._refreshing
        return {
            "baseType": "ProvisioningNodeStatus",
            "childType": "",
            "ref_node_uuid": provisioner.node,
            "ref_image_uuids": images,
            "upToDate": [up_to_date for _ in images],
            "ref_category_uuids": [],
            "ref_nodegroup_uuids": [],
            "ref_rack_uuids": [],
            "slotsCapacity": provisioner.slots,
            "slotsUsed": self._queue.used_slots(provisioner.node),
            "drained": provisioner.node in self._drained,
        }


def _role_facts(entity: Entity | None) -> tuple[object, ...] | None:
    """Give what decides whether a node hands out images."""
    return (entity.get("roles"), entity.get("category")) if entity else None


def _show_request(request: Request, state: int, path: str, failures: int, message: str) -> Entity:
    return {
        "baseType": "ProvisioningRequestStatus",
        "childType": "",
        "request_uuids": [request.uuid],
        "sourceNode": request.source,
        "sourcePath": path,
        "destinationNode": request.destination,
        "destinationPath": "/",
        "dryRun": request.dry_run,
        "syncMode": _SYNC_MODES[request.mode],
        "state": state,
        "errorMessage": message,
        "errorDetails": "",
        "jobFailureCounter": failures,
        "isFromNodeInstaller": request.from_installer,
        "requesterSessions": [] if request.session == ZERO_UUID else [request.session],
        "schedulerInfo": [],
    }
