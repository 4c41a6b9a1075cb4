# SPDX-License-Identifier: GPL-3.0-or-later
"""The resources of one service: documents by path, and what may be done with each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from virtual_rack.redfish.messages import Json
from virtual_rack.redfish.rules import Rules

if TYPE_CHECKING:
    from virtual_rack.redfish.accounts import Account

ROOT = "/redfish/v1"
# Left out of an ETag: what changes by itself all the time.
_FAST = ("DateTime",)


@dataclass(frozen=True)
class Caller:
    """Who asks: an account, and the path of the session if there is one."""

    account: Account
    session: str = ""


@dataclass(frozen=True)
class Answer:
    """What a service answers; the body is JSON, XML as text, or absent."""

    status: int = 200
    body: Json | str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


Do = Callable[[Json, Caller], "Answer | Awaitable[Answer]"]


@dataclass
class Resource:
    """A document with what may be done. `live` adds what is known only at the moment of reading.

    `patch` is asked with the body and what the rules have taken of it, before that is stored; it gives the changes to
    store, or an answer of its
    own. `post` makes a member, or does an action. `status` is what reading it answers, if not 200.
    """

    document: Json
    rules: Rules | None = None
    live: Callable[[], Json] | None = None
    patch: Callable[[Json, Json, Caller], Json | Answer] | None = None
    post: Do | None = None
    delete: Callable[[Caller], Answer] | None = None
    is_action: bool = False
    status: Callable[[], int] | None = None
    privilege: str = "ConfigureManager"

    def shown(self) -> Json:
        """Give the document as it is now, with its ETag."""
        document = dict(self.document)
        if self.live is not None:
            document |= self.live()
        if "Members" in document:
            document["Members@odata.count"] = len(document["Members"])
        return {"@odata.etag": etag_of(document)} | document

    def methods(self) -> list[str]:
        """Name the HTTP methods that it takes."""
        methods = [] if self.is_action else ["GET", "HEAD"]
        methods += ["POST"] if self.post else []
        methods += ["PATCH"] if self.rules is not None else []
        return methods + (["DELETE"] if self.delete else [])


def etag_of(document: Mapping[str, Any]) -> str:
    """Give the ETag of what a document says."""
    lasting = {key: value for key, value in document.items() if key not in _FAST}
    content = json.dumps(lasting, sort_keys=True).encode()
    return f'"{hashlib.sha256(content).hexdigest()[:16]}"'


class Tree:
    """All resources of a service."""

    def __init__(self) -> None:
        self.resources: dict[str, Resource] = {}

    def add(self, path: str, kind: str, name: str, **properties: Any) -> Resource:
        """Add a resource; `kind` is its type with version, such as `Chassis.v1_25_0.Chassis`. Gives it."""
        document = {"@odata.id": path, "@odata.type": f"#{kind}", "Id": path.rsplit("/", 1)[1], "Name": name}
        resource = self.resources[path] = Resource(document | properties)
        return resource

    def collection(self, path: str, kind: str, *members: str) -> Resource:
        """Add a collection; its members are listed, not made."""
        document = {
            "@odata.id": path,
            "@odata.type": f"#{kind}Collection.{kind}Collection",
            "Name": f"{kind} Collection",
            "Members": [link(f"{path}/{member}") for member in members],
        }
        resource = self.resources[path] = Resource(document)
        return resource

    def action(
        self,
        path: str,
        name: str,
        do: Do,
        *,
        privilege: str = "ConfigureManager",
        values: Mapping[str, Sequence[str]] = MappingProxyType({}),
    ) -> None:
        """Give a resource an action; `values` are those that a parameter takes."""
        target = f"{path}/Actions/{name}"
        self.resources[path].document.setdefault("Actions", {})[f"#{name}"] = {"target": target} | {
            f"{parameter}@Redfish.AllowableValues": list(allowed) for parameter, allowed in values.items()
        }
        self.resources[target] = Resource({}, post=do, is_action=True, privilege=privilege)

    def join(self, collection: str, member: str) -> None:
        """Put a member into a collection."""
        self.resources[collection].document["Members"].append(link(member))

    def leave(self, collection: str, member: str) -> None:
        """Take a member out of a collection, and away."""
        self.resources[collection].document["Members"].remove(link(member))
        del self.resources[member]

    def document(self, path: str) -> Json:
        """Give the document at a path; KeyError where there is none."""
        return self.resources[path].document


def link(path: str) -> Json:
    """Refer to a resource."""
    return {"@odata.id": path}
