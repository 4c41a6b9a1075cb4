# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""A check of options against their argument spec, in sentences that never hold a value.

Ansible's own check quotes what it was given. Where a key is misspelt or a type is wrong, that may be a password, so
this check comes first and refuses whatever Ansible's would.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from typing import Any

from ansible.module_utils.common.parameters import set_fallbacks
from ansible.module_utils.common.validation import check_type_bool, check_type_float, check_type_int
from ansible.module_utils.parsing.convert_bool import BOOLEANS_FALSE, BOOLEANS_TRUE

from .._https.blanking import BLANK
from .._values.names import shorten
from .._values.text import quote

Spec = Mapping[str, Mapping[str, Any]]

_CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "int": check_type_int,
    "float": check_type_float,
    "bool": check_type_bool,
}
_WORDS = {
    "str": "a text",
    "path": "a path",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
}
_KINDS: tuple[tuple[Any, str], ...] = (
    (bool, "true or false"),
    (str, "a text"),
    ((int, float), "a number"),
    (Mapping, "a dictionary"),
    ((list, tuple), "a list"),
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def find_problems(spec: Spec, given: Mapping[str, Any], what: str, *, shown: bool = False) -> list[str]:
    """Return what is wrong with options, one sentence each; unknown keys are named, values never.

    `what` names whose options they are. With `shown` a plain value at the top is quoted, unless its option is a secret.
    """
    resolved = dict(given)
    set_fallbacks(spec, resolved)
    return [rest[1:] if rest.startswith(".") else f"{what}{rest}" for rest in _of_options(spec, resolved, shown)]


def refusal(problems: Iterable[str]) -> str:
    """Return problems as one message."""
    return shorten(list(problems), 20, separator="; ")


def hide_secrets(spec: Spec, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return options as they may be shown: secrets blanked, user names that belong to a password too."""
    names_user = "username" in spec and "password" in spec
    shown = {}
    for name, value in given.items():
        option = spec.get(name, {})
        secret = option.get("no_log") or (names_user and name == "username")
        shown[name] = BLANK if secret and value else _hide_inside(option.get("options"), value)
    return shown


def _hide_inside(options: Spec | None, value: Any) -> Any:
    if options is None:
        return value
    if isinstance(value, Mapping):
        return hide_secrets(options, value)
    return [_hide_inside(options, item) for item in value] if isinstance(value, list) else value


def name_words(spec: Spec, given: Mapping[str, Any], takes_words: Container[str]) -> dict[str, Any]:
    """Return options in which a plain word is {name: word}, in the lists that are called one of `takes_words`."""
    return {name: _name_words(name, spec.get(name, {}), value, takes_words) for name, value in given.items()}


def _name_words(name: str, option: Mapping[str, Any], value: Any, takes_words: Container[str]) -> Any:
    options = option.get("options")
    if options is None or not isinstance(value, list):
        return value
    if name in takes_words:
        return [{"name": item} if isinstance(item, str) else item for item in value]
    return [name_words(options, item, takes_words) if isinstance(item, Mapping) else item for item in value]


def _of_options(spec: Spec, given: Mapping[str, Any], shown: bool = False) -> Iterator[str]:
    """Give the problems of some options, each as the end of a sentence that begins with the path to them."""
    for name in given:
        if name not in spec:
            yield f" has no option {quote(str(name))}{_meant(str(name), spec)}"
    for name, option in spec.items():
        value = given.get(name)
        if value is None:
            if option.get("required"):
                yield f".{name} is missing"
            continue
        for rest in _of_value(option, value, shown and not option.get("no_log")):
            yield f".{name}{rest}"


def _meant(name: str, spec: Spec) -> str:
    close = difflib.get_close_matches(name, spec, 1)
    return f", but {close[0]}" if close else ""


def _of_value(option: Mapping[str, Any], value: Any, shown: bool = False) -> Iterator[str]:
    kind = option.get("type", "str")
    if kind == "raw" or _is_template(value):
        return
    if kind == "list":
        yield from _of_list(option, value)
    elif kind == "dict":
        given = _dictionary(value)
        if given is None:
            yield f" must be a dictionary, not {_kind_of(value)}"
        elif option.get("options"):
            yield from _of_options(option["options"], given)
    elif not _is_a(kind, value):
        yield f" must be {_WORDS[kind]}, not {_shown(value) if shown else _kind_of(value)}"
    elif option.get("choices") and not _is_among(option["choices"], value):
        allowed = ", ".join(str(choice) or '""' for choice in option["choices"])
        yield f" must be one of {allowed}{f', not {_shown(value)}' if shown else ''}"


def _is_template(value: Any) -> bool:
    """Return whether nobody has rendered it, as where linters start modules; Ansible's own check refuses it."""
    return isinstance(value, str) and value.strip().startswith("{{") and value.strip().endswith("}}")


def _of_list(option: Mapping[str, Any], value: Any) -> Iterator[str]:
    """Give the problems of a list; elements that have the same one are told in one sentence."""
    kind = option.get("elements", "raw")
    # Ansible makes a list of a text with commas.
    elements = value.split(",") if isinstance(value, str) and kind != "dict" and kind != "raw" else value
    if not isinstance(elements, (list, tuple)):
        yield f" must be a list, not {_kind_of(value)}"
        return
    places: dict[str, list[str]] = {}
    inner = {**option, "type": kind}
    for number, element in enumerate(elements):
        for rest in _of_value(inner, element) if element is not None else [" is missing"]:
            places.setdefault(rest, []).append(_place(option.get("options") or {}, number, element))
    for rest, found in places.items():
        yield f"[{shorten(found)}]{rest}"


def _place(options: Spec, number: int, element: Any) -> str:
    """Return what an element is known by: its name where it has one, else its number, from 0 on."""
    names = [name for name in ("hostname", "name", "mountpoint") if options.get(name, {}).get("required")]
    name = element.get(names[0]) if names and isinstance(element, Mapping) else None
    return name if isinstance(name, str) and _NAME.fullmatch(name) else str(number)


def _dictionary(value: Any) -> Mapping[str, Any] | None:
    """Return a dictionary, or the one that a text of JSON holds; None for anything else."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    return value if isinstance(value, Mapping) else None


def _is_a(kind: str, value: Any) -> bool:
    if isinstance(value, (Mapping, list, tuple)):
        return False
    if kind not in _CONVERSIONS:
        return True
    try:
        _CONVERSIONS[kind](value)
    except (TypeError, ValueError):
        return False
    return True


def _is_among(choices: Container[Any], value: Any) -> bool:
    """Return whether a value is one of the choices; YAML reads an unquoted on or off as true or false."""
    if value in choices or str(value) in choices:
        return True
    booleans = {"True": BOOLEANS_TRUE, "False": BOOLEANS_FALSE}.get(str(value), frozenset())
    return sum(1 for word in booleans if word in choices) == 1


def _shown(value: Any) -> str:
    if isinstance(value, (Mapping, list, tuple)):
        return _kind_of(value)
    return quote(value) if isinstance(value, str) else str(value)


def _kind_of(value: Any) -> str:
    return next((word for kind, word in _KINDS if isinstance(value, kind)), "something else")
