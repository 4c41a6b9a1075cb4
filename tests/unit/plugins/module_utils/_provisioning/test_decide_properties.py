# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every decision, whatever is known and asked for."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.decide import Action, Facts, Request, decide

from .assigning import all_facts, recorded, requests


@given(st.none() | all_facts, requests)
@settings(max_examples=200)
def test_nothing_acts_without_permission_to_power(known: Facts | None, request_: Request) -> None:
    assert not decide(known, replace(request_, enable_power_action=False)).action.acts


@given(all_facts, requests)
@settings(max_examples=200)
def test_a_node_that_is_up_is_restarted_only_by_power_cycle(known: Facts, request_: Request) -> None:
    decision = decide(replace(known, status="UP"), request_)

    if decision.action in (Action.REPROVISION, Action.POWER_ON):
        assert decision.action is Action.REPROVISION
        assert (request_.enable_power_action, request_.power_action) == (True, "power_cycle")


@given(all_facts, requests)
@settings(max_examples=200)
def test_an_installation_under_way_is_never_cut_unless_we_gave_it_up(known: Facts, request_: Request) -> None:
    known = replace(known, record=replace(known.record, intent_failed=""))
    for status in ("BOOTING", "INSTALLING", "INSTALLER_REBOOTING", "INSTALLER_CALLING_INIT"):
        action = decide(replace(known, status=status), request_).action
        assert action not in (Action.REPROVISION, Action.POWER_ON)


@given(all_facts, requests)
@settings(max_examples=200)
def test_deciding_again_after_the_record_was_written_gives_nothing(known: Facts, request_: Request) -> None:
    if known.assignment is None or known.closed:
        return
    after = replace(known, status="UP", power="ON", record=recorded(known.assignment), reassigned=False)

    assert decide(after, request_).action is Action.NOTHING


@given(all_facts, requests)
@settings(max_examples=200)
def test_local_disks_are_wiped_only_on_demand_or_for_another_disk_setup(known: Facts, request_: Request) -> None:
    decision = decide(known, request_)

    if decision.next_boot_install_mode == "FULL" and request_.next_boot_install_mode != "FULL":
        assert known.assignment is not None
        assert known.record.provisioned_disksetup not in ("", known.assignment.disksetup)
    if decision.next_boot_install_mode == "FULL":
        assert not known.data_node


@given(all_facts, requests)
@settings(max_examples=200)
def test_a_node_is_not_installed_under_a_mode_that_keeps_the_old_image(known: Facts, request_: Request) -> None:
    decision = decide(known, request_)
    mode = decision.next_boot_install_mode or known.install_mode
    was_installed = bool(known.record.provisioned_digest) or known.status == "UP"

    if decision.action in (Action.POWER_ON, Action.REPROVISION) and was_installed:
        assert mode in ("AUTO", "FULL")


@given(all_facts, requests)
@settings(max_examples=100)
def test_a_closed_node_is_left_alone(known: Facts, request_: Request) -> None:
    action = decide(replace(known, closed=True), replace(request_, include_closed=False)).action

    assert action is (Action.REFUSE if known.assignment is None else Action.SKIP)


@given(all_facts, requests)
@settings(max_examples=100)
def test_every_decision_says_why(known: Facts, request_: Request) -> None:
    assert decide(known, request_).reason
