# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._values.sentences import group_by_problem, sentences

THOUSAND = [f"n{number:04d}" for number in range(1000)]
NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,5}", fullmatch=True)
MESSAGES = st.dictionaries(NAMES, st.sampled_from(["no image", "n1: no image", "it took 5 s", "it took 9 s", ""]))


def test_the_same_problem_of_a_thousand_nodes_is_one_sentence_with_their_number_and_the_first_names() -> None:
    (sentence,) = sentences(dict.fromkeys(THOUSAND, "no image"))

    assert sentence.startswith("1,000 nodes (n0000, n0001, ")
    assert sentence.endswith("n0009 and 990 more): no image")
    assert len(sentence) < 150


def test_a_problem_of_one_node_is_said_with_its_name_once() -> None:
    assert sentences({"n1": "no image", "n2": "could not create device n2: no"}) == [
        "n1: no image",
        "could not create device n2: no",
    ]


def test_names_addresses_and_durations_make_no_problem_a_different_one() -> None:
    messages = {
        name: f"could not ask {name}: no answer after {seconds} (BMC 10.148.0.{number}, 02:00:00:00:00:0{number})"
        for number, (name, seconds) in enumerate((("a", "9 s"), ("b", "12.5 s"), ("c", "1m05s"), ("d", "1h02m")))
    }

    assert sentences(messages) == [f"4 nodes (a, b, c, d), for instance {messages['a']}"]


def test_different_problems_are_different_sentences() -> None:
    said = sentences({"a": "no image 'gpu-1'", "b": "no image 'gpu-2'", "c": "no image 'gpu-1'"})

    assert said == ["2 nodes (a, c): no image 'gpu-1'", "b: no image 'gpu-2'"]


def test_a_name_within_another_word_is_not_taken_for_the_name() -> None:
    assert sentences({"n1": "no image n10", "n2": "no image n20"}) == ["n1: no image n10", "n2: no image n20"]


def test_what_is_named_may_be_something_else_than_nodes() -> None:
    assert sentences(dict.fromkeys("ab", "it exists"), "category", "categories") == ["2 categories (a, b): it exists"]


@given(MESSAGES)
def test_every_name_is_in_exactly_one_group_and_order_is_kept(messages: dict[str, str]) -> None:
    groups = group_by_problem(messages)

    assert sorted(name for group in groups for name in group.names) == sorted(messages)
    assert [group.names[0] for group in groups] == sorted(
        (group.names[0] for group in groups), key=list(messages).index
    )
    for group in groups:
        assert group.message == messages[group.names[0]]
        assert group.is_exact is (len({messages[name] for name in group.names}) == 1)
