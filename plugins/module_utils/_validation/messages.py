# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What an agent and its receiver say to each other: read with bounds, written in one form, signed.

What a machine sends is checked here and nowhere else. Whatever the bytes are, reading ends in a value or in
MessageError; its text names the place and never repeats what was sent.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_BODY_BYTES = 1024 * 1024
MAX_PIECE_BYTES = 256 * 1024  # compressed
MAX_LOG_BYTES = 8 * 1024 * 1024  # of one step, its pieces together
MAX_PIECES = 4096
MAX_TEXT = 2000
MAX_MEASUREMENTS = 5000
MAX_ENTRIES = 500  # of findings, of neighbours, of MAC addresses
MAX_DEPTH = 8  # of an inventory
MAX_VALUES = 20_000  # in an inventory

POWER_OFF, BOOT_DISK = "poweroff", "boot_disk"  # what a machine does at the end
EVENTS = ("hello", "step_started", "heartbeat", "step_finished", "finished")
OF_A_STEP = ("step_started", "step_finished")

COMPLETED, TOOL_MISSING, TIMED_OUT, KILLED = "completed", "tool_missing", "timed_out", "killed"
NO_DATA, CRASHED, SKIPPED, NOT_APPLICABLE = "no_data", "crashed", "skipped", "not_applicable"
OUTCOMES = (COMPLETED, TOOL_MISSING, TIMED_OUT, KILLED, NO_DATA, CRASHED, SKIPPED, NOT_APPLICABLE)

SEQUENCE_HEADER = "X-Validation-Sequence"
SIGNATURE_HEADER = "X-Validation-Signature"

STEP_NAME = re.compile(r"[0-9]{2}-[a-z0-9][a-z0-9-]{0,40}")
METRIC_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_RUN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TOKEN = re.compile(r"[0-9a-f]{64}")
_DIGEST = re.compile(r"[0-9a-f]{0,128}")
_MAC = re.compile(r"[0-9A-F]{2}(:[0-9A-F]{2}){5}")
# Control characters but tab and newline, and what turns the direction of text: no person sees what they do.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")


class MessageError(ValueError):
    """A message that can't be read. The text names the place and what it takes there."""


@dataclass(frozen=True)
class Measurement:
    """One number that a step found. `component` is empty for the server as a whole, else for instance `nvme0n1`."""

    name: str
    value: float
    unit: str = ""
    component: str = ""


@dataclass(frozen=True)
class Finding:
    """Something wrong that a step saw; `verdict` is `fail` or `warn`."""

    component: str
    verdict: str
    text: str


@dataclass(frozen=True)
class NotApplicable:
    """A metric that a step did not take of a component, and why. Judging decides whether that reason counts."""

    metric: str
    component: str
    reason: str


@dataclass(frozen=True)
class StepResult:
    """What came of one step; `seconds` and `work` are not negative, `inventory` has the shape that `bom` documents."""

    outcome: str
    reason: str = ""
    seconds: float = 0.0
    work: float = 0.0
    measurements: tuple[Measurement, ...] = ()
    findings: tuple[Finding, ...] = ()
    not_applicable: tuple[NotApplicable, ...] = ()
    inventory: Mapping[str, Any] | None = None
    neighbours: tuple[Mapping[str, Any], ...] | None = None
    log_pieces: int = 0

    def to_wire(self) -> dict[str, Any]:
        """Return the body of `step_finished`."""
        wire: dict[str, Any] = {
            "outcome": self.outcome,
            "reason": self.reason,
            "seconds": self.seconds,
            "work": self.work,
            "measurements": [dict(vars(each)) for each in self.measurements],
            "findings": [dict(vars(each)) for each in self.findings],
            "not_applicable": [dict(vars(each)) for each in self.not_applicable],
            "log_pieces": self.log_pieces,
        }
        if self.inventory is not None:
            wire["inventory"] = dict(self.inventory)
        if self.neighbours is not None:
            wire["neighbours"] = [dict(each) for each in self.neighbours]
        return wire

    @classmethod
    def from_wire(cls, wire: object) -> StepResult:
        """Read the body of `step_finished`. Raises MessageError."""
        body = _Reader(wire, "body")
        return cls(
            outcome=body.one_of("outcome", OUTCOMES),
            reason=body.text("reason", ""),
            seconds=body.number("seconds", least=0.0),
            work=body.number("work", least=0.0),
            measurements=body.each("measurements", _measurement, MAX_MEASUREMENTS),
            findings=body.each("findings", _finding, MAX_ENTRIES),
            not_applicable=body.each("not_applicable", _not_applicable, MAX_ENTRIES),
            inventory=_inventory(body),
            neighbours=body.each("neighbours", _neighbour, MAX_ENTRIES) if body.has("neighbours") else None,
            log_pieces=body.whole("log_pieces", most=MAX_PIECES, default=0),
        )


