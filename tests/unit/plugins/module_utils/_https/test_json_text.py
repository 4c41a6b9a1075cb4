# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import tracemalloc

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._https import json_text
from ansible_collections.baremetal.bcm.plugins.module_utils._https.errors import NotJson, Unsound
from ansible_collections.baremetal.bcm.plugins.module_utils._https.json_text import DEEPEST, parse_json


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


@pytest.mark.parametrize("value", [None, True, 1.5, "Grüße 😀", [], {"a": [{"b": {}}]}])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_json_is_read(value: object, ascii_only: bool) -> None:
    assert parse_json(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


def test_a_byte_order_mark_is_no_part_of_it() -> None:
    assert parse_json(b"\xef\xbb\xbf[1]") == [1]


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[1,]", b"[NaN]", b"[-Infinity]", b"\xff\xfe", "[1]".encode("utf-16"), "[1]".encode("utf-32")],
)
def test_anything_but_json_in_utf_8_is_refused(body: bytes) -> None:
    with pytest.raises(NotJson):
        parse_json(body)


def test_a_number_of_thousands_of_digits_is_refused_and_not_calculated() -> None:
    with pytest.raises(NotJson):
        parse_json(b"[" + b"9" * 100_000 + b"]")


@pytest.mark.parametrize("levels", [DEEPEST + 2, 1_000, 100_000])
@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_what_is_nested_too_deep_is_refused(levels: int, opening: bytes) -> None:
    closing = b"]" if opening == b"[" else b"}"

    with pytest.raises(Unsound, match="nested deeper than 64 levels"):
        parse_json(opening * levels + b"1" + closing * levels)


def test_what_is_as_deep_as_allowed_is_read() -> None:
    assert parse_json(nested(DEEPEST + 1)) is not None


@pytest.mark.parametrize("body", [b'["\\ud800"]', b'{"\\udc00": 1}', b'["\\ud83d\\ud83d"]'])
def test_half_of_a_character_is_refused(body: bytes) -> None:
    with pytest.raises(Unsound, match="half of a character"):
        parse_json(body)


@pytest.mark.parametrize("piece", [b"[],", b"{},", b"0,"])
def test_what_would_fill_the_memory_is_refused_before_it_is_read(piece: bytes) -> None:
    body = b"[" + piece * 5_000_001 + b"0]"

    tracemalloc.start()
    with pytest.raises(Unsound, match="more than 5,000,000 values, or 2,000,000 lists and objects"):
        parse_json(body)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak_bytes < 1_000_000


def test_a_cluster_of_ten_thousand_devices_is_far_from_the_bounds() -> None:
    # Counted in a device of a live head node: 110 values, 20 lists and objects.
    assert json_text.MOST_VALUES > 4 * 10_000 * 110
    assert json_text.MOST_CONTAINERS > 4 * 10_000 * 20
