# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The plan of a run as a file: what it would do, and what differs from it later. Pure.

It holds no secret: names and passwords of BMCs are left out, and long texts, such as scripts, are digests.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from .._head_node.api.errors import BcmConfigError
from .._head_node.entities.fields import HIDDEN, Json
from .._values.names import count, shorten
from .decide import Action, Planned
from .node_run import NodeResult

_FORMAT = 1
_SECRET = frozenset({"username", "password"})
_LONGEST = 120
_MOST_BYTES = 64 * 1024 * 1024

Changes = Mapping[str, Mapping[str, Json]]


@dataclass(frozen=True)
class PlannedEntity:
    """What a run would do with a category or device: `changes` maps option to {before, after}.

    `wanted` is a digest of its options, `affected` the nodes that a category's changes would have installed anew.
    """

    wanted: str
    action: str = "none"
    changes: Changes = field(default_factory=dict)
    affected: Sequence[str] = ()


@dataclass(frozen=True)
class RunPlan:
    """What a run would do. `request` has the run's variables by name; the others are by name of entity or node."""

    cluster: str
    request: Mapping[str, Json]
    categories: Mapping[str, PlannedEntity]
    devices: Mapping[str, PlannedEntity]
    nodes: Mapping[str, Planned]

    @cached_property
    def body(self) -> dict[str, Any]:
        """Return the plan as JSON objects, which nobody may change."""
        return asdict(self)

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the plan in hexadecimal digits."""
        return _digest(self.body)

    def to_text(self) -> str:
        """Return the plan as the text of its file, with its digest."""
        return json.dumps({"format": _FORMAT, "digest": self.digest, **self.body}, indent=1) + "\n"

    def to_word(self) -> str:
        """Return the same as one word of letters and digits, which no template can take for its own."""
        return base64.b64encode(zlib.compress(self.to_text().encode(), 9)).decode()

    def summary(self) -> str:
        """Return how much there is to do, in words."""
        acting = [name for name, node in self.nodes.items() if Action(node.action).acts]
        changed = [one for group in (self.categories, self.devices) for one in group.values() if one.action != "none"]
        return (
            f"{count(len(changed), 'category or device', 'categories or devices')} to change, "
            f"{len(acting):,} of {count(len(self.nodes), 'node')} to power"
        )


def read_plan(text: str, where: str) -> RunPlan:
    """Read what `to_text` or `to_word` returned. Raises BcmConfigError for anything else, and where it was changed."""
    try:
        values = json.loads(_unpack(text) if not text.lstrip().startswith("{") else text)
        given, found = values.pop("digest"), values.pop("format")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BcmConfigError(f"{where} is no plan; write one with --check") from error
    if found != _FORMAT:
        raise BcmConfigError(f"{where} was written by another version of this collection; write it anew with --check")
    try:
        if _digest(values) != given:
            raise BcmConfigError(f"{where} was changed after it was written; write it anew with --check")
        return RunPlan(
            cluster=values["cluster"],
            request=values["request"],
            categories={name: _entity(one) for name, one in values["categories"].items()},
            devices={name: _entity(one) for name, one in values["devices"].items()},
            nodes={name: Planned(**one) for name, one in values["nodes"].items()},
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise BcmConfigError(f"{where} is no plan; write one with --check") from error


def _entity(values: Mapping[str, Any]) -> PlannedEntity:
    return PlannedEntity(**{**values, "affected": tuple(values["affected"])})


def _unpack(word: str) -> str:
    try:
        unpacking = zlib.decompressobj()
        content = unpacking.decompress(base64.b64decode(word, validate=True), _MOST_BYTES)
    except (binascii.Error, zlib.error) as error:
        raise ValueError(str(error)) from error
    return content.decode()


def entity_of(options: Mapping[str, Any], shown: Mapping[str, Any], diff: Mapping[str, Any] | None) -> PlannedEntity:
    """Return the plan for one entity: its options, its part of a module's result, and its diff where it changes."""
    before, after = (diff["before"], diff["after"]) if diff else ({}, {})
    # JSON, as it is read back from the file.
    changes = {
        option: json.loads(json.dumps({"before": _brief(before.get(option)), "after": _brief(after.get(option))}))
        for option in {**before, **after}
    }
    wanted = _digest(_without_secrets({key: value for key, value in options.items() if value is not None}))
    return PlannedEntity(wanted, str(shown["action"]), changes, tuple(shown.get("affected_nodes", ())))