@dataclass(frozen=True)
class Hello:
    """Who the machine says it is. MAC addresses are in upper case with colons; `lockdown` is the kernel's mode."""

    serial: str
    uuid: str
    macs: tuple[str, ...]
    firmware: str
    secure_boot: bool
    lockdown: str | None
    image_digest: str
    agent_version: str

    def to_wire(self) -> dict[str, Any]:
        """Return the body of `hello`."""
        return {**vars(self), "macs": list(self.macs)}

    @classmethod
    def from_wire(cls, wire: object) -> Hello:
        """Read the body of `hello`. Raises MessageError."""
        body = _Reader(wire, "body")
        return cls(
            serial=body.text("serial", most=100),
            uuid=body.text("uuid", most=64),
            macs=body.each("macs", _mac, MAX_ENTRIES),
            firmware=body.one_of("firmware", ("bios", "uefi")),
            secure_boot=body.flag("secure_boot"),
            lockdown=body.text("lockdown", most=32) if body.has("lockdown") else None,
            image_digest=body.matching("image_digest", _DIGEST),
            agent_version=body.text("agent_version", most=64),
        )


@dataclass(frozen=True)
class Event:
    """One message of a run. `uptime` is the machine's, in seconds; `body` is a StepResult, a Hello, or None."""

    kind: str
    sequence: int
    uptime: float
    step: str | None = None
    body: StepResult | Hello | None = None

    def to_bytes(self) -> bytes:
        """Return what is posted."""
        body = {} if self.body is None else self.body.to_wire()
        wire = {"kind": self.kind, "sequence": self.sequence, "uptime": self.uptime, "step": self.step, "body": body}
        return json.dumps(wire, allow_nan=False, separators=(",", ":")).encode("utf-8", "replace")

    @classmethod
    def from_bytes(cls, sent: bytes) -> Event:
        """Read what was posted. Raises MessageError."""
        message = _Reader(read_json(sent), "message")
        kind = message.one_of("kind", EVENTS)
        step = message.matching("step", STEP_NAME) if message.has("step") else None
        if step is None and kind in OF_A_STEP:
            raise MessageError(f"step: a message of the kind {kind} names its step")
        body: StepResult | Hello | None = None
        if kind == "hello":
            body = Hello.from_wire(message.get("body"))
        elif kind == "step_finished":
            body = StepResult.from_wire(message.get("body"))
        return cls(kind, message.whole("sequence", least=1), message.number("uptime", least=0.0), step, body)


@dataclass(frozen=True)
class Task:
    """What an agent is to do. `profile` is what `Profile.to_wire` gave; `writable_disks` are serial numbers.

    `name` is the server's in NetBox, for people.
    """

    run: str
    profile: Mapping[str, Any]
    heartbeat_seconds: float
    deadline_seconds: float
    server_time: str = ""
    writable_disks: tuple[str, ...] = ()
    lldp_interval_seconds: float = 30.0
    name: str = ""

    def to_bytes(self) -> bytes:
        """Return the answer to the request for the task."""
        wire = {
            "run": self.run,
            "name": self.name,
            "profile": dict(self.profile),
            "heartbeat_seconds": self.heartbeat_seconds,
            "deadline_seconds": self.deadline_seconds,
            "server_time": self.server_time,
            "expected": {
                "writable_disks": list(self.writable_disks),
                "lldp_interval_seconds": self.lldp_interval_seconds,
            },
        }
        return json.dumps(wire, allow_nan=False, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, sent: bytes) -> Task:
        """Read the receiver's answer. Raises MessageError."""
        task = _Reader(read_json(sent), "task")
        expected = _Reader(task.get("expected"), "expected")
        profile = task.tree("profile")
        if profile is None:
            raise MessageError("profile: it is missing")
        return cls(
            run=task.matching("run", _RUN),
            profile=profile,
            heartbeat_seconds=task.number("heartbeat_seconds", least=0.05, most=3600),
            deadline_seconds=task.number("deadline_seconds", least=0.0),
            server_time=task.text("server_time", "", most=64),
            writable_disks=expected.each("writable_disks", _serial, MAX_ENTRIES),
            lldp_interval_seconds=expected.number("lldp_interval_seconds", 30.0, least=0.05, most=3600),
            name=task.text("name", "", most=100),
        )


