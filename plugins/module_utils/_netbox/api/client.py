# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""NetBox's REST API as this collection uses it: all pages, many objects per call, and an error for each object."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, Union

from ..._values.shape import Shape, entries, list_of, object_of, text
from ..._values.text import quote
from . import shapes
from .complaints import vanished_in
from .connection import Calls, Filter, NetBoxTransport, encode_query
from .errors import (
    NetBoxApiError,
    NetBoxAuthError,
    NetBoxConfigError,
    NetBoxError,
    NetBoxForbidden,
    NetBoxNotFound,
    NetBoxProtocolError,
    NetBoxTransportError,
)
from .rights import missing_rights, right_to

Raw = dict[str, Any]
Made = Union[Raw, NetBoxError]
_T = TypeVar("_T")

_NUMBER = re.compile("[0-9]{1,4}")
_CHOICES = list_of(object_of({"value": text}))
_OPTIONS = object_of({}, {"actions": object_of({}, {"POST": entries, "PUT": entries})})

DEVICES = "dcim/devices/"
INTERFACES = "dcim/interfaces/"
MAC_ADDRESSES = "dcim/mac-addresses/"
IP_ADDRESSES = "ipam/ip-addresses/"
JOURNAL = "extras/journal-entries/"

# gunicorn takes 4,094 bytes of request line, uwsgi 4,096 with all headers' names; this leaves room for both.
_LONGEST_QUERY = 3000
_PAGE = 500
# NetBox needs 50 to 100 ms per object, several times that when it is busy, and proxies give up after 30 to 60 s.
_BULK = 50
_CHANGELOG_MESSAGES_SINCE = (4, 4)


class WriteRefused(NetBoxError):
    """A request that writes was about to be sent where only reading is allowed: a bug, not a user's error."""


@dataclass(frozen=True)
class Versioned:
    """One object, and the ETag it had (NetBox 4.6 and newer; None before)."""

    raw: Raw
    etag: str | None


