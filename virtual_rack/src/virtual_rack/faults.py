# SPDX-License-Identifier: GPL-3.0-or-later
"""Things that go wrong on demand."""

from __future__ import annotations

import itertools
import json
import math
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from virtual_rack.entities.database import name_of
from virtual_rack.entities.fields import Entity
from virtual_rack.nodes.install_plan import FINALIZE, INITIALIZE, MESSAGES, PROVISIONING

# Per kind: the keys that must be given, and those that may be. Every kind takes `times`, unless it is a state, and
# `seconds`: the effect's where it is required here, else how long the fault is on.
KINDS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "never_boots": (frozenset(), frozenset({"node"})),
    "install_fails": (frozenset(), frozenset({"node", "phase", "message"})),
    "script_fails": (frozenset(), frozenset({"node", "script", "exit_status"})),
    "transfer_fails": (frozenset(), frozenset({"node", "message"})),
    "installer_unreachable": (frozenset(), frozenset({"node", "phase"})),
    "installer_rebooting": (frozenset(), frozenset({"node", "phase"})),
    "flap": (frozenset({"seconds"}), frozenset({"node"})),
    "call_fails": (frozenset({"answer"}), frozenset({"service", "call"})),
    "slow": (frozenset({"seconds"}), frozenset({"service", "call"})),
    "lost_update": (frozenset(), frozenset({"node", "call"})),
    "drop_field": (frozenset({"field"}), frozenset({"node", "call"})),
    "power_fails": (frozenset(), frozenset({"node", "message"})),
    "power_ignored": (frozenset(), frozenset({"node"})),
    "power_slow": (frozenset({"seconds"}), frozenset({"node"})),
    "daemon_ignores": (frozenset(), frozenset({"node"})),
    "soft_off_ignored": (frozenset(), frozenset({"node"})),
    "shutdown_slow": (frozenset({"seconds"}), frozenset({"node"})),
    "bmc_silent": (frozenset(), frozenset({"node"})),
    "bmc_slow": (frozenset({"seconds"}), frozenset({"node"})),
    "bmc_drops": (frozenset({"every"}), frozenset({"node"})),
    "bmc_hangs": (frozenset(), frozenset({"node"})),
    "bmc_refuses_credentials": (frozenset(), frozenset({"node"})),
    "bmc_accepts_and_ignores": (frozenset(), frozenset({"node"})),
    "bmc_away": (frozenset(), frozenset({"node"})),
    "slots_taken": (frozenset({"slots"}), frozenset()),
    "firmware_fails": (frozenset(), frozenset({"node"})),
    "redfish_answer_lost": (frozenset(), frozenset({"node", "path", "method"})),
    "redfish_ignores_writes": (frozenset(), frozenset({"node", "path", "method"})),
    "redfish_other_certificate": (frozenset(), frozenset({"node"})),
    "redfish_reboot_hangs": (frozenset(), frozenset({"node"})),
    "redfish_resets": (frozenset(), frozenset({"node", "path", "method"})),
    "redfish_sessions_full": (frozenset(), frozenset({"node"})),
    "redfish_unavailable": (frozenset(), frozenset({"node", "path", "method", "retry_after"})),
    "redfish_wrong_etag": (frozenset(), frozenset({"node", "path", "method"})),
}
# States rather than events: there is nothing to count.
_LASTING = frozenset(
    {"bmc_silent", "bmc_slow", "bmc_drops", "bmc_hangs", "bmc_refuses_credentials", "bmc_away", "slots_taken"}
) | {"redfish_other_certificate", "redfish_reboot_hangs", "redfish_sessions_full"}
# Options that are whole numbers, and the least of each.
_NUMBERS = {"slots": 1, "every": 2, "retry_after": 0}
_ANSWER_WORDS = ("nothing", "hang", "not_json", "half")
_ANSWER_KEYS = ("http_status", "errormessage", "validation")


class FaultError(Exception):
    """A fault that cannot be; the text says what is possible."""


@dataclass
class Fault:
    """One fault; `left` counts down, None means it stays; it ends by itself at `end_s` of real time."""

    number: int
    kind: str
    options: Mapping[str, Any]
    left: int | None
    end_s: float = math.inf

    def to_json(self) -> dict[str, Any]:
        """Show it to an administrator."""
        return {"id": self.number, "kind": self.kind, **self.options, "times_left": self.left}