def is_run(text: str) -> bool:
    """Say whether a text has the form of a run's identifier: a UUID in lower case."""
    return bool(_RUN.fullmatch(text))


def is_token(text: str) -> bool:
    """Say whether a text has the form of a token: 64 hexadecimal digits in lower case."""
    return bool(_TOKEN.fullmatch(text))


def task_path(run: str) -> str:
    """Return the path of a run's task."""
    return f"/v1/runs/{run}/task"


def events_path(run: str) -> str:
    """Return the path that a run's events are posted to."""
    return f"/v1/runs/{run}/events"


def log_path(run: str, step: str, piece: int) -> str:
    """Return the path that one piece of a step's log is put to."""
    return f"/v1/runs/{run}/steps/{step}/log/{piece}"


def signing_key(token: str) -> bytes:
    """Return what requests of a run are signed with: the hash of its token, so that the token is kept nowhere."""
    return hashlib.sha256(bytes.fromhex(token)).digest()


def sign(key: bytes, method: str, path: str, sequence: int, body: bytes) -> str:
    """Return the signature of a request. `key` is the run's `signing_key`; `path` is as it stands in the request."""
    text = f"{method}\n{path}\n{sequence}\n{hashlib.sha256(body).hexdigest()}"
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def is_signed(signature: str, key: bytes, method: str, path: str, sequence: int, body: bytes) -> bool:
    """Say whether a request carries its signature; takes as long for a wrong one as for a right one."""
    wanted = sign(key, method, path, sequence, body).encode()
    return hmac.compare_digest(wanted, signature.encode("utf-8", "replace"))


def read_json(sent: bytes, most: int = MAX_BODY_BYTES) -> Any:
    """Read JSON of at most `most` bytes. Raises MessageError, for what only Python takes for JSON too."""
    if len(sent) > most:
        raise MessageError(f"the message has more than {most} bytes")
    try:
        return json.loads(sent.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_no_twins)
    except MessageError:
        raise
    except (ValueError, RecursionError):
        raise MessageError("the message is not JSON") from None


def clean(text: str, most: int = MAX_TEXT) -> str:
    """Return a machine's text without what nobody sees, cut to `most` characters. It is not escaped for any page."""
    shown = _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", text)
    return shown if len(shown) <= most else f"{shown[: most - 1]}\N{HORIZONTAL ELLIPSIS}"


def _no_constant(_name: str) -> None:
    raise MessageError("the message has a number that is not finite")


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        raise MessageError("the message has a key twice")
    return read


_NOTHING: Any = object()


@dataclass(frozen=True)
class _Reader:
    """An object of a message, and where it stands, for errors."""

    value: Any
    place: str
    _keys: Mapping[str, Any] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.value, Mapping):
            raise MessageError(f"{self.place}: it takes an object")
        object.__setattr__(self, "_keys", self.value)

    def has(self, key: str) -> bool:
        return self._keys.get(key) is not None

    def get(self, key: str, default: Any = _NOTHING) -> Any:
        found = self._keys.get(key)
        if found is not None:
            return found
        if default is _NOTHING:
            raise MessageError(f"{self.place}.{key}: it is missing")
        return default

    def text(self, key: str, default: Any = _NOTHING, *, most: int = MAX_TEXT) -> str:
        return _text(self.get(key, default), f"{self.place}.{key}", most)

    def matching(self, key: str, pattern: re.Pattern[str]) -> str:
        found = self.get(key)
        if not isinstance(found, str) or not pattern.fullmatch(found):
            raise MessageError(f"{self.place}.{key}: it takes the form {pattern.pattern}")
        return found

    def one_of(self, key: str, words: tuple[str, ...]) -> str:
        found = self.get(key)
        if not isinstance(found, str) or found not in words:
            raise MessageError(f"{self.place}.{key}: it takes one of {', '.join(words)}")
        return found

    def flag(self, key: str) -> bool:
        found = self.get(key)
        if not isinstance(found, bool):
            raise MessageError(f"{self.place}.{key}: it takes true or false")
        return found

    def number(self, key: str, default: Any = _NOTHING, *, least: float = -1e18, most: float = 1e18) -> float:
        return _number(self.get(key, default), f"{self.place}.{key}", least, most)

    def whole(self, key: str, *, least: int = 0, most: int = 2**53, default: Any = _NOTHING) -> int:
        found = self.get(key, default)
        if isinstance(found, bool) or not isinstance(found, int) or not least <= found <= most:
            raise MessageError(f"{self.place}.{key}: it takes a whole number from {least} to {most}")
        return found

    def each(self, key: str, read: Callable[[Any, str], Any], most: int) -> tuple[Any, ...]:
        place = f"{self.place}.{key}"
        found = self.get(key, [])
        if not isinstance(found, list) or len(found) > most:
            raise MessageError(f"{place}: it takes a list of at most {most}")
        return tuple(read(element, f"{place}[{number}]") for number, element in enumerate(found))

    def tree(self, key: str) -> dict[str, Any] | None:
        if not self.has(key):
            return None
        found = _Tree(f"{self.place}.{key}").read(self.get(key), MAX_DEPTH)
        if not isinstance(found, dict):
            raise MessageError(f"{self.place}.{key}: it takes an object")
        return found


