# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Sub-entities: one object inside another, and lists of them merged by key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..api.errors import BcmConfigError
from .fields import NAME, STATE, Context, Field, Json, Raw, Spec, new_object, options_of
from .references import References


def merge_fields(stored: Raw, wanted: Mapping[str, Json], fields: tuple[Field, ...], context: Context) -> Raw:
    """Return `stored` with the wanted options merged in; the same object where nothing differs.

    Options whose wanted value is None were not given and are left as they are. Raises BcmConfigError, which names the
    option, also for a field of a newer BCM that this head node does not have.
    """
    merged = stored
    for known in fields:
        value = wanted.get(known.option)
        is_missing = known.since_bcm > 10 and known.key not in stored
        if value is None or (is_missing and known.said_elsewhere):
            continue
        if is_missing:
            raise BcmConfigError(f"{known.option}: needs BCM {known.since_bcm}, this head node does not have it")
        before = stored.get(known.key)
        try:
            after = known.kind.merge(before, value, context)
        except BcmConfigError as error:
            raise BcmConfigError(f"{known.option}: {error}") from error
        if after != before:
            merged = {**merged, known.key: after}
    return merged


def show_fields(stored: Raw, fields: tuple[Field, ...], references: References) -> dict[str, Json]:
    """Return the fields of `stored` by option name, secrets hidden."""
    return {known.option: known.kind.show(stored[known.key], references) for known in fields if known.key in stored}


@dataclass(frozen=True)
class Element:
    """One kind of sub-entity: its type on the wire, BCM's defaults for a new one, its options."""

    base_type: str
    child_type: str
    defaults: Mapping[str, Json]
    fields: tuple[Field, ...]

    def create(self, wanted: Mapping[str, Json], context: Context) -> Raw:
        """Return a new sub-entity: BCM's defaults and the wanted options. Raises BcmConfigError as `merge_fields`."""
        fresh = new_object(self.base_type, self.child_type, context, **self.defaults)
        return merge_fields(fresh, wanted, self.fields, context)


@dataclass(frozen=True)
class SubObject:
    """A single sub-entity that may be null, such as bmcSettings; made when first named."""

    element: Element

    def merge(self, stored: Json, wanted: Json, context: Context) -> Json:
        if stored is None:
            return self.element.create(wanted, context)
        return merge_fields(stored, wanted, self.element.fields, context)

    def show(self, stored: Json, references: References) -> Json:
        return None if stored is None else show_fields(stored, self.element.fields, references)

    def options(self, name: str) -> Spec:
        return {name: {"type": "dict", "options": options_of(self.element.fields)}}


@dataclass(frozen=True)
class SubObjects:
    """A list of sub-entities, merged by key: what is not named stays, uuids are kept.

    Wanted elements are dictionaries with the key option, an optional `state` (absent removes it) and options of the
    element. A wanted value of {"purge": true, "elements": […]} also removes what is not named.
    """

    key_option: str
    key: str
    elements: Mapping[str, Element]
    # Which of `elements` a new one is (by its wanted options) and a stored one (by the object).
    kind_of_wanted: Callable[[Mapping[str, Json]], str] = lambda _wanted: ""
    kind_of_stored: Callable[[Raw], str] = lambda _stored: ""
    alias: Callable[[Json], Json] = lambda key: key
    extra: Callable[[Raw], dict[str, Json]] = field(default=lambda _stored: {})
    has_type: bool = False  # whether an option `type` says which of `elements` a new one is
    takes_words: bool = False  # whether an element may be given by its name alone

    def merge(self, stored: Json, wanted: Json, context: Context) -> Json:
        named = self._index(wanted["elements"])
        known = {item[self.key] for item in stored or []}
        after = []
        for item in stored or []:
            element = named.get(item[self.key])
            if element is None:
                # Not by key: what was not named stays, even where two have one key.
                after += [] if wanted.get("purge") else [item]
            elif element.get("state") != "absent":
                after.append(self._merge_element(item[self.key], item, element, context))
        for key, element in named.items():
            if key not in known and element.get("state") != "absent":
                after.append(self._merge_element(key, None, element, context))
        return stored if after == (stored or []) else after

    def _index(self, elements: Iterable[Mapping[str, Json]]) -> dict[Json, Mapping[str, Json]]:
        named: dict[Json, Mapping[str, Json]] = {}
        for element in elements:
            key = self.alias(element[self.key_option])
            if key in named:
                raise BcmConfigError(f"{self.key_option} '{key}' is named twice")
            named[key] = element
        return named

    def _merge_element(self, key: Json, current: Raw | None, wanted: Mapping[str, Json], context: Context) -> Raw:
        options = {**wanted, self.key_option: key}
        try:
            if current is None:
                return self.elements[self.kind_of_wanted(options)].create(options, context)
            kind = self.kind_of_stored(current)
            self._refuse_other_kind(kind, options)
            if kind not in self.elements:
                self._refuse_options(current, options)
                return current
            return merge_fields(current, options, self.elements[kind].fields, context)
        except BcmConfigError as error:
            raise BcmConfigError(f"{key}: {error}") from error

    def _refuse_other_kind(self, kind: str, wanted: Mapping[str, Json]) -> None:
        asked = wanted.get("type")
        if asked is not None and asked != kind:
            raise BcmConfigError(
                f"it is of type {kind} on the head node, not {asked}; "
                "remove it (state: absent) in one run, add it in the next"
            )

    def _refuse_options(self, current: Raw, wanted: Mapping[str, Json]) -> None:
        given = [option for option, value in wanted.items() if value is not None]
        unknown = [option for option in given if option not in (self.key_option, "type", "state")]
        if unknown:
            raise BcmConfigError(
                f"it is a {current.get('childType')}, which can only be kept or removed here: {', '.join(unknown)}"
            )

    def show(self, stored: Json, references: References) -> Json:
        return [self._show_element(item, references) for item in stored or []]

    def _show_element(self, item: Raw, references: References) -> dict[str, Any]:
        kind = self.kind_of_stored(item)
        element = self.elements.get(kind)
        shown = show_fields(item, element.fields, references) if element else {self.key_option: item.get(self.key)}
        return {**shown, **self.extra(item)}

    def options(self, name: str) -> Spec:
        """Return the list with the options of all kinds of elements, and the option that removes what is not named."""
        options = {
            option: spec for element in self.elements.values() for option, spec in options_of(element.fields).items()
        }
        if self.has_type:
            options["type"] = {"type": "str", "choices": list(self.elements)}
        options.update({self.key_option: NAME, "state": STATE})
        return {
            name: {"type": "list", "elements": "dict", "options": options},
            f"purge_{name}": {"type": "bool", "default": False},
        }
