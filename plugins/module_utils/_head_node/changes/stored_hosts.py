# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Reading of all stored nodes as hosts of an inventory, in a constant number of calls, and keeping of what was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..._values.shape import entries, list_of, object_of, text, word
from ..api.client import HeadNode
from ..entities.device import is_node
from ..entities.references import Names
from ..entities.stored_host import WORDS, StoredHost, stored_host
from .read import read_devices, read_references, read_statuses

_FORMAT = "1"
_KEPT = object_of(
    {
        "format": text,
        "hosts": list_of(
            object_of(
                {
                    "name": word,
                    "variables": entries,
                    "words": object_of({by: list_of(text) for by in WORDS}),
                }
            )
        ),
        "known": object_of({}, {by: list_of(text) for by in WORDS}),
    }
)


@dataclass(frozen=True)
class StoredNodes:
    """All nodes as hosts, sorted by name; `known` has the words that there are, whether nodes have them or not."""

    hosts: Sequence[StoredHost]
    known: Mapping[str, list[str]] = field(default_factory=dict)

    def to_words(self) -> dict[str, Any]:
        """Return it as JSON for a cache."""
        hosts = [{"name": host.name, "variables": host.variables, "words": host.words} for host in self.hosts]
        return {"format": _FORMAT, "hosts": hosts, "known": dict(self.known)}

    @classmethod
    def from_words(cls, kept: Any) -> StoredNodes | None:
        """Read what `to_words` has returned; None for anything else."""
        if _KEPT(kept) is not None or kept["format"] != _FORMAT:
            return None
        return cls([StoredHost(**host) for host in kept["hosts"]], kept["known"])


def read_stored_nodes(head_node: HeadNode, *, racks: bool = False, partitions: bool = False) -> StoredNodes:
    """Read all nodes in four calls, and one more for the names of racks, and of partitions. May raise BcmError."""
    references = read_references(head_node, networks=False, partitions=partitions)
    named_racks = Names.from_api("rack", head_node.get_racks() if racks else ())
    nodes = {name: raw for name, raw in sorted(read_devices(head_node).items()) if is_node(raw)}
    statuses = read_statuses(head_node, nodes)
    kinds = {"category": references.categories, "image": references.images}
    kinds.update({"rack": named_racks} if racks else {}, **({"partition": references.partitions} if partitions else {}))
    return StoredNodes(
        [stored_host(raw, references, named_racks, statuses.get(name)) for name, raw in nodes.items()],
        {by: sorted(names.by_name) for by, names in kinds.items()},
    )
