# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmConfigError
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.timeline import (
    Durations,
    Span,
    Timeline,
    durations,
    medians_of,
    split_up,
)

from .timing import STARTED_S, make_timeline

PHASES = ("powered", "booting", "rebooting", "installer", "queued", "installing", "init", "restarting", "going down")


INSTALLED = make_timeline(
    ("powered", 12), ("booting", 8), ("installer", 20), ("queued", 60), ("installing", 300), ("init", 30)
)

lengths = st.floats(0, 20_000, allow_nan=False)
timelines = st.builds(
    lambda phases, verdict, started_s: make_timeline(*phases, verdict=verdict, started_s=started_s),
    st.lists(st.tuples(st.sampled_from(PHASES) | st.from_regex(r"[a-z_]{1,20}", fullmatch=True), lengths), max_size=12),
    st.sampled_from(["up", "failed"]),
    st.floats(0, 9 * 10**9, allow_nan=False),
)


def test_a_timeline_is_one_short_line() -> None:
    assert INSTALLED.to_words() == (
        "1763640000 powered:0 booting:12 installer:20 queued:40 installing:100 init:400 up:430"
    )


def test_a_phase_of_two_words_is_one_word_and_comes_back() -> None:
    words = make_timeline(("going down", 5)).to_words()

    assert words == "1763640000 going-down:0 up:5"
    assert Timeline.from_words(words) == make_timeline(("going down", 5))


def test_a_phase_that_only_changed_its_message_is_kept_once() -> None:
    chatting = Timeline(STARTED_S, (Span("init", 0, 2, "a"), Span("init", 2, 3, "b"), Span("up", 5, 0)))

    assert chatting.to_words() == "1763640000 init:0 up:5"


@given(timelines)
def test_phases_and_whole_seconds_survive_the_words(known: Timeline) -> None:
    read = Timeline.from_words(known.to_words())

    assert read is not None
    befores = (None, *(span.phase for span in known.spans))
    kept = [span for before, span in zip(befores, known.spans, strict=False) if span.phase != before]
    assert [(span.phase, span.at_s) for span in read.spans] == [(span.phase, round(span.at_s)) for span in kept]
    assert read.started_s == round(known.started_s)
    assert read.verdict == known.verdict
    assert read.to_words() == known.to_words()


@given(timelines)
def test_what_was_read_from_words_has_no_gaps(known: Timeline) -> None:
    read = Timeline.from_words(known.to_words())

    assert read is not None
    assert sum(durations(read).values()) == read.total_s == round(known.spans[-1].at_s)


@given(timelines)
def test_what_bcm_provision_returns_is_read_back(known: Timeline) -> None:
    shown = known.to_ansible()

    assert Timeline.from_ansible(shown).to_ansible() == shown


@pytest.mark.parametrize(
    "text",
    [
        None,
        7,
        "",
        "1763640000",
        "powered:0 up:5",
        "1763640000  powered:0",
        "1763640000 powered:-1",
        "1763640000 powered:5 up:4",
        "1763640000 powered:0 up:5 ",
        "1763640000 powered:0\nup:5",
        "1763640000 <b>:0",
        "1763640000 powered:٣",
        "17636400000 powered:0",
        "9" * 4000 + " powered:0",
        {"powered": 0},
    ],
)
def test_what_others_wrote_there_is_no_timeline(text: object) -> None:
    assert Timeline.from_words(text) is None


@given(st.text() | st.integers() | st.none() | st.lists(st.text()))
def test_nothing_on_a_device_breaks_the_reading(text: object) -> None:
    read = Timeline.from_words(text)

    assert read is None or read.spans


@pytest.mark.parametrize(
    "mapping",
    [
        {},
        {"started": None, "phases": []},
        {"started": 1, "phases": [{"phase": "up"}]},
        {"started": 1, "phases": ["up"]},
        {"started": float("nan"), "phases": []},
        {"started": float("inf"), "phases": []},
        {"started": 1, "phases": [{"phase": "up", "at": -1, "seconds": 0}]},
    ],
)
def test_results_that_are_none_of_ours_are_refused_with_what_to_give(mapping: dict[str, object]) -> None:
    with pytest.raises(BcmConfigError, match=r"could not read a timeline.*bcm_provision"):
        Timeline.from_ansible(mapping)


def test_a_node_that_has_not_ended_has_no_verdict() -> None:
    assert make_timeline(("powered", 5), verdict="").verdict == ""
    assert Timeline(STARTED_S, ()).verdict == ""
    assert Timeline(STARTED_S, ()).total_s == 0


def test_a_phase_entered_twice_is_summed() -> None:
    assert durations(make_timeline(("booting", 5), ("installer", 2), ("booting", 7))) == {
        "booting": 12,
        "installer": 2,
        "up": 0,
    }


def test_expected_durations_are_medians_and_leave_the_queue_out() -> None:
    fast, slow = (
        make_timeline(("powered", 10 * by), ("queued", 500), ("installing", 100 * by), ("init", by)) for by in (1, 9)
    )

    assert medians_of(split_up([fast, INSTALLED, slow])) == Durations(boot_s=40, sync_s=300, init_s=9)


def test_work_of_the_installer_without_a_slot_counts_as_init() -> None:
    busy = make_timeline(("powered", 10), ("installer", 5), ("installing", 50), ("installer", 7), ("init", 3))

    assert medians_of(split_up([busy])) == Durations(boot_s=15, sync_s=50, init_s=10)


def test_a_slot_is_given_back_when_all_was_copied_though_the_installer_goes_on() -> None:
    spans = [
        Span("powered", 0, 20),
        Span("installing", 20, 100, "provisioning started, waiting for completion"),
        Span("installing", 120, 4, "provisioning complete"),
        Span("installing", 124, 6, "initializing SELinux"),
        Span("init", 130, 30),
        Span("up", 160, 0),
    ]

    assert split_up([Timeline(STARTED_S, tuple(spans))]) == [Durations(boot_s=20, sync_s=100, init_s=40)]


@pytest.mark.parametrize(
    "known",
    [
        make_timeline(("powered", 5), ("installing", 9), verdict="failed"),
        make_timeline(("powered", 5), ("installing", 9), verdict=""),
        make_timeline(("powered", 5), ("init", 9)),
    ],
    ids=["failed", "not ended", "nothing installed"],
)
def test_a_node_without_a_finished_installation_does_not_count_for_durations(known: Timeline) -> None:
    assert medians_of(split_up([known])) is None
    assert medians_of(split_up([known, INSTALLED])) == medians_of(split_up([INSTALLED]))
