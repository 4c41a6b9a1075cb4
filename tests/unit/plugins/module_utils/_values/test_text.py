# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Durations, names, tables and foreign text as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._values.duration import format_duration
from ansible_collections.baremetal.bcm.plugins.module_utils._values.names import count, shorten
from ansible_collections.baremetal.bcm.plugins.module_utils._values.table import align
from ansible_collections.baremetal.bcm.plugins.module_utils._values.text import cut, printable, quote


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (59.9, "59s"), (60, "1m00s"), (125, "2m05s"), (3599, "59m59s"), (3600, "1h00m"), (3725, "1h02m")],
)
def test_durations_are_short(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_many_names_are_cut_off_with_how_many_there_are() -> None:
    names = [f"n{number}" for number in range(12)]

    assert shorten(names[:10]) == "n0, n1, n2, n3, n4, n5, n6, n7, n8, n9"
    assert shorten(names) == "n0, n1, n2, n3, n4, n5, n6, n7, n8, n9 and 2 more"
    assert shorten(names, 1) == "n0 and 11 more"


@pytest.mark.parametrize(("number", "text"), [(0, "0 nodes"), (1, "1 node"), (2, "2 nodes"), (1000, "1,000 nodes")])
def test_one_is_never_called_many(number: int, text: str) -> None:
    assert count(number, "node") == text


def test_a_noun_may_have_a_plural_of_its_own() -> None:
    assert [count(number, "entry", "entries") for number in (1, 2)] == ["1 entry", "2 entries"]


def test_columns_of_a_table_are_as_wide_as_their_widest_cell() -> None:
    assert align([("NODE", "STATE"), ("n1", ""), ("node002", "UP")]) == ["NODE     STATE", "n1", "node002  UP"]
    assert align([]) == []


@given(st.text())
def test_foreign_text_never_breaks_a_line_or_moves_a_cursor(text: str) -> None:
    shown = printable(text)

    assert len(shown.splitlines()) <= 1
    assert not any(ord(letter) < 32 or 0x7F <= ord(letter) < 0xA0 for letter in shown)
    assert quote(text).isascii() or quote(text).isprintable()


@given(st.text(), st.integers(min_value=1, max_value=30))
def test_a_cut_text_is_never_longer_than_asked_for(text: str, most: int) -> None:
    assert len(cut(text, most)) <= most or cut(text, most) == text
    assert cut(text, len(text)) == text
