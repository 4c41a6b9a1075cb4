# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""NetBox's REST API as this collection uses it: all pages, many objects per call, and an error for each object."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, Union

from ..._values.shape import Shape, entries, list_of, object_of, text
from ..._values.text import quote
from . import shapes
from .connection import Calls, Filter, NetBoxTransport, encode_query
from .errors import NetBoxApiError, NetBoxError, NetBoxProtocolError, NetBoxStale

Raw = dict[str, Any]
Made = Union[Raw, NetBoxError]
_T = TypeVar("_T")

_NUMBER = re.compile("[0-9]{1,4}")
_CHOICES = list_of(object_of({"value": text}))

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
    """

    def __init__(
        self,
        transport: NetBoxTransport,
        *,
        read_only: bool = False,
        before_write: Callable[[], None] | None = None,
    ) -> None:
        self._transport = transport
        self._read_only = read_only
        self._before_write = before_write
        self.url = transport.connection.base

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
        """Return whether If-Match is honoured (on single objects; never in bulk)."""
        return self.version >= (4, 6)

    # -- reading --------------------------------------------------------------------------------------------------

    def find(self, path: str, /, **filters: Any) -> list[Raw]:
        """Find all objects that match, over all pages. A filter with a list of values matches any of them.

        At most one list may be long: it is spread over as many requests as its length takes. An empty list matches
        nothing and sends nothing. Filters that are None are left out.
        """
        given = {name: value for name, value in filters.items() if value is not None}
        lists = {name: list(value) for name, value in given.items() if isinstance(value, (list, tuple, set, frozenset))}
        if any(not values for values in lists.values()):
            return []
        longest = max(lists, key=lambda name: len(lists[name]), default=None)
        fixed: list[Filter] = [(name, value) for name, value in given.items() if name not in lists]
        fixed += [(name, value) for name, values in lists.items() if name != longest for value in values]
        shape = shapes.shape_of(path, few_fields="fields" in given)
        found: dict[int, Raw] = {}
        for part in _spread(longest, lists[longest], len(encode_query(fixed))) if longest else [[]]:
            for raw in self._pages(path, [*fixed, *part]):
                found[self._fitting(raw, shape, f"could not list {path}")["id"]] = raw
        return list(found.values())

    def get(self, path: str, object_id: int) -> Versioned:
        """Read one object. Raises NetBoxNotFound."""
        answer = self._transport.request("GET", f"{path}{object_id}/", action=f"read {path}{object_id}")
        return Versioned(self._object(answer.value, path), answer.etag)

    def choices(self, path: str, field: str) -> frozenset[str] | None:
        """Read the values a field may have; None where NetBox does not list them, as for users who may not create."""
        answer = self._transport.request("OPTIONS", path, action=f"read what {path} allows")
        options = object_of({}, {"actions": object_of({}, {"POST": object_of({}, {field: entries})})})
        said = self._fitting(answer.value, options, f"could not read what {path} allows")
        known = (((said.get("actions") or {}).get("POST") or {}).get(field) or {}).get("choices")
        if not known:
            return None
        self._fitting(known, _CHOICES, f"could not read the choices of {field} of {path}")
        return frozenset(choice["value"] for choice in known)

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

    def update_many(self, path: str, changes: Mapping[int, Mapping[str, Any]]) -> dict[int, Made]:
        """Change many objects, by id; give each as it is now, or the error that prevented it.

        NetBox does all of a request or none. A request that it refuses is halved until the culprits are alone.
        """
        bodies = [{"id": object_id, **fields} for object_id, fields in changes.items()]
        made = self._many("PATCH", path, bodies)
        return dict(zip(changes, made))

    def create_many(self, path: str, entities: Sequence[Mapping[str, Any]]) -> list[Made]:
        """Create many objects; give each, in the order given, as it was created or the error that prevented it."""
        return self._many("POST", path, [dict(fields) for fields in entities])

    # -- inside ---------------------------------------------------------------------------------------------------

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
        return self._transport.request(method, path, action=f"{verb} {path}", body=body, if_match=if_match).value

    def _many(self, method: str, path: str, bodies: Sequence[Raw]) -> list[Made]:
        made: list[Made] = []
        for start in range(0, len(bodies), _BULK):
            made += self._halving(method, path, bodies[start : start + _BULK])
        return made

    def _halving(self, method: str, path: str, bodies: Sequence[Raw]) -> list[Made]:
        if not bodies:
            return []
        try:
            answer = self._write(method, path, list(bodies))
        except NetBoxStale:
            raise
        except NetBoxApiError as error:
            if len(bodies) == 1:
                return [error]
            middle = len(bodies) // 2
            return self._halving(method, path, bodies[:middle]) + self._halving(method, path, bodies[middle:])
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
                gone = NetBoxApiError(f"could not change {path}: NetBox does not have it any more", status=404)
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
