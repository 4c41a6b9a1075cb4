# SPDX-License-Identifier: GPL-3.0-or-later
"""What bcm_provision takes and returns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.bulk import BulkCalls
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmConfigError
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.record import Assignment
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.admission import (
    Admission,
    FailureLimit,
    Pipeline,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.deadlines import Deadlines
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.decide import Action, Decision, Request
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.node_run import NodeResult
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.options import (
    PROVISION,
    job_of,
    pace_of,
    result_of,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.outcome import Outcome
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.rollout import Pace
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.run import Run
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.timeline import Durations

TWENTY = [f"n{number}" for number in range(20)]


def params(**given: Any) -> dict[str, Any]:
    """The options as Ansible gives them: defaults where nothing is given."""
    return {**{name: spec.get("default") for name, spec in PROVISION.items()}, "names": TWENTY, **given}


def test_what_is_not_given_is_as_in_the_documentation() -> None:
    job, pace = job_of(params()), pace_of(params())

    assert (job.request, list(job.names), list(job.reassigned)) == (Request(), TWENTY, [])
    assert replace(pace, workers=1) == Pace(bulk=BulkCalls.AUTO)


def test_every_option_of_a_request_arrives() -> None:
    job = job_of(
        params(
            enable_power_action=True,
            power_action="power_cycle",
            reprovision_token="t",
            next_boot_install_mode="FULL",
            adopt=True,
            max_nodes=3,
            include_closed=True,
            reassigned=["n1"],
            assignments={"n2": {"image_uuid": "u", "image_name": "i", "revision": -1, "disksetup": "d"}},
        )
    )

    assert job.request == Request(True, "power_cycle", "t", "FULL", True, 3, True)
    assert job.reassigned == ["n1"]
    assert job.assignments == {"n2": Assignment("u", "i", -1, "d")}


def test_every_option_of_the_pace_arrives() -> None:
    pace = pace_of(
        params(
            admission="slots",
            max_failures="10%",
            failed_before=2,
            restart="hard",
            graceful_timeout=1,
            power_stagger=0.5,
            claim_time=60,
            boot_timeout=2,
            install_timeout=3,
            init_timeout=4,
            run_timeout=5,
            settle_time=6,
            power_timeout=7,
            poll_interval=8,
            parallel_calls=9,
            bulk_calls="true",
        )
    )

    assert pace == Pace(
        deadlines=Deadlines(2, 3, 4, 1, 6),
        run_s=5,
        poll_interval_s=8,
        power_timeout_s=7,
        stagger_s=0.5,
        claim_s=60,
        workers=9,
        bulk=BulkCalls.ALWAYS,
        graceful=False,
        admission=Admission("slots"),
        failure_limit=FailureLimit(2),
        failed_before=2,
    )


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        *(
            (option, 0, f"{option} must be more than 0 seconds, not 0")
            for option in (
                "boot_timeout",
                "install_timeout",
                "init_timeout",
                "power_timeout",
                "poll_interval",
                "claim_time",
                "run_timeout",
            )
        ),
        *(
            (option, -1, f"{option} must not be negative, as -1 is")
            for option in ("graceful_timeout", "settle_time", "power_stagger", "failed_before")
        ),
        ("admission", "some", "admission must be all, slots or a number"),
        ("max_failures", "0", "max_failures must be a number from 1 on or a percentage"),
    ],
)
def test_values_that_mean_nothing_are_refused_by_name(option: str, value: object, words: str) -> None:
    with pytest.raises(BcmConfigError, match=words):
        pace_of(params(**{option: value}))


def test_assignments_of_another_making_are_refused() -> None:
    with pytest.raises(BcmConfigError, match="assignments must be what bcm_devices returned"):
        job_of(params(assignments={"n1": {"image": "i"}}))


@pytest.mark.parametrize(
    ("pace", "slots", "deadline_s"),
    [
        (Pace(), 10, 2 * 3900),
        (Pace(), 20, 3900),
        (Pace(), 0, 20 * 3900),
        (Pace(admission=Admission.parse("1")), 10, 20 * 3900),
        (Pace(admission=Admission.parse("5")), 20, 4 * 3900),
        (Pace(run_s=7), 10, 7),
    ],
)
def test_the_deadline_of_a_run_follows_from_its_turns(pace: Pace, slots: int, deadline_s: float) -> None:
    assert pace.run_deadline_s(20, Pipeline(slots, 1)) == deadline_s


def node(name: str, *, failed: bool = False, changed: bool = False) -> NodeResult:
    return NodeResult(
        name,
        Decision(Action.POWER_ON, "why"),
        Outcome.FAILED if failed else Outcome.SUCCESSFUL,
        changed,
        f"{name} said",
    )


def test_the_result_has_nodes_failures_and_the_run_as_a_whole() -> None:
    results = {"a": node("a", changed=True), "b": node("b", failed=True)}
    pipeline = Pipeline(2, 1, Durations(60, 300, 30), "observed")
    run = Run(results, 2, Admission("slots"), pipeline, achieved_s=400.04, installed=1)
    pace = Pace(failure_limit=FailureLimit(3))

    shown = result_of(run, pace, fail_on_error=False)

    assert shown["changed"]
    assert "failed" not in shown
    assert shown["failures"] == {"b": "b said"}
    assert set(shown["nodes"]) == {"a", "b"}
    assert [one["after_header"] for one in shown["diff"]] == ["provisioning a (power_on)"]
    assert shown["run"] == {
        "nodes": 2,
        "admission": "slots",
        "max_failures": 3,
        "slots": 2,
        "provisioning_nodes": 1,
        "durations": {"boot_s": 60, "sync_s": 300, "init_s": 30, "source": "observed"},
        "bound_seconds": 390,
        "achieved_seconds": 400.04,
        "efficiency": 0.975,
    }
    failed = result_of(run, pace, fail_on_error=True)
    assert failed["failed"]
    assert failed["msg"] == "1 of 2 nodes failed: b said"


def test_the_message_of_one_failed_node_speaks_of_one() -> None:
    failed = result_of(Run({"b": node("b", failed=True)}), Pace(), fail_on_error=True)

    assert failed["msg"] == "1 of 1 node failed: b said"


def test_where_nothing_is_done_there_is_no_run_to_report() -> None:
    shown = result_of(Run({"a": node("a")}), Pace(), fail_on_error=True)

    assert (shown["run"], shown["changed"], shown["failures"]) == ({}, False, {})
    assert "failed" not in shown


def test_where_the_slots_are_not_known_the_run_reports_what_is() -> None:
    shown = result_of(Run({"a": node("a")}, acting=1), Pace(), fail_on_error=True)

    assert (shown["run"]["slots"], shown["run"]["bound_seconds"], shown["run"]["efficiency"]) == (None, None, None)
