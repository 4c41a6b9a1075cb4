# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Kinds of fields: each merges a user's value into what is stored, shows what is stored to a user, and says which
options a user gives it by.

`merge` returns the stored value itself when nothing differs under the kind's comparison rule, so that
"has it changed" is plain inequality and a field that was not named stays byte-identical.
"""

from __future__ import annotations

import copy
import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol
from xml.etree import ElementTree

from ..._values.ip import parse_ip
from ..._values.mac import ZERO_MAC, MacError, canonical_mac, parse_mac
from ..api.errors import BcmConfigError
from .references import ZERO_UUID, References

Json = Any
Raw = dict[str, Any]
Spec = dict[str, Any]  # options as Ansible declares them, by name

HIDDEN = "********"
# The options by which an entity, or an element of a list, is known, and by which it is removed.
NAME: Spec = {"type": "str", "required": True}
STATE: Spec = {"type": "str", "choices": ["present", "absent"], "default": "present"}


class Disruption(str, Enum):
    """What a change costs the node, from nothing to a new installation."""

    NONE = "none"
    RESTART = "restart"
    REPROVISION = "re-provision"
    DELETE = "delete"


@dataclass(frozen=True)
class Context:
    """The context of a merge: what names refer to, and where new uuids come from."""

    references: References = field(default_factory=References)
    new_uuid: Callable[[], str] = lambda: str(uuid.uuid4())


class Kind(Protocol):
    """A kind of field: how its values are compared, stored and shown."""

    def merge(self, stored: Json, wanted: Json, context: Context) -> Json:
        """Return the stored value with the wanted one in it; the stored value itself where nothing differs.

        Raises BcmConfigError for a wanted value that is not valid, BcmNotFound for a name that does not exist.
        """

    def show(self, stored: Json, references: References) -> Json:
        """Return the stored value in the words of the options, secrets hidden."""

    def options(self, name: str) -> Spec:
        """Return the argument spec of a field that is called `name`; no option has a default that is sent."""


@dataclass(frozen=True)
class Field:
    """An option of ours, and the API key behind it."""

    option: str
    key: str
    kind: Kind
    disruption: Disruption = Disruption.NONE
    since_bcm: int = 10
    said_elsewhere: bool = False  # an older BCM without the field loses nothing
    ours: bool = False  # written by this collection for itself: no option of an entity


def options_of(fields: Iterable[Field]) -> Spec:
    """Declare the options of fields as an argument spec."""
    options: Spec = {}
    for known in fields:
        if not known.ours:
            options.update(known.kind.options(known.option))
    return options


class Text:
    """A kind of field whose option is a text."""

    def options(self, name: str) -> Spec:
        return {name: {"type": "str"}}


@dataclass(frozen=True)
class Value:
    """A scalar, or a list of words whose order matters: compared as it is. `type` is Ansible's name for it."""

    type: str = "str"

    def options(self, name: str) -> Spec:
        return {name: {"type": self.type, **({"elements": "str"} if self.type == "list" else {})}}

    def merge(self, stored: Json, wanted: Json, context: Context) -> Json:
        return wanted

    def show(self, stored: Json, references: References) -> Json:
        return stored


@dataclass(frozen=True)
class Choice:
    """An enumeration; `aliases` are the words of others for the same thing."""

    values: tuple[str, ...]
    aliases: Mapping[str, str] = field(default_factory=dict)

    def options(self, name: str) -> Spec:
        return {name: {"type": "str", "choices": [*self.values, *self.aliases]}}

    def merge(self, stored: Json, wanted: Json, context: Context) -> Json:
        value = self.aliases.get(wanted, wanted)
        if value not in self.values:
            raise BcmConfigError(f"'{wanted}' is not one of {', '.join(v for v in self.values if v)}")
        return value

    def show(self, stored: Json, references: References) -> Json:
        return stored


@dataclass(frozen=True)
class Mac(Text):
    """A MAC address: case and separators don't count. BCM stores zeros where none is set."""

    def merge(self, stored: Json, wanted: Json, context: Context) -> Json:
        try:
            value = parse_mac(wanted)
        except MacError as error:
            raise BcmConfigError(error.unquoted) from error
        return stored if stored and canonical_mac(stored) == value else value

    def show(self, stored: Json, references: References) -> Json:
        return None if stored == ZERO_MAC else stored


@dataclass(frozen=True)
class Address(Text):
    """An IPv4 address; 0.0.0.0 is none."""

    def merge(self, stored: Json, wanted: Json, context: Context) -> Json:
        try:
            return parse_ip(wanted)
        except ValueError as error:
            raise BcmConfigError(str(error)) from error

    def show(self, stored: Json, references: References) -> Json:
        return stored


@dataclass(frozen=True)
class Refused:
    """An option that other documents name and BCM does not have: given, it is refused with the way there is."""

    reason: str

    def options(self, name: str) -> Spec:
        return {name: {"type": "raw"}}

    def merge(self, stored: Json, wanted: Json, context: Context) -> Json:
        raise BcmConfigError(self.reason)

    def show(self, stored: Json, references: References) -> Json:
        return None


@dataclass(frozen=True)
class TextSet:
    """A list of words in which order does not count; an empty list clears it."""

    def options(self, name: str) -> Spec:
        return {name: {"type": "list", "elements": "str"}}

    def merge(self, stored: Json, wanted: Json, context: Context) -> Json:
        return stored if set(stored or []) == set(wanted) else sorted(set(wanted))

    def show(self, stored: Json, references: References) -> Json:
        return sorted(stored or [])