def node_of(result: NodeResult) -> Planned:
    """Return the plan for one node."""
    decision = result.decision
    return Planned(
        action=decision.action.value,
        digest=result.assigned,
        image=result.image,
        install_mode=decision.next_boot_install_mode,
        reason=decision.reason,
    )


def differences(planned: RunPlan, now: RunPlan, held: Mapping[str, NodeResult]) -> list[str]:
    """Return what a run would do now that the plan does not say, a sentence each; what is done already is none.

    `held` are the results of the nodes as they were decided by the plan: those that differ are refused there.
    """
    if planned.cluster != now.cluster:
        return ["it was made for another cluster"]
    found = list(_different_request(planned.request, now.request))
    found += _different_names("node", planned.nodes, now.nodes)
    for kind, before, after in (
        ("category", planned.categories, now.categories),
        ("device", planned.devices, now.devices),
    ):
        if kind == "category":
            found += _different_names(kind, before, after)
        reasons: dict[str, list[str]] = {}
        for name in before.keys() & after.keys():
            for reason in _different_entity(before[name], after[name]):
                reasons.setdefault(reason, []).append(name)
        found += [f"{kind} {shorten(sorted(names))}: {reason}" for reason, names in sorted(reasons.items())]
    off_plan: dict[str, list[str]] = {}
    for name, result in held.items():
        if result.decision.is_off_plan:
            off_plan.setdefault(result.decision.reason, []).append(name)
    return [*found, *(f"{shorten(names)}: {reason}" for reason, names in off_plan.items())]


def _different_request(before: Mapping[str, Json], after: Mapping[str, Json]) -> Iterator[str]:
    for variable in {**before, **after}:
        if before.get(variable) != after.get(variable):
            yield f"{variable} is {_word(after.get(variable))}, the plan has {_word(before.get(variable))}"


def _different_names(kind: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    plural = {"category": "categories"}.get(kind, f"{kind}s")
    gone, new = [name for name in before if name not in after], [name for name in after if name not in before]
    if gone:
        yield f"{count(len(gone), kind, plural)} of the plan not in this run: {shorten(gone)}"
    if new:
        yield f"{count(len(new), kind, plural)} of this run not in the plan: {shorten(new)}"


def _different_entity(planned: PlannedEntity, now: PlannedEntity) -> Iterator[str]:
    if planned.wanted != now.wanted:
        yield "its variables have changed"
        return
    for option, change in now.changes.items():
        if planned.changes.get(option) != change:
            before, after = _word(change.get("before")), _word(change.get("after"))
            yield f"{option} would change from {before} to {after}, which the plan does not say"
    others = sorted(set(now.affected) - set(planned.affected))
    if others:
        yield f"it would also have these installed anew: {shorten(others)}"


def _word(value: Json) -> str:
    text = json.dumps(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _brief(value: Json) -> Json:
    """Return a value as it stands in a plan: without secrets, long texts as digests."""
    if isinstance(value, Mapping):
        return {key: _hidden(item) if key in _SECRET else _brief(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_brief(item) for item in value]
    if isinstance(value, str) and (len(value) > _LONGEST or "\n" in value):
        return f"{count(len(value.splitlines()), 'line')}, SHA-256 {hashlib.sha256(value.encode()).hexdigest()[:16]}"
    return value


def _hidden(value: Json) -> Json:
    """Return a secret as the diff hides it; the diff says whether it changes."""
    return value if value in (None, "") or str(value).startswith(HIDDEN) else HIDDEN


def _without_secrets(value: Json) -> Json:
    if isinstance(value, Mapping):
        return {key: _without_secrets(item) for key, item in value.items() if key not in _SECRET}
    return [_without_secrets(item) for item in value] if isinstance(value, (list, tuple)) else value


def _digest(value: Json) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
