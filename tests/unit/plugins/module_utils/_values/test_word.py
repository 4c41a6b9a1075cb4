# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Constants that are texts are written as their texts, in every way there is to write them."""

from __future__ import annotations

import json

from ansible_collections.baremetal.bcm.plugins.module_utils._values.word import Word


class Color(Word):
    RED = "red"


def test_a_member_equals_its_text_and_finds_it_as_a_key() -> None:
    text: str = Color.RED
    by_text = {"red": 1}

    assert text == "red"
    assert by_text[Color.RED] == 1
    assert Color("red") is Color.RED


def test_a_member_is_written_as_its_text() -> None:
    assert [f"{Color.RED}", f"{Color.RED:>5}", str(Color.RED), f"{Color.RED!s}"] == ["red", "  red", "red", "red"]
    assert "{} %s".format(Color.RED) % Color.RED == "red red"  # noqa: UP032
    assert ", ".join([*Color, "blue"]) == "red, blue"
    assert json.dumps({Color.RED: Color.RED}) == '{"red": "red"}'


def test_the_text_of_a_member_is_no_member() -> None:
    assert type(str(Color.RED)) is str
