# SPDX-License-Identifier: GPL-3.0-or-later
"""Query parameters of a GET: $expand, $select, $top, $skip, only; and collections by pages."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from virtual_rack.redfish.messages import Json, refused
from virtual_rack.redfish.modes import Mode

_EXPAND = re.compile(r"^([.*~])(?:\(\$levels=(\d+)\))?$")
_MOST_LEVELS = 4
_ALWAYS = ("@odata.id", "@odata.type", "@odata.etag", "@odata.context")

Read = Callable[[str], "Json | None"]


def answered(document: Json, path: str, query: Mapping[str, str], mode: Mode, page_size: int, read: Read) -> Json:
    """Give a document as a query asks for it; `read` gives others by path. Raises RedfishError."""
    for name in query:
        if name.startswith("$") and name not in ("$expand", "$select", "$top", "$skip"):
            raise refused(501, "QueryParameterUnsupported", name)
    if query.get("only"):
        raise refused(400, "QueryParameterValueFormatError", query["only"], "only")
    if "only" in query:
        document = _only(document, read)
    if "Members" in document:
        document = _page(document, path, query, page_size)
    if "$expand" in query:
        if not mode.expands:
            raise refused(501, "QueryParameterUnsupported", "$expand")
        found = _EXPAND.match(query["$expand"])
        levels = int(found[2] or 1) if found else 0
        if found is None or not 1 <= levels <= _MOST_LEVELS:
            raise refused(400, "QueryParameterValueFormatError", query["$expand"], "$expand")
        document = _expanded(document, found[1], levels, read)
    if "$select" in query:
        document = _selected(document, query["$select"])
    return document


def _only(document: Json, read: Read) -> Json:
    if "Members" not in document:
        raise refused(400, "QueryParameterUnsupported", "only")
    members = document["Members"]
    return (read(members[0]["@odata.id"]) or document) if len(members) == 1 else document


def _page(document: Json, path: str, query: Mapping[str, str], page_size: int) -> Json:
    skip, top = _count(query, "$skip", 0), _count(query, "$top", -1)
    members = document["Members"]
    end = len(members) if top < 0 else skip + top
    shown = members[skip:end]
    if page_size and len(shown) > page_size:
        shown = shown[:page_size]
        following = f"{path}?$skip={skip + page_size}"
        document = document | {"Members@odata.nextLink": following}
    return document | {"Members": shown, "Members@odata.count": len(members)}


def _count(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not text.isdecimal():
        raise refused(400, "QueryParameterValueFormatError", text, name)
    return int(text)


def _expanded(document: Json, which: str, levels: int, read: Read) -> Json:
    def inner(value: object, *, in_links: bool) -> object:
        if isinstance(value, list):
            return [inner(each, in_links=in_links) for each in value]
        if not isinstance(value, dict):
            return value
        if value.keys() == {"@odata.id"}:
            wanted = which == "*" or (which == "~") == in_links
            found = read(value["@odata.id"]) if wanted else None
            if found is None:
                return value
            return _expanded(found, which, levels - 1, read) if levels > 1 else found
        return {key: inner(each, in_links=in_links or key == "Links") for key, each in value.items()}

    return {key: inner(value, in_links=key == "Links") for key, value in document.items()}


def _selected(document: Json, wanted: str) -> Json:
    names = {name.strip().split("/")[0] for name in wanted.split(",")}
    return {key: value for key, value in document.items() if key in names or key in _ALWAYS}
