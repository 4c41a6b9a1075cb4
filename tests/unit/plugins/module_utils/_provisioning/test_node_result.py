# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of a node, handed to a playbook and read back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._bmc.power import PowerResult
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmConfigError
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.decide import Action, Decision
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.node_run import NodeResult
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.outcome import Outcome

from .timing import make_timeline

DONE = NodeResult(
    "n1",
    Decision(Action.POWER_ON, "install default-image"),
    Outcome.SUCCESSFUL,
    changed=True,
    message="UP after 5m00s",
    status="UP",
    image="default-image",
    phase="up",
    verdict="up",
    power=PowerResult(sent=("ON",)),
    timeline=make_timeline(("powered", 300.0)),
    seconds=300.0,
)
RETURNED = DONE.to_ansible()
SECONDS = st.floats(0, 10**6, allow_nan=False)
RESULTS = st.builds(
    NodeResult,
    name=st.just("n1"),
    decision=st.builds(Decision, st.sampled_from(Action), st.text()),
    outcome=st.sampled_from(Outcome),
    changed=st.booleans(),
    message=st.text(),
    status=st.text(),
    image=st.text(),
    phase=st.text(),
    power=st.none() | st.builds(PowerResult, sent=st.lists(st.text()).map(tuple)),
    timeline=st.none() | st.builds(make_timeline, st.tuples(st.text(), SECONDS)),
    seconds=SECONDS,
)


@given(RESULTS)
def test_what_is_read_back_is_what_was_returned(result: NodeResult) -> None:
    returned = json.loads(json.dumps(result.to_ansible()))

    assert NodeResult.from_ansible("n1", returned).to_ansible() == result.to_ansible()


def test_all_that_a_playbook_sees_of_a_result_comes_back() -> None:
    assert NodeResult.from_ansible("n1", RETURNED) == DONE


@pytest.mark.parametrize("key", RETURNED)
def test_a_key_that_is_missing_is_named(key: str) -> None:
    returned = {name: value for name, value in RETURNED.items() if name != key}

    with pytest.raises(BcmConfigError, match=rf"^could not read the result of n1: {key} is missing; give what"):
        NodeResult.from_ansible("n1", returned)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("outcome", "done", "outcome is not a word it can be"),
        ("action", "explode", "action is not a word it can be"),
        ("message", None, "message is not a text"),
        ("changed", "yes", "changed is not true or false"),
        ("seconds", -1, "seconds is not a number"),
        ("seconds", float("nan"), "seconds is not a number"),
        ("seconds", True, "seconds is not a number"),
        ("started", "now", "started is not a number"),
        ("power_sent", "ON", "power_sent is not a list of texts"),
        ("power_sent", [1], "power_sent is not a list of texts"),
        ("failed", True, "failed contradicts outcome successful and action power_on"),
        ("timeline", None, "could not read a timeline"),
        ("timeline", [{}], "could not read a timeline"),
    ],
)
def test_a_key_that_holds_something_else_is_named(key: str, value: Any, said: str) -> None:
    with pytest.raises(BcmConfigError, match=said):
        NodeResult.from_ansible("n1", {**RETURNED, key: value})


@pytest.mark.parametrize("value", ["text", None, [RETURNED]])
def test_what_is_no_result_at_all_is_refused(value: Any) -> None:
    with pytest.raises(BcmConfigError, match="could not read the result of n1: it is not a dictionary"):
        NodeResult.from_ansible("n1", value)


@pytest.mark.parametrize(
    ("outcome", "action", "failed"),
    [
        (Outcome.SUCCESSFUL, Action.POWER_ON, False),
        (Outcome.FAILED, Action.POWER_ON, True),
        (Outcome.FAILED, Action.NOTHING, True),
        (Outcome.NOT_FOUND, Action.NOT_FOUND, True),
        (Outcome.PENDING, Action.PENDING, False),
        (Outcome.SKIPPED, Action.SKIP, False),
        (Outcome.SKIPPED, Action.POWER_ON, False),
        (Outcome.SKIPPED, Action.REFUSE, True),
    ],
)
def test_a_run_fails_for_what_failed_was_not_found_or_refused(outcome: Outcome, action: Action, failed: bool) -> None:
    assert NodeResult("n1", Decision(action, ""), outcome).failed is failed


def test_an_outcome_is_its_word_wherever_it_is_written() -> None:
    assert f"{Outcome.NOT_FOUND} {Outcome.NOT_FOUND!s} {Outcome.NOT_FOUND.words}" == "not_found not_found not found"
    assert json.dumps(Outcome.NOT_FOUND) == '"not_found"'
