# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The part of JSON Schema 2020-12 that profiles use, with sentences for those who write them."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "null": (type(None),),
}
_WORDS = {
    "object": "keys with values",
    "array": "a list",
    "string": "a text",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "null": "nothing",
}


def problems(value: Any, schema: Mapping[str, Any], place: str = "") -> Iterator[str]:
    """Give a sentence for each thing that is wrong, with the place it stands at: `steps.03-disk.budget: …`."""
    wanted = schema.get("type", [])
    types = [wanted] if isinstance(wanted, str) else wanted
    if types and not any(_is(value, name) for name in types):
        yield f"{place}: it takes {' or '.join(_WORDS[name] for name in types)}"
        return
    if "enum" in schema and not any(_same(value, word) for word in schema["enum"]):
        yield f"{place}: it takes one of {', '.join(str(word) for word in schema['enum'])}"
    if isinstance(value, str):
        yield from _text(value, schema, place)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield from _number(value, schema, place)
    elif isinstance(value, list):
        yield from _list(value, schema, place)
    elif isinstance(value, dict):
        yield from _object(value, schema, place)


def _is(value: Any, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    if isinstance(value, float) and not math.isfinite(value):
        return False
    if name == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES[name])


def _same(value: Any, word: Any) -> bool:
    return type(value) is type(word) and bool(value == word)


def _text(value: str, schema: Mapping[str, Any], place: str) -> Iterator[str]:
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{place}: it takes {schema.get('description', 'the form ' + schema['pattern'])}"
    if len(value) > schema.get("maxLength", len(value)):
        yield f"{place}: it takes at most {schema['maxLength']} characters"


def _number(value: float, schema: Mapping[str, Any], place: str) -> Iterator[str]:
    if value < schema.get("minimum", value):
        yield f"{place}: it takes at least {schema['minimum']}"
    if "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]:
        yield f"{place}: it takes more than {schema['exclusiveMinimum']}"
    if value > schema.get("maximum", value):
        yield f"{place}: it takes at most {schema['maximum']}"


def _list(value: list[Any], schema: Mapping[str, Any], place: str) -> Iterator[str]:
    if len(value) > schema.get("maxItems", len(value)):
        yield f"{place}: it takes at most {schema['maxItems']} entries"
    for number, entry in enumerate(value):
        yield from problems(entry, schema.get("items", {}), f"{place}[{number}]")


def _object(value: dict[Any, Any], schema: Mapping[str, Any], place: str) -> Iterator[str]:
    named = schema.get("properties", {})
    patterns = schema.get("patternProperties", {})
    if len(value) > schema.get("maxProperties", len(value)):
        yield f"{place}: it takes at most {schema['maxProperties']} keys"
    for key in schema.get("required", ()):
        if key not in value:
            yield f"{_below(place, key)}: it is missing"
    for key, inner in value.items():
        if not isinstance(key, str):
            yield f"{place}: the key {key!s} is no text; write it in quotes"
            continue
        fitting = [named[key]] if key in named else [of for pattern, of in patterns.items() if re.search(pattern, key)]
        for each in fitting:
            yield from problems(inner, each, _below(place, key))
        if not fitting and schema.get("additionalProperties") is False:
            yield f"{_below(place, key)}: there is no such key{_meant(key, named, schema)}"


def _below(place: str, key: str) -> str:
    return f"{place}.{key}" if place else key


def _meant(key: str, named: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(key, named, 1)
    if close:
        return f"; did you mean {close[0]}?"
    if named:
        return f"; known are {', '.join(sorted(named))}"
    return f"; a key takes {schema['keyForm']}" if "keyForm" in schema else ""
