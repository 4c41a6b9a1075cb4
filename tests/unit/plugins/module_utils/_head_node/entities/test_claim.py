# SPDX-License-Identifier: GPL-3.0-or-later
"""Claims: which run works on a node, read from devices."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.claim import (
    Claim,
    claim_values,
    ends_of,
    released_values,
    rival_of,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.fields import KeyValues
from ansible_collections.baremetal.bcm.plugins.module_utils._values.owner import Owner

from ....objects import make_context

ALICE = Owner("alice", "run1")
BOB = Owner("bob", "run2")
NOW_S = 1000.0

Raw = dict[str, Any]


def claimed(owner: Owner, until_s: float) -> Raw:
    return {"extra_values": claim_values(owner, until_s=until_s)}


def values(**stored: Any) -> Raw:
    return {"extra_values": {f"baremetal_claim_{key}": value for key, value in stored.items()}}


# the device, others of the cluster, what the rival's claim is for alice
TABLE: dict[str, tuple[Raw, list[Raw], Claim | None]] = {
    "nothing stored": ({"extra_values": None}, [], None),
    "nothing of ours": ({"extra_values": {"theirs": 1}}, [], None),
    "no such key": ({}, [], None),
    "own": (claimed(ALICE, NOW_S + 1), [], None),
    "own, over": (claimed(ALICE, NOW_S - 1), [], None),
    "own, another run's is alive": (claimed(ALICE, NOW_S - 1), [claimed(BOB, NOW_S + 9)], None),
    "alive": (claimed(BOB, NOW_S + 1), [], Claim("bob", "run2", NOW_S + 1)),
    "over": (claimed(BOB, NOW_S - 1), [], None),
    "over this very second": (claimed(BOB, NOW_S), [], None),
    "renewed on another device": (
        claimed(BOB, NOW_S - 1),
        [claimed(BOB, NOW_S + 50)],
        Claim("bob", "run2", NOW_S + 50),
    ),
    "over, another run of the same name is alive": (
        claimed(BOB, NOW_S - 1),
        [claimed(Owner("bob", "run3"), NOW_S + 9)],
        None,
    ),
    "given back": ({"extra_values": {**claim_values(BOB, until_s=NOW_S + 9), **released_values()}}, [], None),
    "no run": (values(owner="bob", until=NOW_S + 9), [], None),
    "no owner": (values(run="run2", until=NOW_S + 9), [], Claim("another run", "run2", NOW_S + 9)),
    "no end": (values(owner="bob", run="run2"), [], None),
    "an end that is no number": (values(owner="bob", run="run2", until="soon"), [], None),
    "an end that is a list": (values(owner="bob", run="run2", until=[1]), [], None),
    "an end that never comes": (values(owner="bob", run="run2", until=float("inf")), [], None),
    "an end that is not a number": (values(owner="bob", run="run2", until=float("nan")), [], None),
    "an end beyond all calendars": (values(owner="bob", run="run2", until=10**17), [], None),
    "an end in words": (values(owner="bob", run="run2", until="1009"), [], Claim("bob", "run2", 1009.0)),
    "a run that is a number": (values(owner="bob", run=7, until=1009), [], Claim("bob", "7", 1009.0)),
}


@pytest.mark.parametrize(("device", "others", "rival"), TABLE.values(), ids=TABLE)
def test_which_run_a_device_belongs_to(device: Raw, others: list[Raw], rival: Claim | None) -> None:
    assert rival_of(device, ALICE, ends_of([device, *others]), NOW_S) == rival


def test_a_run_that_is_known_to_be_over_is_no_rival() -> None:
    knowing = Owner("alice", "run1", lambda run: run == "run2")

    assert rival_of(claimed(BOB, NOW_S + 99), knowing, {}, NOW_S) is None
    assert rival_of(claimed(Owner("carol", "run3"), NOW_S + 99), knowing, {}, NOW_S) is not None


def test_the_end_of_a_run_is_that_of_its_latest_claim() -> None:
    devices = [claimed(BOB, 5), claimed(ALICE, 7), claimed(BOB, 9), claimed(BOB, 8), {"extra_values": None}, {}]

    assert ends_of(devices) == {"run2": 9.0, "run1": 7.0}


owners = st.builds(Owner, st.sampled_from(["alice", "bob", ""]), st.sampled_from(["run1", "run2", "run3"]))
theirs = st.dictionaries(st.sampled_from(["theirs", "more"]), st.none() | st.integers(), max_size=2)


@given(owners, owners, st.lists(st.tuples(owners, st.integers(0, 2000)), max_size=5), st.integers(0, 2000))
def test_of_two_runs_at_most_one_finds_a_claimed_device_its_own(
    one: Owner, other: Owner, written: list[tuple[Owner, int]], now_s: int
) -> None:
    devices = [claimed(owner, until_s) for owner, until_s in written]
    ends = ends_of(devices)
    for device in devices:
        claim = Claim.from_api(device["extra_values"])
        assert claim is not None
        if one.run != other.run and ends[claim.run] > now_s:
            free_for = [owner.run for owner in (one, other) if rival_of(device, owner, ends, now_s) is None]
            assert free_for in ([], [claim.run])


@given(theirs, owners, st.floats(1, 2e9))
def test_a_claim_is_read_as_it_was_written_and_leaves_the_keys_of_others(
    stored: dict[str, Any], owner: Owner, until_s: float
) -> None:
    merge = KeyValues().merge
    taken = merge(stored, claim_values(owner, until_s=until_s), make_context())
    given_back = merge(taken, released_values(), make_context())

    assert Claim.from_api(taken) == Claim(owner.name or "another run", owner.run, float(int(until_s)))
    assert Claim.from_api(given_back) is None
    assert {key: taken[key] for key in stored} == {key: given_back[key] for key in stored} == stored
    assert all(key == key.lower() and " " not in key for key in taken)


@given(
    st.dictionaries(
        st.sampled_from(["baremetal_claim_owner", "baremetal_claim_run", "baremetal_claim_until"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers(), max_size=2),
    )
)
def test_whatever_others_wrote_can_be_read(stored: dict[str, Any]) -> None:
    device = {"extra_values": stored}

    rival_of(device, ALICE, ends_of([device]), NOW_S)
