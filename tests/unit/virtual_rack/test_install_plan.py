# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from virtual_rack.nodes.install_plan import MESSAGES, InstallFacts, configured_mode, plan_install

OLD = InstallFacts(
    is_new=False,
    category_new_mode="FULL",
    next_boot_mode="",
    node_mode="",
    category_mode="AUTO",
    is_data_node=False,
    disk_has_layout=True,
    disk_has_system=True,
)
MODES = st.sampled_from(["AUTO", "FULL", "MAIN", "NOSYNC", "SKIP"])
ANY_MODE = st.one_of(st.just(""), MODES)
FACTS = st.builds(
    InstallFacts,
    is_new=st.booleans(),
    category_new_mode=ANY_MODE,
    next_boot_mode=ANY_MODE,
    node_mode=ANY_MODE,
    category_mode=ANY_MODE,
    is_data_node=st.booleans(),
    disk_has_layout=st.booleans(),
    disk_has_system=st.booleans(),
    disk_setup_is_readable=st.booleans(),
)


@pytest.mark.parametrize(
    ("facts", "mode"),
    [
        (replace(OLD, is_new=True, next_boot_mode="SKIP", node_mode="SKIP"), "FULL"),
        (replace(OLD, is_new=True, category_new_mode="", next_boot_mode="SKIP"), "SKIP"),
        (replace(OLD, next_boot_mode="FULL", node_mode="NOSYNC"), "FULL"),
        (replace(OLD, node_mode="NOSYNC", category_mode="FULL"), "NOSYNC"),
        (replace(OLD, category_mode="SKIP"), "SKIP"),
    ],
)
def test_the_first_mode_that_is_set_wins(facts: InstallFacts, mode: str) -> None:
    assert configured_mode(facts) == mode


@pytest.mark.parametrize(
    ("facts", "transfer", "messages"),
    [
        (
            replace(OLD, next_boot_mode="FULL"),
            "FULL",
            [
                "node-installer started",
                "checking disks",
                "recreating partitions and filesystems",
                "mounting disks",
                "waiting for FULL provisioning to start",
                "provisioning started, waiting for completion",
                "provisioning complete",
                "initializing SELinux",
            ],
        ),
        (
            OLD,
            "SYNC",
            [
                "node-installer started",
                "checking disks",
                "mounting disks",
                "waiting for SYNC provisioning to start",
                "provisioning started, waiting for completion",
                "provisioning complete",
                "initializing SELinux",
            ],
        ),
        (replace(OLD, node_mode="NOSYNC"), "", ["node-installer started", "checking disks", "mounting disks"]),
        (replace(OLD, node_mode="SKIP"), "", ["node-installer started", "mounting disks"]),
        (replace(OLD, node_mode="MAIN"), "", ["node-installer started", "entered maintenance mode"]),
        (
            replace(OLD, node_mode="FULL", is_data_node=True),
            "FULL",
            ["node-installer started", "waiting for user input"],
        ),
    ],
)
def test_each_mode_shows_its_messages_in_order(facts: InstallFacts, transfer: str, messages: list[str]) -> None:
    plan = plan_install(facts)
    assert plan.transfer == transfer
    assert [step.message for step in plan.steps if step.message] == messages


@given(FACTS)
def test_auto_and_nosync_install_in_full_whenever_the_layout_is_not_there(facts: InstallFacts) -> None:
    if configured_mode(facts) in ("AUTO", "NOSYNC") and not facts.disk_has_layout:
        assert plan_install(facts).transfer == "FULL"


@given(FACTS)
def test_a_data_node_is_never_wiped_without_a_person(facts: InstallFacts) -> None:
    plan = plan_install(facts)
    if facts.is_data_node and plan.transfer == "FULL":
        assert plan.steps[-1].kind == "stop"
        assert not any(step.kind == "transfer" for step in plan.steps)


@given(FACTS)
def test_scripts_frame_what_is_done_to_the_disks_and_nothing_is_parted_without_a_setup(facts: InstallFacts) -> None:
    kinds = [step.kind for step in plan_install(facts).steps]
    if kinds[-1] not in ("stop", "fail"):
        assert (kinds[1], kinds[-1]) == ("initialize", "finalize")
    assert "stop" not in kinds or not {"initialize", "finalize", "partition"} & set(kinds)
    assert facts.disk_setup_is_readable or not {"partition", "transfer"} <= set(kinds)


@given(FACTS)
def test_a_transfer_always_follows_a_queue_and_messages_are_in_the_documented_order(facts: InstallFacts) -> None:
    plan = plan_install(facts)
    kinds = [step.kind for step in plan.steps]
    assert kinds.count("queue") == kinds.count("transfer")
    if "transfer" in kinds:
        assert kinds.index("queue") == kinds.index("transfer") - 1
    known = [MESSAGES.index(step.message) for step in plan.steps if step.message and step.kind != "fail"]
    assert known == sorted(known)
