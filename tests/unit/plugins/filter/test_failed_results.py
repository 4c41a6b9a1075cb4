# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.baremetal.bcm.plugins.filter.failed_results import FilterModule, failed_results
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.decide import Action
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.node_run import NodeResult
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.outcome import Outcome


def test_names_share_one_message() -> None:
    results = failed_results(["a", "b"], "why")

    assert list(results) == ["a", "b"]
    assert {result["message"] for result in results.values()} == {"why"}


def test_a_mapping_has_a_message_a_name() -> None:
    assert failed_results({"a": "x", "b": "y"})["b"]["message"] == "y"


def test_a_failed_result_is_read_as_every_other() -> None:
    (made,) = failed_results(["a"], "why").values()

    result = NodeResult.from_ansible("a", made)

    assert (result.outcome, result.failed, result.message) == (Outcome.FAILED, True, "why")
    assert (result.decision.action, result.changed, result.timeline) == (Action.NOTHING, False, None)


def test_a_node_that_was_left_alone_is_refused_and_fails_the_run_all_the_same() -> None:
    made = failed_results({"a": "claimed by bob", "b": "no"}, refused=["a"])
    result = NodeResult.from_ansible("a", made["a"])

    assert (result.outcome, result.failed, result.message) == (Outcome.SKIPPED, True, "claimed by bob")
    assert result.decision.action is Action.REFUSE
    assert made["b"]["outcome"] == Outcome.FAILED


def test_nobody_failed() -> None:
    assert failed_results([]) == failed_results({}) == {}


def test_the_filter_has_the_name_it_is_documented_under() -> None:
    assert FilterModule().filters() == {"failed_results": failed_results}
