# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Reading of what a run needs to know, in a constant number of calls. All may raise BcmError; reading again is safe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..api.client import HeadNode
from ..entities.fields import Raw
from ..entities.references import Names, References
from ..entities.status import DeviceStatus


def read_references(
    head_node: HeadNode, *, images: bool = True, networks: bool = True, partitions: bool = True
) -> References:
    """Read what entities refer to, in one call per kind; categories always. A kind that is left out is empty."""
    return References(
        categories=Names.from_api("category", head_node.get_categories()),
        images=Names.from_api("software image", head_node.get_software_images() if images else ()),
        networks=Names.from_api("network", head_node.get_networks() if networks else ()),
        partitions=Names.from_api("partition", head_node.get_partitions() if partitions else ()),
    )


def read_devices(head_node: HeadNode) -> dict[str, Raw]:
    """Read all devices, in one call; returns them by host name."""
    return {str(raw["hostname"]): raw for raw in head_node.get_devices()}


class StatusReader:
    """A reader of the status of devices, again and again: only what has changed since the last time is taken apart."""

    def __init__(self, head_node: HeadNode) -> None:
        self._head_node = head_node
        self._known: dict[str, tuple[Raw, DeviceStatus]] = {}

    def read(self, devices: Mapping[str, Raw]) -> dict[str, DeviceStatus]:
        """Read the status of these devices, in one call; returns it by host name, without devices that have none.

        It is the same object as the last time where nothing of it has changed. Raises BcmError as the call does.
        """
        if not devices:
            return {}
        names = {raw["uuid"]: name for name, raw in devices.items()}
        known = self._known
        self._known = {}
        for raw in self._head_node.get_status_for_devices(list(names)):
            before = known.get(raw["ref_device_uuid"])
            same = before is not None and before[0] == raw
            self._known[raw["ref_device_uuid"]] = before if same and before else (raw, DeviceStatus.from_api(raw))
        return {names[uuid]: status for uuid, (_raw, status) in self._known.items() if uuid in names}


def read_statuses(head_node: HeadNode, devices: Mapping[str, Raw]) -> dict[str, DeviceStatus]:
    """Read the status of these devices once; as `StatusReader.read`."""
    return StatusReader(head_node).read(devices)


def pick(kind: str, entities: Sequence[Raw], names: Sequence[str] | None) -> list[Raw]:
    """Return the entities with these names, all where `names` is None, sorted by name.

    Raises BcmNotFound for an unknown name.
    """
    index = Names.from_api(kind, entities)
    for name in names or []:
        index.resolve(name)
    chosen = [raw for raw in entities if names is None or raw["name"] in names]
    return sorted(chosen, key=lambda raw: str(raw["name"]))