@dataclass(frozen=True)
class Script(Text):
    """The text of a script; a path is refused, because BCM would store the path as the script."""

    def merge(self, stored: Json, wanted: Json, context: Context) -> Json:
        text = wanted.strip()
        if text and "\n" not in text and re.fullmatch(r"[~/.]?[\w@%+=:,./-]*/[\w@%+=:,.-]+|[\w.-]+\.(sh|py|pl)", text):
            raise BcmConfigError(
                "this looks like a path, but the text of the script is needed: lookup('ansible.builtin.file', …)"
            )
        return wanted

    def show(self, stored: Json, references: References) -> Json:
        return stored


@dataclass(frozen=True)
class Xml(Text):
    """An XML text with a given root; differences in white space between elements don't count."""

    root: str

    def merge(self, stored: Json, wanted: Json, context: Context) -> Json:
        if not wanted.strip():
            return wanted
        canonical = self._canonical(wanted)
        try:
            return stored if stored and self._canonical(stored) == canonical else wanted
        except BcmConfigError:
            return wanted

    def show(self, stored: Json, references: References) -> Json:
        return stored

    def _canonical(self, text: str) -> str:
        # A declaration of an encoding is for bytes; the parser refuses it in text.
        try:
            root = ElementTree.fromstring(text.strip().encode())
            if root.tag != self.root:
                raise BcmConfigError(f"the root element is not <{self.root}>")
            return ElementTree.canonicalize(ElementTree.tostring(root, encoding="unicode"), strip_text=True)
        except ElementTree.ParseError as error:
            raise BcmConfigError(f"not well-formed XML: {error}") from error


@dataclass(frozen=True)
class Reference(Text):
    """A name that is stored as a uuid; an empty name clears it."""

    of: str  # the attribute of References

    def merge(self, stored: Json, wanted: Json, context: Context) -> Json:
        if not wanted:
            return ZERO_UUID
        names = getattr(context.references, self.of)
        # Names need not be unique across uuids: keep the stored uuid when it already bears the name.
        return stored if names.name_of(stored) == wanted else names.resolve(wanted)

    def show(self, stored: Json, references: References) -> Json:
        return getattr(references, self.of).name_of(stored)


@dataclass(frozen=True)
class ImageProxy:
    """How a node or category names its image (bcm-api.md 4.3); wanted is {name, revision} or {} for none."""

    def options(self, name: str) -> Spec:
        return {name: {"type": "str"}, f"{name}_revision": {"type": "int"}}

    def merge(self, stored: Json, wanted: Json, context: Context) -> Json:
        if not wanted or not wanted.get("name"):
            return None
        target = context.references.images.resolve(wanted["name"])
        proxy = dict(stored) if stored else new_object("SoftwareImageProxy", "", context)
        revision = wanted.get("revision")
        if revision is None:
            same_image = bool(stored) and stored["parentSoftwareImage"] == target
            revision = stored["revisionID"] if same_image else -1
        return {**proxy, "parentSoftwareImage": target, "revisionID": revision}

    def show(self, stored: Json, references: References) -> Json:
        if not stored:
            return None
        name = references.images.name_of(stored["parentSoftwareImage"])
        return name if stored["revisionID"] == -1 else f"{name}, revision {stored['revisionID']}"


@dataclass(frozen=True)
class Secret:
    """A credential: compared in clear, as BCM returns it, and never shown.

    With `no_log` Ansible cuts it out of every text. That would spoil the names of nodes and files where it is a user's
    name, often a word like admin; such a name is kept from diffs, results and messages one by one.
    """

    no_log: bool = True

    def options(self, name: str) -> Spec:
        return {name: {"type": "str", **({"no_log": True} if self.no_log else {})}}

    def merge(self, stored: Json, wanted: Json, context: Context) -> Json:
        if wanted == HIDDEN:
            raise BcmConfigError("asterisks are what is shown instead of it, so it can't be given back; leave it out")
        return wanted

    def show(self, stored: Json, references: References) -> Json:
        return HIDDEN if stored else ""


@dataclass(frozen=True)
class KeyValues:
    """Free keys beside those of others (`extra_values`, bcm-api.md 3); null removes a key."""

    def options(self, name: str) -> Spec:
        return {name: {"type": "dict"}}

    def merge(self, stored: Json, wanted: Json, context: Context) -> Json:
        merged = {**(stored or {}), **wanted}
        merged = {key: value for key, value in merged.items() if value is not None or key not in wanted}
        return stored if merged == (stored or {}) else merged

    def show(self, stored: Json, references: References) -> Json:
        return stored or {}


def new_object(base_type: str, child_type: str, context: Context, **values: Json) -> Raw:
    """Return the keys that every entity has, with a uuid of its own (bcm-api.md 3), and `values` beside them."""
    return {
        "baseType": base_type,
        "childType": child_type,
        "uuid": context.new_uuid(),
        "revision": "",
        "modified": True,
        "to_be_removed": False,
        "extra_values": None,
        **values,
    }


def with_new_uuids(stored: Raw, context: Context) -> Raw:
    """Return a copy in which the entity and all its sub-entities have new uuids; references to other entities stay."""
    renamed: dict[str, str] = {}

    def rename(value: Json) -> Json:
        if isinstance(value, dict):
            known = value.get("uuid")
            if "baseType" in value and known and isinstance(known, str):
                renamed[known] = context.new_uuid()
            return {key: rename(item) for key, item in value.items()}
        return [rename(item) for item in value] if isinstance(value, list) else value

    def point(value: Json) -> Json:
        if isinstance(value, dict):
            return {key: point(item) for key, item in value.items()}
        if isinstance(value, list):
            return [point(item) for item in value]
        return renamed.get(value, value) if isinstance(value, str) else value

    rename(stored)
    copied: Raw = point(copy.deepcopy(stored))
    return copied
