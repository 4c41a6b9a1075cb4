# SPDX-License-Identifier: GPL-3.0-or-later
"""What is on the wire is read with bounds or refused, and is signed."""

from __future__ import annotations

import json
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._validation.messages import (
    COMPLETED,
    MAX_BODY_BYTES,
    MAX_DEPTH,
    Event,
    Finding,
    Hello,
    Measurement,
    MessageError,
    NotApplicable,
    StepResult,
    Task,
    clean,
    is_signed,
    sign,
    signing_key,
)
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._validation.receiver import RUN, TOKEN
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._validation.runs import inventory, profile

RESULT = StepResult(
    COMPLETED,
    "because",
    1.5,
    2.0,
    (Measurement("a", 1.0, "MiB", "sda"),),
    (Finding("sda", "warn", "hm"),),
    (NotApplicable("b", "sda", "why not"),),
    inventory(),
    ({"interface": "eth0"},),
    3,
)
HELLO = Hello("S1", "u", ("A0:36:9F:7C:05:00",), "uefi", True, "integrity", "ab12", "1.0")
EVENTS = (
    Event("hello", 1, 0.5, None, HELLO),
    Event("step_started", 2, 1.0, "01-init"),
    Event("heartbeat", 3, 2.0, "01-init"),
    Event("step_finished", 4, 3.0, "01-init", RESULT),
    Event("finished", 5, 4.0),
)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.kind)
def test_an_event_comes_back_as_it_went(event: Event) -> None:
    assert Event.from_bytes(event.to_bytes()) == event


def test_a_task_comes_back_as_it_went() -> None:
    task = Task(RUN, profile().to_wire(), 15.0, 600.0, "now", ("D1",), 30.0)
    assert Task.from_bytes(task.to_bytes()) == task


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "hallo"}, "message.kind: it takes one of hello"),
        ({"sequence": 0}, "message.sequence: it takes a whole number from 1"),
        ({"sequence": True}, "message.sequence"),
        ({"uptime": -1}, "message.uptime"),
        ({"step": "../../etc"}, "message.step: it takes the form"),
        ({"step": None}, "step: a message of the kind step_finished names its step"),
        ({"body": []}, "body: it takes an object"),
        ({"body": {**RESULT.to_wire(), "outcome": "great"}}, "body.outcome: it takes one of completed"),
        ({"body": {**RESULT.to_wire(), "seconds": "1"}}, "body.seconds: it takes a number"),
        ({"body": {**RESULT.to_wire(), "work": -1}}, "body.work: it takes a number from 0"),
        ({"body": {**RESULT.to_wire(), "measurements": [{"name": "A", "value": 1}]}}, "measurements[0].name"),
        ({"body": {**RESULT.to_wire(), "findings": [{"verdict": "pass", "text": ""}]}}, "findings[0].verdict"),
        ({"body": {**RESULT.to_wire(), "reason": "x" * 2001}}, "body.reason: it takes a text of at most 2000"),
        ({"body": {**RESULT.to_wire(), "neighbours": [{"a": "x" * 501}]}}, "neighbours[0]"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_does_not_fit_is_refused_with_its_place(change: dict[str, object], words: str) -> None:
    wire = {**json.loads(EVENTS[3].to_bytes()), **change}
    with pytest.raises(MessageError) as raised:
        Event.from_bytes(json.dumps(wire).encode())
    assert words in str(raised.value)


def _nested(depth: int) -> dict[str, object]:
    return {"a": _nested(depth - 1)} if depth else {}


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"{",
        b"\xff",
        b"[" * 200_000,
        b'{"kind": NaN}',
        b'{"kind": 1, "kind": 2}',
        b"x" * (MAX_BODY_BYTES + 1),
        json.dumps(
            {**json.loads(EVENTS[3].to_bytes()), "body": {**RESULT.to_wire(), "inventory": _nested(MAX_DEPTH + 2)}}
        ),
        json.dumps(
            {**json.loads(EVENTS[3].to_bytes()), "body": {**RESULT.to_wire(), "inventory": {"a": [0] * 30_000}}}
        ),
        b'{"kind": "heartbeat", "sequence": 1, "uptime": 1' + b"0" * 400 + b"}",
    ],
    ids=lambda sent: repr(sent)[:20],
)
def test_what_is_no_message_or_has_no_bounds_is_refused(sent: bytes | str) -> None:
    with pytest.raises(MessageError):
        Event.from_bytes(sent if isinstance(sent, bytes) else sent.encode())


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Bytes of a message with some cut out, doubled or replaced."""
    sent = draw(st.sampled_from([event.to_bytes() for event in EVENTS]))
    for _time in range(draw(st.integers(1, 5))):
        start = draw(st.integers(0, len(sent)))
        end = draw(st.integers(start, min(len(sent), start + 60)))
        put = draw(
            st.sampled_from([b"", b"null", b"{}", b"[]", b"-1", b"1e999", b'"x"', b"\\ud800", b"\xff", b"9" * 500])
        )
        sent = sent[:start] + put + sent[end:]
    return sent


@settings(max_examples=1500, deadline=None)
@given(sent=mutated() | st.binary(max_size=200))
def test_whatever_comes_in_is_a_message_or_refused_and_goes_out_again(sent: bytes) -> None:
    try:
        event = Event.from_bytes(sent)
    except MessageError as error:
        told = str(error)
        assert len(told) < 300
        return
    assert Event.from_bytes(event.to_bytes()) == event


def test_reading_takes_memory_by_the_size_of_the_message() -> None:
    body = b'{"kind": "heartbeat", "a": [' + b"[]," * 300_000 + b"1]}"
    tracemalloc.start()
    with pytest.raises(MessageError):
        Event.from_bytes(body)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64 * 1024 * 1024


@given(text=st.text())
def test_text_of_a_machine_is_shown_without_what_nobody_sees(text: str) -> None:
    shown = clean(text, 50)
    assert len(shown) <= 50
    assert not {*shown} & {*"\x00\x07\x1b\x7f\x9b\u202e\u2066\u200b\ufeff\ud800"}


def test_the_key_is_the_hash_of_the_token_and_each_part_of_a_request_is_signed() -> None:
    key = signing_key(TOKEN)
    assert TOKEN not in key.hex()
    whole = ("POST", "/v1/x", 7, b"body")
    signature = sign(key, *whole)
    assert is_signed(signature, key, *whole)
    for other in (("PUT", "/v1/x", 7, b"body"), ("POST", "/v1/y", 7, b"body"), ("POST", "/v1/x", 8, b"body")):
        assert not is_signed(signature, key, *other)
    assert not is_signed(signature, key, "POST", "/v1/x", 7, b"bodY")
    assert not is_signed(signature, signing_key("00" * 32), *whole)
    assert not is_signed("\udcff", key, *whole)
