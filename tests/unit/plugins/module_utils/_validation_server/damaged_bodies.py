# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A receiver, and bodies of messages that are damaged in all ways and signed well, so that each is read."""

from __future__ import annotations

import copy
import gzip
import json
import random
from pathlib import Path
from typing import Any

from ansible_collections.baremetal.bcm.plugins.module_utils._spool.spool import Spool
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.messages import sign, signing_key
from ansible_collections.baremetal.bcm.plugins.module_utils._validation_server.events import AcceptedEvent
from ansible_collections.baremetal.bcm.plugins.module_utils._validation_server.logs import Logs
from ansible_collections.baremetal.bcm.plugins.module_utils._validation_server.receiver import (
    Accepted,
    Answer,
    Asked,
    Receiver,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._validation_server.settings import Settings
from ansible_collections.baremetal.bcm.plugins.module_utils._validation_server.state import Admission, State

MAC, SERIAL = "02:00:00:00:00:01", "SN1"
HELLO = {
    "serial": SERIAL, "uuid": "u", "macs": [MAC], "firmware": "uefi", "secure_boot": True, "lockdown": "integrity",
    "image_digest": "ab", "agent_version": "1",
}  # fmt: skip
RESULT: dict[str, Any] = {
    "outcome": "completed", "reason": "", "seconds": 1.5, "work": 64,
    "measurements": [{"name": "memory_errors", "value": 0, "unit": "", "component": "node0"}] * 3,
    "findings": [{"component": "node0", "verdict": "fail", "text": "a bit flipped"}],
    "inventory": {"system": {"serial": SERIAL}, "disks": [{"name": "vda", "size_bytes": 10**9}]},
    "neighbours": [{"interface": "eth0", "chassis_name": "leaf", "port_id": "Ethernet1/7"}],
    "log_pieces": 2,
}  # fmt: skip
_VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    10**400,
    1e308,
    "",
    "x" * 5000,
    "\ud800",
    "\u202e`<b>",
    [],
    {},
    [[[[]]]],
    {"a": {"a": {}}},
)
_BYTES = (b"", b"{", b"}", b"[", b'"', b"\\", b"\x00", b"\xff", b"NaN", b"Infinity", b"-", b"1e999", b'{"a":' * 200)


def make_receiver(directory: Path, clock: Any, *, image_directory: str = "") -> Receiver:
    """A receiver whose one machine may boot."""
    settings = Settings(url="http://192.0.2.1:8080", data_directory=str(directory), image_directory=image_directory)
    state = State(settings.state_path, clock)
    task = {"profile": {}, "heartbeat_seconds": 15, "deadline_seconds": 600, "expected": {}}
    state.admit([Admission(MAC, 7, "dgx-05", SERIAL, task)])
    spool = Spool(settings.spool_path, clock, read_item=AcceptedEvent.from_dict)
    return Receiver(settings, state, spool, Logs(settings.log_directory, 1 << 30), clock=clock)


class DamagedMachine:
    """A machine that has said hello, and then sends nonsense."""

    def __init__(self, receiver: Receiver) -> None:
        script = receiver.boot(MAC, SERIAL)
        words = dict(word.split("=", 1) for word in script.split() if word.startswith("bm."))
        self.run, self._key = words["bm.run"], signing_key(words["bm.token"])
        self._receiver = receiver
        assert self.send(message("hello", 1, HELLO), 1).status == 202

    def asked(self, body: bytes, number: int, method: str = "POST") -> Asked:
        """A request that is signed well."""
        path = f"/v1/runs/{self.run}/events" if method == "POST" else f"/v1/runs/{self.run}/steps/02-memory/log/0"
        step = "" if method == "POST" else "02-memory"
        return Asked(method, path, self.run, str(number), sign(self._key, method, path, number, body), body, step, 0)

    def send(self, body: bytes, number: int) -> Answer:
        """Send it, and let it be stored if it is good."""
        checked = self._receiver.check(self.asked(body, number))
        return self._receiver.store([checked])[0] if isinstance(checked, Accepted) else checked

    def judge(self, body: bytes, method: str) -> str:
        """Say what would become of the second message; nothing is stored."""
        checked = self._receiver.check(self.asked(body, 2, method))
        return "good" if isinstance(checked, Accepted) else str(checked.status)


def message(kind: str, number: int, body: Any, step: str | None = None) -> bytes:
    """The body of an event."""
    return json.dumps({"kind": kind, "sequence": number, "uptime": 5.0, "step": step, "body": body}).encode()


def draw(chance: random.Random) -> tuple[str, bytes]:
    """A method, and a body that was good before it was damaged."""
    if chance.random() < 0.05:
        return "PUT", _cut(chance, gzip.compress(b"log " * 50))
    whole: dict[str, Any] = {
        "kind": "step_finished", "sequence": 2, "uptime": 5.0, "step": "02-memory", "body": copy.deepcopy(RESULT),
    }  # fmt: skip
    if chance.random() < 0.3:
        whole = {"kind": "hello", "sequence": 2, "uptime": 5.0, "step": None, "body": dict(HELLO)}
    for _time in range(chance.randrange(4)):
        _damage(chance, whole)
    body = json.dumps(whole).encode("utf-8", "replace")
    return "POST", _cut(chance, body) if chance.random() < 0.6 else body


def _damage(chance: random.Random, value: Any) -> None:
    """Change one value anywhere in it."""
    while True:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        if not keys:
            return
        key = chance.choice(keys)
        inner = value[key]
        if isinstance(inner, (dict, list)) and inner and chance.random() < 0.7:
            value = inner
            continue
        if isinstance(value, dict) and chance.random() < 0.2:
            del value[key]
        else:
            value[key] = copy.deepcopy(chance.choice(_VALUES))
        return


def _cut(chance: random.Random, body: bytes) -> bytes:
    at, to = sorted(chance.randrange(len(body) + 1) for _end in range(2))
    return body[:at] + chance.choice([*_BYTES, body[at:to] * 2, chance.randbytes(8)]) + body[to:]