class Faults:
    """The faults that are switched on."""

    def __init__(self, *, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._monotonic_s = monotonic_s
        self._listeners: list[Callable[[], None]] = []
        self._faults: dict[int, Fault] = {}
        self._numbers = itertools.count(1)

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever faults were switched on or off."""
        self._listeners.append(listener)

    def unlisten(self, listener: Callable[[], None]) -> None:
        """Call it no more."""
        self._listeners.remove(listener)

    def add(self, spec: Mapping[str, Any]) -> Fault:
        """Switch a fault on. Raises FaultError."""
        options = dict(spec)
        kind = options.pop("kind", None)
        if kind not in KINDS:
            raise FaultError(f"unknown kind {kind!r}; the kinds are: {', '.join(sorted(KINDS))}")
        times = options.pop("times", None)
        if times is not None and kind in _LASTING:
            raise FaultError(f"{kind}: it lasts, times cannot be given")
        if times is not None and (type(times) is not int or times < 1):
            raise FaultError(f"times: expected a number from 1 on, found {times!r}")
        if "phase" in KINDS[kind][1]:
            options.setdefault("phase", PROVISIONING)
        _check(kind, options)
        end_s = self._monotonic_s() + options["seconds"] if _ends(kind, options) else math.inf
        fault = Fault(next(self._numbers), kind, options, times, end_s)
        self._faults[fault.number] = fault
        self._tell()
        return fault

    def all(self) -> list[Fault]:
        """List the faults that are on."""
        self.end_due()
        return list(self._faults.values())

    def remove(self, number: int) -> bool:
        """Switch one off; say whether it was on."""
        removed = self._faults.pop(number, None) is not None
        self._tell()
        return removed

    def clear(self) -> None:
        """Switch all off."""
        self._faults.clear()
        self._tell()

    def next_end_in_s(self) -> float | None:
        """Say in how many real seconds the next fault ends by itself, None when none does."""
        end_s = min((fault.end_s for fault in self._faults.values()), default=math.inf)
        return None if end_s == math.inf else max(0.0, end_s - self._monotonic_s())

    def end_due(self) -> None:
        """Switch off those whose time is up."""
        if not any(fault.end_s < math.inf for fault in self._faults.values()):
            return
        now_s = self._monotonic_s()
        due = [fault.number for fault in self._faults.values() if fault.end_s <= now_s]
        for number in due:
            del self._faults[number]
        if due:
            self._tell()

    def find(self, kind: str, **facts: str | Collection[str]) -> Fault | None:
        """Give the first fault of a kind that fits the facts. A fault without a filter always fits."""
        self.end_due()
        for fault in self._faults.values():
            if fault.kind == kind and all(_fits(fault.options.get(name), value) for name, value in facts.items()):
                return fault
        return None

    def strike(self, kind: str, **facts: str | Collection[str]) -> Fault | None:
        """Find a fault and count that it struck."""
        fault = self.find(kind, **facts)
        if fault is not None:
            self._count(fault)
        return fault

    def when_storing(self, call: str, *, before: Entity | None, entity: Entity) -> Entity | None:
        """Spoil what is stored: see `StorageFaults`."""
        if self.strike("lost_update", node=name_of(entity), call=call):
            return None
        dropped = self.strike("drop_field", node=name_of(entity), call=call)
        if dropped is None:
            return entity
        field = str(dropped.options["field"])
        if before is not None and field in before:
            return entity | {field: before[field]}
        return entity | {field: type(entity[field])()} if entity.get(field) is not None else entity

    def _tell(self) -> None:
        for listener in tuple(self._listeners):
            listener()

    def _count(self, fault: Fault) -> None:
        if fault.left is not None:
            fault.left -= 1
            if fault.left == 0:
                del self._faults[fault.number]
                self._tell()


def parse_fault(text: str) -> dict[str, Any]:
    """Read `kind=never_boots,node=dgx-05`, or JSON for what does not fit in that. Raises FaultError."""
    try:
        if text.lstrip().startswith("{"):
            return dict(json.loads(text))
        pairs = (pair.split("=", 1) for pair in text.split(","))
        return {key.strip(): _plain_value(value) for key, value in pairs}
    except ValueError:
        raise FaultError(f"expected kind=…,key=value,… or JSON, found {text!r}") from None


def _plain_value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _check(kind: str, options: Mapping[str, Any]) -> None:
    required, optional = KINDS[kind]
    for key in sorted(required - options.keys()):
        raise FaultError(f"{kind}: {key} is required")
    known = required | optional | {"seconds"}
    for key in sorted(options.keys() - known):
        raise FaultError(f"{kind}: unknown key {key!r}; known are: {_list(known)}, times")
    if "seconds" in options and not _is_time(options["seconds"]):
        raise FaultError(f"{kind}: seconds: expected a number above 0, found {options['seconds']!r}")
    for key, least in _NUMBERS.items():
        if key in options and (type(options[key]) is not int or options[key] < least):
            raise FaultError(f"{kind}: {key}: expected a number from {least} on, found {options[key]!r}")
    if "phase" in options and options["phase"] not in MESSAGES:
        raise FaultError(f"{kind}: phase: expected one of {_list(MESSAGES)}; found {options['phase']!r}")
    if "script" in options and options["script"] not in (INITIALIZE, FINALIZE):
        raise FaultError(f"{kind}: script: expected {INITIALIZE} or {FINALIZE}, found {options['script']!r}")
    if "exit_status" in options and options["exit_status"] not in range(1, 256):
        raise FaultError(f"{kind}: exit_status: expected a number from 1 to 255, found {options['exit_status']!r}")
    if "answer" in options:
        _check_answer(options["answer"])


def _ends(kind: str, options: Mapping[str, Any]) -> bool:
    return "seconds" in options and "seconds" not in KINDS[kind][0]


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf


def _check_answer(answer: Any) -> None:
    known = answer in _ANSWER_WORDS if isinstance(answer, str) else False
    if isinstance(answer, dict):
        known = sum(key in answer for key in _ANSWER_KEYS) == 1
    if not known:
        raise FaultError(f"call_fails: answer: expected one of {_list(_ANSWER_WORDS)}, or one of {_list(_ANSWER_KEYS)}")


def _list(words: Iterable[str]) -> str:
    return ", ".join(sorted(words))


def _fits(wanted: Any, value: str | Collection[str]) -> bool:
    if wanted is None:
        return True
    values = (value,) if isinstance(value, str) else value
    return any(str(wanted).lower() == candidate.lower() for candidate in values)