class _Tree:
    """Reads values of any shape, so many and so deep."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._left = MAX_VALUES

    def read(self, value: Any, depth: int) -> Any:
        self._left -= 1
        if self._left < 0 or depth < 0:
            raise MessageError(f"{self._place}: it takes at most {MAX_VALUES} values, {MAX_DEPTH} deep")
        if isinstance(value, Mapping):
            return {_text(key, self._place, 200): self.read(inner, depth - 1) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.read(inner, depth - 1) for inner in value]
        if isinstance(value, str):
            return _text(value, self._place, MAX_TEXT)
        if value is None or isinstance(value, bool):
            return value
        number = _number(value, self._place, -1e18, 1e18)
        return value if isinstance(value, int) else number


def _text(value: Any, place: str, most: int) -> str:
    if not isinstance(value, str) or len(value) > most:
        raise MessageError(f"{place}: it takes a text of at most {most} characters")
    return clean(value, most)


def _number(value: Any, place: str, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        raise MessageError(f"{place}: it takes a number from {least:g} to {most:g}")
    number = float(value)
    if not math.isfinite(number):
        raise MessageError(f"{place}: it takes a finite number")
    return number


def _measurement(value: Any, place: str) -> Measurement:
    entry = _Reader(value, place)
    return Measurement(
        name=entry.matching("name", METRIC_NAME),
        value=entry.number("value"),
        unit=entry.text("unit", "", most=32),
        component=entry.text("component", "", most=100),
    )


def _finding(value: Any, place: str) -> Finding:
    entry = _Reader(value, place)
    return Finding(
        component=entry.text("component", "", most=100),
        verdict=entry.one_of("verdict", ("fail", "warn")),
        text=entry.text("text"),
    )


def _not_applicable(value: Any, place: str) -> NotApplicable:
    entry = _Reader(value, place)
    return NotApplicable(
        metric=entry.matching("metric", METRIC_NAME),
        component=entry.text("component", "", most=100),
        reason=entry.text("reason"),
    )


def _inventory(body: _Reader) -> dict[str, Any] | None:
    """Read an inventory: parts have names, and texts where judging looks for texts; all else may be of any shape."""
    found = body.tree("inventory")
    if found is not None:
        inventory = _Reader(found, f"{body.place}.inventory")
        for key in ("cpus", "modules", "numa_nodes", "disks", "nics"):
            inventory.each(key, _part, MAX_VALUES)
    return found


def _part(value: Any, place: str) -> None:
    part = _Reader(value, place)
    part.text("name")
    for key in ("model", "serial", "mac"):
        part.text(key, "")


def _neighbour(value: Any, place: str) -> dict[str, str]:
    """Keys: interface, mac, chassis_name, chassis_mac, port_id, port_id_type, port_description; all texts."""
    if not isinstance(value, Mapping) or len(value) > 20:
        raise MessageError(f"{place}: it takes an object of at most 20 texts")
    return {_text(key, place, 64): _text(inner, place, 500) for key, inner in value.items()}


def _mac(value: Any, place: str) -> str:
    if not isinstance(value, str) or not _MAC.fullmatch(value):
        raise MessageError(f"{place}: it takes a MAC address as A0:36:9F:7C:05:00")
    return value


def _serial(value: Any, place: str) -> str:
    return _text(value, place, 100)
