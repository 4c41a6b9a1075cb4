# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from virtual_rack.in_process import Bench
from virtual_rack.json_text import Frozen, to_json

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)
FROZEN = st.dictionaries(st.text(), PLAIN, max_size=3).map(Frozen)
ANSWERS = st.recursive(
    PLAIN | FROZEN,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)


@given(ANSWERS)
def test_the_text_is_what_json_writes_also_when_it_is_asked_for_again(answer: Any) -> None:
    assert [to_json(answer), to_json(answer)] == [json.dumps(answer)] * 2


def test_a_frozen_object_is_not_changed() -> None:
    frozen = Frozen(a=1)
    with pytest.raises(TypeError, match="a: a frozen object"):
        frozen["a"] = 2
    assert type(frozen | {"a": 2}) is dict


def test_what_has_changed_is_written_anew(bench: Bench) -> None:
    bench.register("node1", "node2")
    database, board = bench.head.database, bench.head.board

    def written() -> list[Any]:
        requests = bench.head.provisioning.to_api()
        return [to_json(database.all("Device")), to_json([s.to_api() for s in board.all()]), to_json(requests)]

    def read() -> list[Any]:
        return [json.loads(text) for text in written()]

    assert read()[0][1]["notes"] == ""
    bench.update("node1", notes="changed")
    assert read()[0][1]["notes"] == "changed"
    bench.head.faults.add({"kind": "transfer_fails", "times": 1})
    bench.power("node1", "ON")
    bench.step(120)
    assert read()[2]["provisioningRequestStatusList"][0]["jobFailureCounter"] == 0
    bench.step(100)
    assert read()[1][1]["infoMessage"] == "provisioning started, waiting for completion"
    assert read()[2]["provisioningRequestStatusList"][0]["jobFailureCounter"] == 1
