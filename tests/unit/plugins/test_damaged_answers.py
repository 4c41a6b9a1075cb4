# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of a broken or hostile server: whatever comes, it is read or is an error of ours."""

from __future__ import annotations

import functools
import json
import random

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .damage import damaged
from .damaged_servers import BCM, NETBOX, REFUSED, DamagedHeadNode, DamagedNetBox
from .fake_head_node import Call, FakeHeadNode
from .modules.test_every_module import CASES, Case
from .objects import make_device
from .running import Modules

HEAD_NODE, NETBOX_SERVER = DamagedHeadNode(), DamagedNetBox()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def _say(head: FakeHeadNode, body: bytes, _call: Call) -> httpx.Response:
    # A long poll that is answered at once would stop the time of the test.
    head.clock.sleep(1.0)
    return httpx.Response(200, content=body)


@pytest.mark.parametrize("call", BCM)
def test_an_answer_as_it_should_be_fits(call: str) -> None:
    refused = {"updateDevice": "BcmApiError", "errormessage": "BcmApiError", "waitForEvents": "SessionLost"}

    assert HEAD_NODE.read(call, json.dumps(BCM[call][0]).encode()) == refused.get(call, "fits")


@pytest.mark.parametrize("what", [*NETBOX, *REFUSED])
def test_an_answer_of_netbox_as_it_should_be_fits(what: str) -> None:
    value = {**NETBOX, **REFUSED}[what][0]
    # The page is what is answered for the set of choices as well.
    refused = {"refused": "NetBoxApiError", "selection": "NetBoxProtocolError"}

    assert NETBOX_SERVER.read(what, json.dumps(value).encode()) == refused.get(what, "fits")


@given(st.sampled_from(sorted(BCM)), st.randoms(use_true_random=False))
@settings(max_examples=600)
def test_a_damaged_answer_of_a_head_node_is_read_or_an_error_of_ours(call: str, chance: random.Random) -> None:
    HEAD_NODE.read(call, damaged(BCM[call][0], chance))


@given(st.sampled_from(sorted({**NETBOX, **REFUSED})), st.randoms(use_true_random=False))
@settings(max_examples=600)
def test_a_damaged_answer_of_netbox_is_read_or_an_error_of_ours(what: str, chance: random.Random) -> None:
    NETBOX_SERVER.read(what, damaged({**NETBOX, **REFUSED}[what][0], chance))


@given(st.sampled_from(sorted(BCM)), JSON)
@settings(max_examples=200)
def test_any_json_at_all_is_read_or_an_error_of_ours(call: str, value: object) -> None:
    HEAD_NODE.read(call, json.dumps(value).encode())


@given(st.sampled_from(sorted(NETBOX)), st.binary(max_size=64))
@settings(max_examples=200)
def test_any_bytes_at_all_are_read_or_an_error_of_ours(what: str, body: bytes) -> None:
    NETBOX_SERVER.read(what, body)


@pytest.mark.parametrize("case", [case for case in CASES if case.again], ids=str)
def test_a_whole_module_fails_in_our_words_whatever_the_head_node_answers(
    case: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(str(case))
    asked = FakeHeadNode(make_device(), make_device("node002", 2))
    Modules(asked, capsys).run(case.module, check=True, **case.options)
    for call in sorted({each.name for each in asked.calls}):
        for _time in range(3):
            head = FakeHeadNode(make_device(), make_device("node002", 2))
            value = BCM[call][0] if call in BCM else {"success": True, "validation": []}
            head.instead[call] = functools.partial(_say, head, damaged(value, chance))
            # An error of any other kind ends the test: the module would not have ended by itself.
            Modules(head, capsys).run(case.module, check=True, **case.options)
