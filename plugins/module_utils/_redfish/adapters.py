# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Adapters: where a BMC shows a setting, how a wanted value is written there, and when a seen one is good. Pure.

An adapter takes what a profile wants and the view of a BMC, and returns its checks; None where this BMC does not expose
the setting there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Optional

from . import roles
from .values import MISSING, Path, at, text_at
from .view import Resource, View


@dataclass(frozen=True)
class Check:
    """One property as it was seen, what is wanted, and whether that is good.

    `write` is what a PATCH of `uri` would set at `path`; None where nothing can be written. `is_pending` says that the
    next boot brings what is wanted, without another write. `post` is the body of a member to be made instead.
    """

    role: str
    uri: str
    path: Path
    seen: Any
    wanted: Any
    ok: bool
    write: Any = None
    is_writable: bool = True
    is_pending: bool = False
    needs_boot: bool = False
    post: Mapping[str, Any] | None = None
    note: str = ""

    @property
    def property(self) -> str:
        """Return the path as people write it."""
        return ".".join(self.path)


Checks = Optional[list[Check]]
Adapter = Callable[[Any, View], Checks]
Rule = Callable[[Any, Any], bool]


# -- rules: seen, wanted -> good -----------------------------------------------------------------------------------


def same(seen: Any, wanted: Any) -> bool:
    """Return whether they are equal; texts in any case."""
    if isinstance(seen, str) and isinstance(wanted, str):
        return seen.casefold() == wanted.casefold()
    return type(seen) is type(wanted) and bool(seen == wanted)


def at_most(seen: Any, wanted: Any) -> bool:
    """Return whether it is switched on, and not above the wanted number; 0 switches such limits off."""
    number = _number(seen)
    return number is not None and 0 < number <= float(wanted)


def at_least(seen: Any, wanted: Any) -> bool:
    """Return whether it is not below the wanted number."""
    number = _number(seen)
    return number is not None and number >= float(wanted)


def same_list(seen: Any, wanted: Any) -> bool:
    """Return whether the same texts are there in the same order; BMCs fill their lists up with empty ones."""
    return isinstance(seen, list) and [each for each in seen if each] == list(wanted)


def version_at_least(seen: Any, wanted: Any) -> bool:
    """Return whether a version is that or a newer one: numbers by value, the rest by letters."""
    return isinstance(seen, str) and version_key(seen) >= version_key(wanted)


def version_key(version: str) -> list[tuple[int, int, str]]:
    """Return what orders versions: 2.9 before 2.10; anything before the first digit does not count."""
    found: list[tuple[int, int, str]] = []
    digits = letters = ""
    for each in [*version, "."]:
        if each.isascii() and each.isdigit():
            if letters and found:
                found.append((0, 0, letters))
            letters = ""
            digits += each
            continue
        if digits:
            found.append((1, int(digits[:18]), ""))
            digits = ""
        letters = letters + each if each.isalpha() else ""
    return found


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return float(value)
    return float(value) if isinstance(value, str) and value.isascii() and value.isdigit() else None


# -- adapters ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Want:
    """One property and what it must be: `to` makes its value of what the profile wants; `rule` judges what is seen.

    Where a BMC lacks one without `is_needed`, the others are judged, and written, all the same.
    """

    role: str
    path: Path
    to: Callable[[Any], Any] = lambda wanted: wanted
    rule: Rule = same
    is_needed: bool = True


def properties(*wants: Want) -> Adapter:
    """Return the adapter of one or several properties that belong together."""

    def check(wanted: Any, view: View) -> Checks:
        found = []
        for want in wants:
            target = want.to(wanted)
            if target is MISSING:
                continue
            resource = view.one(want.role)
            seen = MISSING if resource is None else at(resource.body, *want.path)
            if resource is not None and seen is not MISSING:
                ok = want.rule(seen, target)
                found.append(Check(want.role, resource.uri, want.path, seen, target, ok, target))
            elif resource is None or want.is_needed:
                return None
            else:
                note = f"the BMC does not expose {want.path[-1]}"
                found.append(Check(want.role, resource.uri, want.path, MISSING, target, False, None, False, note=note))
        return found or None

    return check


