# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._values.shape import (
    Shape,
    anything,
    by_kind,
    entries,
    list_of,
    number,
    object_of,
    optional,
    text,
    whole,
    word,
)

NODE = object_of({"name": word}, {"parts": list_of(object_of({"id": whole})), "size": number})

FITS: list[tuple[Shape, Any]] = [
    (anything, object()),
    (text, ""),
    (word, "a"),
    (number, 1.5),
    (whole, -7),
    (entries, {"any": [1]}),
    (optional(text), None),
    (list_of(whole), []),
    (list_of(anything, length=2), [1, "a"]),
    (NODE, {"name": "n", "parts": None, "of a later release": object()}),
    (NODE, {"name": "n", "parts": [{"id": 1}], "size": 2}),
    (by_kind("kind", {"a": object_of({"x": whole})}, entries), {"kind": "b"}),
    (by_kind("kind", {"a": object_of({"x": whole})}, entries), {"kind": ["a"]}),
]


@pytest.mark.parametrize(("shape", "value"), FITS)
def test_what_has_the_shape_fits(shape: Shape, value: Any) -> None:
    assert shape(value) is None


MISFITS: list[tuple[Shape, Any, str]] = [
    (text, 5, "a number where a string is due"),
    (word, "", "an empty string where a name is due"),
    (word, "x" * 2_000, "a name of 2,000 characters"),
    (number, True, "a boolean where a number is due"),
    (number, float("inf"), "a number that is out of range"),
    (whole, 10**400, "a number that is out of range"),
    (whole, 1.5, "a fraction where a whole number is due"),
    (entries, [], "a list where an object is due"),
    (optional(text), {}, "an object where a string is due"),
    (list_of(whole), {"a": 1}, "an object where a list is due"),
    (list_of(whole), [1, None], "null where a number is due in [1]"),
    (list_of(anything, length=2), [1], "a list of 1 where 2 are due"),
    (NODE, [], "a list where an object is due"),
    (NODE, {}, "nothing in name"),
    (NODE, {"name": None}, "null where a string is due in name"),
    (NODE, {"name": "n", "parts": {}}, "an object where a list is due in parts"),
    (NODE, {"name": "n", "parts": [{"id": 1}, {"id": "x"}]}, "a string where a number is due in parts[1].id"),
    (list_of(NODE), [{"name": "n"}, 3], "a number where an object is due in [1]"),
    (by_kind("kind", {"a": object_of({"x": whole})}, entries), {"kind": "a"}, "nothing in x"),
]


@pytest.mark.parametrize(("shape", "value", "words"), MISFITS)
def test_what_differs_is_told_with_its_place(shape: Shape, value: Any, words: str) -> None:
    assert str(shape(value)) == words
