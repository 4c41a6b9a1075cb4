# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.basic import env_fallback

from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.validation import (
    find_problems,
    hide_secrets,
    name_words,
    refusal,
)

SETTINGS = {"username": {"type": "str"}, "password": {"type": "str", "no_log": True}}
SPEC: dict[str, Any] = {
    "text": {"type": "str"},
    "number": {"type": "int"},
    "share": {"type": "float"},
    "flag": {"type": "bool"},
    "file": {"type": "path"},
    "anything": {"type": "raw"},
    "word": {"type": "str", "choices": ["", "one", "two"]},
    "switch": {"type": "str", "choices": ["on", "off"]},
    "secret": {"type": "str", "no_log": True, "choices": ["a"]},
    "names": {"type": "list", "elements": "str"},
    "free": {"type": "dict"},
    "settings": {"type": "dict", "options": SETTINGS},
    "parts": {
        "type": "list",
        "elements": "dict",
        "options": {"name": {"type": "str", "required": True}, "size": {"type": "int"}, **SETTINGS},
    },
}


def problems(**given: Any) -> list[str]:
    return find_problems(SPEC, given, "the module")


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"text": "a", "number": 1, "share": 0.5, "flag": "yes", "file": "/a", "anything": [1]},
        {"text": 7, "number": "7", "share": "1", "flag": False},
        {"text": None, "settings": None, "parts": None},
        {"word": "", "switch": True},
        {"switch": "off", "names": "a,b"},
        {"names": [], "free": {"x": [1]}, "settings": {}, "parts": [{"name": "a", "size": "3"}]},
        {"free": '{"x": 1}', "settings": '{"username": "u"}'},
    ],
)
def test_what_ansible_takes_is_taken(given: dict[str, Any]) -> None:
    assert problems(**given) == []


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"txet": "x"}, "the module has no option 'txet', but text"),
        ({7: "x"}, "the module has no option '7'"),
        ({"settings": {"usernme": "x"}}, "settings has no option 'usernme', but username"),
        ({"settings": "x"}, "settings must be a dictionary, not a text"),
        ({"settings": "username=x password=y"}, "settings must be a dictionary, not a text"),
        ({"settings": "{x"}, "settings must be a dictionary, not a text"),
        ({"settings": ["x"]}, "settings must be a dictionary, not a list"),
        ({"settings": {"password": ["x"]}}, "settings.password must be a text, not a list"),
        ({"settings": {"password": {"x": "y"}}}, "settings.password must be a text, not a dictionary"),
        ({"text": {"x": 1}}, "text must be a text, not a dictionary"),
        ({"number": "x"}, "number must be a whole number, not a text"),
        ({"number": 1.5}, "number must be a whole number, not a number"),
        ({"share": "x"}, "share must be a number, not a text"),
        ({"flag": "x"}, "flag must be true or false, not a text"),
        ({"file": ["x"]}, "file must be a path, not a list"),
        ({"word": "x"}, 'word must be one of "", one, two'),
        ({"switch": "x"}, "switch must be one of on, off"),
        ({"names": {"x": 1}}, "names must be a list, not a dictionary"),
        ({"names": ["a", {"x": 1}]}, "names[1] must be a text, not a dictionary"),
        ({"names": ["a", None]}, "names[1] is missing"),
        ({"parts": "x"}, "parts must be a list, not a text"),
        ({"parts": {"name": "x"}}, "parts must be a list, not a dictionary"),
        ({"parts": ["x"]}, "parts[0] must be a dictionary, not a text"),
        ({"parts": [{"size": 1}]}, "parts[0].name is missing"),
        ({"parts": [{"name": "a", "size": "x"}]}, "parts[a].size must be a whole number, not a text"),
        ({"parts": [{"name": "x: y", "size": "x"}]}, "parts[0].size must be a whole number, not a text"),
    ],
)
def test_what_is_wrong_is_one_sentence_without_the_value(given: dict[Any, Any], sentence: str) -> None:
    assert find_problems(SPEC, given, "the module") == [sentence]


def test_elements_with_the_same_problem_share_a_sentence() -> None:
    parts = [{"name": f"node{number}", "siez": 1} for number in range(1000)]

    names = ", ".join(f"node{number}" for number in range(10))
    assert problems(parts=parts) == [f"parts[{names} and 990 more] has no option 'siez', but size"]


def test_values_are_shown_only_where_that_was_asked_for_and_they_are_plain_and_no_secret() -> None:
    given = {"number": "many", "word": "three", "secret": "hidden", "names": [["hidden"]], "settings": ["hidden"]}

    assert find_problems(SPEC, given, "", shown=True) == [
        "number must be a whole number, not 'many'",
        "word must be one of \"\", one, two, not 'three'",
        "secret must be one of a",
        "names[0] must be a text, not a list",
        "settings must be a dictionary, not a list",
    ]


def test_a_value_from_the_environment_is_checked_and_not_quoted_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_PORT", "hidden")
    spec = {"port": {"type": "int", "fallback": (env_fallback, ["SOME_PORT"])}}

    assert find_problems(spec, {}, "") == ["port must be a whole number, not a text"]


def test_many_problems_are_cut() -> None:
    assert refusal(str(number) for number in range(22)).endswith("; 19; and 2 more")


def test_secrets_are_hidden_and_the_names_of_users_that_go_with_them() -> None:
    given = {
        "text": "shown",
        "secret": "x",
        "settings": {"username": "x", "password": "x"},
        "parts": [{"name": "a", "password": "x"}],
        "free": {"password": "free"},
    }

    assert hide_secrets(SPEC, given) == {
        "text": "shown",
        "secret": "********",
        "settings": {"username": "********", "password": "********"},
        "parts": [{"name": "a", "password": "********"}],
        "free": {"password": "free"},
    }


def test_plain_words_become_names_only_in_the_lists_that_take_them() -> None:
    parts = {"type": "list", "elements": "dict", "options": {"name": {"type": "str", "required": True}}}
    spec: dict[str, Any] = {
        "roles": parts,
        "others": parts,
        "all": {"type": "list", "elements": "dict", "options": {"roles": parts}},
    }
    given = {"roles": ["boot", {"name": "x"}], "others": ["y"], "all": [{"roles": ["boot"]}, "z"]}

    assert name_words(spec, given, {"roles"}) == {
        "roles": [{"name": "boot"}, {"name": "x"}],
        "others": ["y"],
        "all": [{"roles": [{"name": "boot"}]}, "z"],
    }
    assert name_words(spec, {"roles": "boot"}, {"roles"}) == {"roles": "boot"}
