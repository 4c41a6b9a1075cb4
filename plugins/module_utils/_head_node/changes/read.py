# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""One reading of what a run needs to know, in a constant number of calls."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..api.client import HeadNode
from ..api.errors import BcmConfigError
from ..entities.device import is_node
from ..entities.fields import Raw
from ..entities.references import Names, References
from ..entities.status import DeviceStatus

# Placeholder uuids of things that exist only in a check run; never sent.
_ASSUMED_NAMESPACE = uuid.UUID("6c1d6a66-6f0e-4f0b-8f4a-5d2f4f2f7b11")


def read_references(
    head_node: HeadNode, *, images: bool = True, networks: bool = True, partitions: bool = True
) -> References:
    """What entities refer to: a call for each kind, whatever the number of nodes. A kind that is left out is empty."""
    return References(
        categories=Names.from_api("category", head_node.get_categories()),
        images=Names.from_api("software image", head_node.get_software_images() if images else ()),
        networks=Names.from_api("network", head_node.get_networks() if networks else ()),
        partitions=Names.from_api("partition", head_node.get_partitions() if partitions else ()),
    )


def assume_categories(references: References, declared: Iterable[Mapping[str, Any]]) -> References:
    """The references as they would be once these categories (options of bcm_category) are written: for check runs.

    Images that do not exist are left out; who plans the category says so.
    """
    raws = [dict(raw) for raw in references.categories.raw.values()]
    for options in declared:
        name = str(options["name"])
        found = next((raw for raw in raws if raw["name"] == name), None)
        if found is None:
            source = next((raw for raw in raws if raw["name"] == options.get("clone_from")), {})
            found = {**source, "name": name, "uuid": str(uuid.uuid5(_ASSUMED_NAMESPACE, f"category/{name}"))}
            raws.append(found)
        image = references.images.by_name.get(str(options.get("software_image")))
        if image:
            revision = options.get("software_image_revision")
            found["softwareImageProxy"] = {
                "parentSoftwareImage": image,
                "revisionID": -1 if revision is None else int(revision),
            }
        if options.get("disksetup"):
            found["disksetup"] = options["disksetup"]
    return replace(references, categories=Names.from_api("category", raws))


def read_devices(head_node: HeadNode) -> dict[str, Raw]:
    """All devices by host name, in one call."""
    return {str(raw["hostname"]): raw for raw in head_node.get_devices()}


def read_statuses(head_node: HeadNode, devices: Mapping[str, Raw]) -> dict[str, DeviceStatus]:
    """The status of these devices by host name, in one call."""
    if not devices:
        return {}
    names = {raw["uuid"]: name for name, raw in devices.items()}
    statuses = map(DeviceStatus.from_api, head_node.get_status_for_devices(list(names)))
    return {names[status.device]: status for status in statuses if status.device in names}


@dataclass(frozen=True)
class Selection:
    """The devices behind a list of names, in the list's order; `missing` are those BCM does not know."""

    devices: Mapping[str, Raw] = field(default_factory=dict)
    missing: tuple[str, ...] = ()


def require_names(names: Sequence[str]) -> None:
    """An empty set is an error, never "all"."""
    if not names:
        raise BcmConfigError("no nodes given: an empty list never means all of them, name the nodes")


def select_nodes(devices: Mapping[str, Raw], names: Sequence[str]) -> Selection:
    """Pick nodes by name; raises BcmConfigError for none at all, and for head nodes and other things we never touch."""
    require_names(names)
    found = {name: devices[name] for name in dict.fromkeys(names) if name in devices}
    others = [f"{name} ({raw['childType']})" for name, raw in found.items() if not is_node(raw)]
    if others:
        raise BcmConfigError(f"only nodes that BCM installs may be touched, not: {', '.join(others)}")
    return Selection(found, tuple(name for name in dict.fromkeys(names) if name not in devices))


def pick(kind: str, entities: Sequence[Raw], names: Sequence[str] | None) -> list[Raw]:
    """The entities of these names, all where names is None, sorted by name; raises BcmNotFound for an unknown name."""
    index = Names.from_api(kind, entities)
    for name in names or []:
        index.resolve(name)
    chosen = [raw for raw in entities if names is None or raw["name"] in names]
    return sorted(chosen, key=lambda raw: str(raw["name"]))
