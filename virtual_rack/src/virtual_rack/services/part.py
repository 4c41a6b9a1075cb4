# SPDX-License-Identifier: GPL-3.0-or-later
"""cmpart: partitions, racks and software images. cmnet: networks."""

from __future__ import annotations

import uuid as uuids
from dataclasses import replace

from virtual_rack.entities.commit import CommitResult
from virtual_rack.entities.fields import ZERO_UUID, Entity
from virtual_rack.entities.shapes import kernel_fields
from virtual_rack.entities.validation import Validation
from virtual_rack.head_node import HeadNode
from virtual_rack.services.calls import Args, Service
from virtual_rack.services.entities import entity_calls

CLONE_S = 120.0  # ASSUMED: how long copying an image takes, in simulated seconds


class PartService:
    """Partitions, racks and software images."""

    def __init__(self, head: HeadNode) -> None:
        self._head = head

    def calls(self) -> Service:
        """Give the calls by name."""
        return {
            **entity_calls(self._head, "Partition", "Partitions", bulk=False),
            **entity_calls(self._head, "Rack", "Racks", bulk=False),
            **entity_calls(self._head, "SoftwareImage", "SoftwareImages", bulk=True, add=self._add_image),
            "getSoftwareImageKernelVersions": self._kernel_versions,
        }

    def _kernel_versions(self, args: Args) -> list[str]:
        # ASSUMED: a list of version strings; an image of the rack has one kernel.
        image = self._head.database.get("SoftwareImage", str(args.entity().get("uuid")))
        return [image["kernelVersion"]] if image else []

    def _add_image(self, sent: Entity) -> CommitResult:
        original = self._head.database.get("SoftwareImage", str(sent.get("originalImage", ZERO_UUID)))
        if original is not None:
            return self._clone(sent, original)
        result = self._head.commits.add("SoftwareImage", sent)
        return _warn_about_path(result) if result.success else result

    def _clone(self, sent: Entity, original: Entity) -> CommitResult:
        copied = {name: original[name] for name in kernel_fields() if not sent.get(name)}
        parts = {"fspart": str(uuids.uuid4()), "bootfspart": str(uuids.uuid4())}
        result = self._head.commits.add(
            "SoftwareImage", sent, preset=copied | parts | {"fileOperationInProgress": True}
        )
        if result.entity is None:
            return result
        uuid = result.entity["uuid"]
        self._head.clock.call_later(CLONE_S, lambda: self._cloned(uuid))
        return replace(result, task_uuid=str(uuids.uuid4()), updated=result.entity)

    def _cloned(self, uuid: str) -> None:
        done = {"fileOperationInProgress": False, "originalImage": ZERO_UUID}
        self._head.database.change("SoftwareImage", uuid, **done)


class NetService:
    """Networks."""

    def __init__(self, head: HeadNode) -> None:
        self._head = head

    def calls(self) -> Service:
        """Give the calls by name."""
        return entity_calls(self._head, "Network", "Networks", bulk=True)


def _warn_about_path(result: CommitResult) -> CommitResult:
    """An image that is not a clone has nothing on the disk, which a head node only warns about."""
    if result.entity is None:
        return result
    # ASSUMED: the text and the code; that it is a warning was reported.
    message = f"Path {result.entity['path']} does not exist"
    warning = Validation(result.entity["uuid"], "path", "BAD_VALUE", message, "WARNING")
    return replace(result, findings=(*result.findings, warning))
