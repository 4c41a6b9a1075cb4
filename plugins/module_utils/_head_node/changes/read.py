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


def read_statuses(head_node: HeadNode, devices: Mapping[str, Raw]) -> dict[str, DeviceStatus]:
    """Read the status of these devices, in one call; returns it by host name, without devices that have none."""
    if not devices:
        return {}
    names = {raw["uuid"]: name for name, raw in devices.items()}
    statuses = map(DeviceStatus.from_api, head_node.get_status_for_devices(list(names)))
    return {names[status.device]: status for status in statuses if status.device in names}


def pick(kind: str, entities: Sequence[Raw], names: Sequence[str] | None) -> list[Raw]:
    """Return the entities with these names, all where `names` is None, sorted by name.

    Raises BcmNotFound for an unknown name.
    """
    index = Names.from_api(kind, entities)
    for name in names or []:
        index.resolve(name)
    chosen = [raw for raw in entities if names is None or raw["name"] in names]
    return sorted(chosen, key=lambda raw: str(raw["name"]))