def protocol(name: str) -> Adapter:
    """Return the adapter of a network protocol that is on or off."""
    return properties(Want(roles.NETWORK_PROTOCOL, (name, "ProtocolEnabled")))


def dell(*wants: tuple[str, Callable[[Any], Any]], rule: Rule = same) -> Adapter:
    """Return the adapter of attributes of an iDRAC, each with what makes its value."""
    return properties(*(Want(roles.DELL_ATTRIBUTES, ("Attributes", name), to, rule) for name, to in wants))


def dell_switch(name: str) -> Adapter:
    """Return the adapter of an iDRAC's attribute that is Enabled or Disabled."""
    return dell((name, enabled))


def enabled(wanted: Any) -> str:
    """Return a switch in the words of most vendors."""
    return "Enabled" if wanted else "Disabled"


def nth(index: int) -> Callable[[Any], Any]:
    """Return what takes one element of a list; "" after its end."""
    return lambda wanted: wanted[index] if index < len(wanted) else ""


def up_to(most: int, adapter: Adapter) -> Adapter:
    """Return the adapter of a list for a BMC that takes so many and no more: the rest is drift, and not written."""

    def check(wanted: Any, view: View) -> Checks:
        found = adapter(wanted[:most], view)
        if found is None or len(wanted) <= most:
            return found
        note = f"this BMC takes {most} and no more"
        return [*found, replace(found[-1], wanted=list(wanted), ok=False, is_writable=False, note=note)]

    return check


def key(name: str) -> Callable[[Any], Any]:
    """Return what takes one key of a dictionary, MISSING where it is not wanted."""
    return lambda wanted: wanted.get(name, MISSING)


def each_member(role: str, path: Path) -> Adapter:
    """Return the adapter of a switch that all members of a collection have; of an empty one nothing is on."""

    def check(wanted: Any, view: View) -> Checks:
        members = view.all(role)
        if members is None or (wanted and not members):
            return None
        found = []
        for member in members:
            seen = at(member.body, *path)
            shown = seen is not MISSING
            found.append(Check(role, member.uri, path, seen, wanted, same(seen, wanted), wanted, is_writable=shown))
        return found

    return check


def bios(names: Mapping[str, Mapping[Any, str] | None]) -> Adapter:
    """Return the adapter of BIOS attributes by name; each has what the wanted value is called, None: as it is."""

    def check(wanted: Any, view: View) -> Checks:
        return check_bios({name: wanted if words is None else words[wanted] for name, words in names.items()}, view)

    return check


def check_bios(wanted: Mapping[str, Any], view: View) -> Checks:
    """Compare BIOS attributes: good is what is applied and stays so at the next boot."""
    applied = view.one(roles.BIOS)
    if applied is None or any(at(applied.body, "Attributes", name) is MISSING for name in wanted):
        return None
    pending = view.one(roles.BIOS_PENDING)
    found = []
    for name, target in wanted.items():
        path = ("Attributes", name)
        seen = at(applied.body, *path)
        # Some list all attributes as pending, some those that differ only.
        due = at(pending.body, *path) if pending is not None else MISSING
        next_boot = seen if due is MISSING or due is None else due
        is_on_its_way = same(next_boot, target)
        found.append(
            Check(
                roles.BIOS,
                applied.uri if pending is None else pending.uri,
                path,
                seen,
                target,
                same(seen, target) and is_on_its_way,
                target,
                # Without a settings resource there is nowhere to write to.
                is_writable=pending is not None,
                is_pending=is_on_its_way and not same(seen, target),
                needs_boot=True,
            )
        )
    return found


def foreign_pending(view: View, ours: Sequence[str]) -> list[str]:
    """Return the names of BIOS attributes that are pending and that no control of ours is about."""
    applied, pending = view.one(roles.BIOS), view.one(roles.BIOS_PENDING)
    if applied is None or pending is None:
        return []
    due = at(pending.body, "Attributes")
    if not isinstance(due, dict):
        return []
    return sorted(
        name
        for name, value in due.items()
        if name not in ours and value is not None and at(applied.body, "Attributes", name) not in (MISSING, value)
    )


def account_name(member: Resource) -> str:
    """Return the user name of an account."""
    return text_at(member.body, "UserName")