class NetBox:
    """The requests this collection uses. Paths are relative to /api/ and end in a slash.

    Every method may raise NetBoxAuthError, NetBoxTransportError, NetBoxProtocolError and NetBoxApiError. `read_only`
    refuses whatever would write before it is sent; `before_write` is asked before every request that writes.
    `changelog_message` goes into NetBox's change log with each change, from NetBox 4.4 on.
    """

    def __init__(
        self,
        transport: NetBoxTransport,
        *,
        read_only: bool = False,
        before_write: Callable[[], None] | None = None,
        changelog_message: str = "",
    ) -> None:
        self._transport = transport
        self._read_only = read_only
        self._before_write = before_write
        self._changelog_message = changelog_message
        self.url = transport.connection.base
        # Whether something was written, or may have been.
        self.has_written = False
        self._known_actions: dict[str, Raw] = {}
        self._readable: dict[str, bool] = {}

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    @property
    def calls(self) -> Calls:
        """Count the requests that were sent so far."""
        return self._transport.calls

    @property
    def version(self) -> tuple[int, int]:
        """Give the major and minor version, which every response of NetBox has."""
        if self._transport.api_version is None:
            self._transport.request("GET", "", action="read the version of NetBox")
        version = self._transport.api_version or ""
        numbers = version.split(".")
        if len(numbers) < 2 or not all(_NUMBER.fullmatch(number) for number in numbers[:2]):
            said = quote(version) if version else "absent"
            raise NetBoxProtocolError(f"{self.url} does not say its version (API-Version: {said})")
        return int(numbers[0]), int(numbers[1])

    @property
    def has_mac_objects(self) -> bool:
        """Return whether MAC addresses are objects of their own and the interface's field is read-only."""
        return self.version >= (4, 2)

    @property
    def has_etags(self) -> bool:
        """Return whether If-Match is honoured, on single objects and in bulk."""
        return self.version >= (4, 6)

    # -- reading --------------------------------------------------------------------------------------------------

    def find(self, path: str, /, **filters: Any) -> list[Raw]:
        """Find all objects that match, over all pages. A filter with a list of values matches any of them.

        At most one list may be long: it is spread over as many requests as its length takes. An empty list matches
        nothing and sends nothing. Filters that are None are left out. NetBox refuses to list what belongs to an object
        that somebody deleted meanwhile: of its ids those are left out that it does not have any more.
        """
        given = {name: value for name, value in filters.items() if value is not None}
        lists = {name: list(value) for name, value in given.items() if isinstance(value, (list, tuple, set, frozenset))}
        if any(not values for values in lists.values()):
            return []
        longest = max(lists, key=lambda name: len(lists[name]), default=None)
        fixed: list[Filter] = [(name, value) for name, value in given.items() if name not in lists]
        fixed += [(name, value) for name, values in lists.items() if name != longest for value in values]
        shape = shapes.shape_of(path, few_fields="status" not in given.get("fields", "status"))
        found: dict[int, Raw] = {}
        for part in _spread(longest, lists[longest], len(encode_query(fixed))) if longest else [[]]:
            for raw in self._listed(path, fixed, part):
                found[self._fitting(raw, shape, f"could not list {path}")["id"]] = raw
        return list(found.values())

    def get(self, path: str, object_id: int) -> Versioned:
        """Read one object. Raises NetBoxNotFound."""
        answer = self._transport.request("GET", f"{path}{object_id}/", action=f"read {path}{object_id}")
        return Versioned(self._object(answer.value, path), answer.etag)

    def choices(self, path: str, field: str) -> frozenset[str] | None:
        actions = self._actions(path)
        action = f"could not read the choices of {field} of {path}"
        fields = self._fitting(actions.get("POST") or actions.get("PUT") or {}, object_of({}, {field: entries}), action)
        known = (fields.get(field) or {}).get("choices")
        if not known:
            return None
        self._fitting(known, _CHOICES, action)
        return frozenset(choice["value"] for choice in known)

    def require(self, needed: Iterable[tuple[str, str]]) -> None:
        """Make sure, before anything is done, that the token may do these: pairs of GET, POST or PATCH and a path.

        It says nothing of single objects, nor of deleting, which NetBox does not tell. Raises NetBoxAuthError with the
        names of the rights that are missing.
        """
        missing = [each for each in needed if not self._may(*each)]
        if self._changelog_message and self.version < _CHANGELOG_MESSAGES_SINCE:
            raise NetBoxConfigError("changelog_message needs NetBox 4.4 or newer")
        if missing:
            raise NetBoxAuthError(missing_rights({right_to(*each) or " ".join(each) for each in missing}))

    def _may(self, method: str, path: str) -> bool:
        if method != "GET":
            return ("PUT" if method == "PATCH" else method) in self._actions(path)
        if path not in self._readable:
            try:
                self._transport.request("GET", path, query=[("limit", 1)], action=f"list {path}")
                self._readable[path] = True
            except NetBoxForbidden:
                self._readable[path] = False
        return self._readable[path]

    def _actions(self, path: str) -> Raw:
        """Read what the token may do with all objects of a kind, once: POST stands for adding, PUT for changing."""
        if path not in self._known_actions:
            answer = self._transport.request("OPTIONS", path, action=f"read what {path} allows")
            said = self._fitting(answer.value, _OPTIONS, f"could not read what {path} allows")
            self._known_actions[path] = said.get("actions") or {}
        return self._known_actions[path]

    # -- writing --------------------------------------------------------------------------------------------------

    def update(self, path: str, object_id: int, changes: Mapping[str, Any], *, if_match: str | None = None) -> Raw:
        """Change fields of one object; give it as it is now. Raises NetBoxStale where `if_match` is not its ETag."""
        return self._object(self._write("PATCH", f"{path}{object_id}/", dict(changes), if_match), path)

    def create(self, path: str, fields: Mapping[str, Any]) -> Raw:
        """Create one object; give it as NetBox stored it."""
        return self._object(self._write("POST", path, dict(fields)), path)

    def delete(self, path: str, object_id: int) -> None:
        """Delete one object. Raises NetBoxNotFound."""
        self._write("DELETE", f"{path}{object_id}/", None)

    def update_many(
        self, path: str, changes: Mapping[int, Mapping[str, Any]], *, etags: Mapping[int, str] | None = None
    ) -> dict[int, Made]:
        """Change many objects, by id; give each as it is now, or the error that prevented it.

        NetBox does all of a request or none. One that it refuses is sent again without the culprits it names, or halved
        until they are alone. With `etags` an object is changed only if its ETag is among them, else it is NetBoxStale.
        """
        bodies = [{"id": object_id, **fields} for object_id, fields in changes.items()]
        made = self._many("PATCH", path, bodies, etags or {})
        return dict(zip(changes, made))

    def create_many(self, path: str, entities: Sequence[Mapping[str, Any]]) -> list[Made]:
        """Create many objects; give each, in the order given, as it was created or the error that prevented it."""
        return self._many("POST", path, [dict(fields) for fields in entities], {})

    # -- inside ---------------------------------------------------------------------------------------------------

    def _listed(self, path: str, fixed: Sequence[Filter], part: Sequence[Filter]) -> list[Raw]:
        while True:
            try:
                return list(self._pages(path, [*fixed, *part]))
            except NetBoxApiError as error:
                gone = {(name, int(value)) for name, value in vanished_in(error.complaints).items()}
                left = [each for each in part if each not in gone]
                if len(left) == len(part):
                    raise
                if not left:
                    return []
                part = left

    def _pages(self, path: str, query: Sequence[Filter]) -> Iterator[Raw]:
        # By offset: the address that NetBox gives for the next page is often not that of the proxy before it.
        offset = 0
        while True:
            page = [*query, ("limit", _PAGE), ("offset", offset)]
            answer = self._transport.request("GET", path, query=page, action=f"list {path}")
            results = self._fitting(answer.value, shapes.PAGE, f"could not list {path}")["results"]
            yield from results
            offset += len(results)
            if not results or offset >= answer.value["count"]:
                return

    def _write(self, method: str, path: str, body: Any, if_match: str | None = None) -> Any:
        if self._read_only:
            raise WriteRefused(f"{method} {path} must not be sent: only reading is allowed here")
        if self._before_write is not None:
            self._before_write()
        verb = {"PATCH": "change", "POST": "create", "DELETE": "delete"}[method]
        try:
            answer = self._transport.request(
                method, path, action=f"{verb} {path}", body=self._explained(body), if_match=if_match
            )
        except NetBoxTransportError as error:
            self.has_written = self.has_written or error.may_be_performed
            raise
        except NetBoxProtocolError:
            self.has_written = True
            raise
        self.has_written = True
        return answer.value

    def _explained(self, body: Any) -> Any:
        """Add the message for the change log to what is sent, to each object of many; deleting sends it alone."""
        if not self._changelog_message:
            return body
        message = {"changelog_message": self._changelog_message}
        return [{**each, **message} for each in body] if isinstance(body, list) else {**(body or {}), **message}

    def _many(
        self, method: str, path: str, bodies: Sequence[Raw], etags: Mapping[int, str] | None = None
    ) -> list[Made]:
        made: list[Made] = []
        for start in range(0, len(bodies), _BULK):
            made += self._together(method, path, bodies[start : start + _BULK], etags or {})
        return made

    def _together(self, method: str, path: str, bodies: Sequence[Raw], etags: Mapping[int, str]) -> list[Made]:
        """Send all in one request; where NetBox refuses, those without the culprits it names, or two halves."""
        if not bodies:
            return []
        # NetBox asks of each object whether its ETag is one of these.
        if_match = ", ".join(etags[body["id"]] for body in bodies) if etags else None
        try:
            answer = self._write(method, path, list(bodies), if_match)
        except NetBoxApiError as error:
            named = [("id", body["id"]) if method == "PATCH" else ("index", at) for at, body in enumerate(bodies)]
            culprits = {place: error.of_objects[name] for place, name in enumerate(named) if name in error.of_objects}
            if len(bodies) == 1:
                return [culprits.get(0, error)]
            if not culprits:
                middle = len(bodies) // 2
                halves = (bodies[:middle], bodies[middle:])
                return [made for half in halves for made in self._together(method, path, half, etags)]
            others = [body for place, body in enumerate(bodies) if place not in culprits]
            made = iter(self._together(method, path, others, etags))
            return [culprits[place] if place in culprits else next(made) for place in range(len(bodies))]
        return self._in_order(method, path, bodies, answer)

    def _in_order(self, method: str, path: str, bodies: Sequence[Raw], answer: Any) -> list[Made]:
        """Put the objects in the order they were sent; the response of a bulk PATCH has the server's own order."""
        objects = answer if isinstance(answer, list) else [answer]
        for each in objects:
            self._object(each, path)
        if len(objects) != len(bodies):
            missing = {body.get("id") for body in bodies} - {each.get("id") for each in objects}
            if method == "PATCH" and missing:
                known = {each["id"]: each for each in objects}
                text = (
                    f"could not change {path}: NetBox does not have it any more, or the token's user may not change it"
                )
                gone = NetBoxNotFound(text, status=404)
                return [known.get(body["id"], gone) for body in bodies]
            raise NetBoxProtocolError(f"{method} {path}: {len(bodies)} objects sent, {len(objects)} came back")
        if method == "PATCH":
            by_id = {each["id"]: each for each in objects}
            if not all(body["id"] in by_id for body in bodies):
                raise NetBoxProtocolError(f"{method} {path}: other objects came back than were sent")
            return [by_id[body["id"]] for body in bodies]
        return list(objects)

    def _object(self, value: Any, path: str) -> Raw:
        fitting: Raw = self._fitting(value, shapes.shape_of(path), f"could not use what was answered about {path}")
        return fitting

    def _fitting(self, value: Any, shape: Shape, could_not: str) -> Any:
        """Return a value that has this shape, which is the only kind that gets any further."""
        misfit = shape(value)
        if misfit is not None:
            raise NetBoxProtocolError(f"{could_not}: {self.url} answered {misfit}; is this a NetBox?")
        return value


def _spread(name: str, values: Sequence[Any], used: int) -> Iterator[list[Filter]]:
    """Split values into parts of queries, none of which is longer than servers take."""
    part: list[Filter] = []
    length = used
    for value in dict.fromkeys(values):
        size = len(encode_query([(name, value)])) + 1
        if part and length + size > _LONGEST_QUERY:
            yield part
            part, length = [], used
        part.append((name, value))
        length += size
    yield part
