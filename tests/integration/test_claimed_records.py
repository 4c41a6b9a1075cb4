# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run works on keeps what it is assigned and its power, whatever another operator starts beside it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.tests.integration.conftest import OpenSite
from ansible_collections.baremetal.bcm.tests.integration.support.duelling import IMAGES, notes_of
from ansible_collections.baremetal.bcm.tests.integration.support.playbook import PARALLEL, POWER, Run
from ansible_collections.baremetal.bcm.tests.integration.support.rack import inventory_of, new_rack
from ansible_collections.baremetal.bcm.tests.integration.support.site import Site

pytestmark = pytest.mark.one_core

# Nobody's patience lasts as long as this: time is moved on by hand.
INSTALL_S = 3_000_000
# The three runs outlive all attacks, each of which is a whole run.
LIMIT_S = 850
SLOW = {"bcm_poll_interval": 1, "bcm_software_image": IMAGES["alice"]}
# Alice and carol install two nodes each; dan has his two installed one after the other, so that one of them waits.
ALICE, CAROL, DAN = ["node001", "node002"], ["node003", "node004"], ["node005", "node006"]
TAKEN = [*ALICE, *CAROL, *DAN]
UNDER_WAY = [*ALICE, *CAROL, DAN[0]]
FREE = ["node007", "node008"]


def target(*nodes: str) -> dict[str, str]:
    return {"bcm_target": ",".join(nodes)}


BOB: dict[str, Any] = {**PARALLEL, "bcm_owner": "bob", "bcm_software_image": IMAGES["bob"], **target(*TAKEN)}
CUT: dict[str, Any] = {**POWER, **target(*TAKEN)}
OTHER = {"software_image": IMAGES["bob"]}


def play(name: str, *options: str, **variables: Any) -> Callable[[Site], Run]:
    return lambda where: where.ansible.play(name, *options, variables=variables)


def task(module: str, **options: Any) -> Callable[[Site], Run]:
    return lambda where: where.ansible.tasks([{f"baremetal.bcm.{module}": options}])


ATTACKS: dict[str, Callable[[Site], Run]] = {
    "provision": play("provision", **BOB),
    "provision, check mode": play("provision", "--check", **BOB),
    "reprovision": play("reprovision", **BOB),
    "power_on": play("power", **CUT, bcm_power_action="power_on"),
    "power_off": play("power", **CUT, bcm_power_action="power_off"),
    "power_cycle, UP nodes too": play("power", **CUT, bcm_power_action="power_cycle", bcm_allow_up=True),
    "power_reset": play("power", **CUT, bcm_power_action="power_reset"),
    "bcm_devices, image": task("bcm_devices", devices=[{"hostname": name, **OTHER} for name in TAKEN]),
    "bcm_devices, notes": task("bcm_devices", devices=[{"hostname": name, "notes": "bob's"} for name in TAKEN]),
    "bcm_devices, absent": task("bcm_devices", devices=[{"hostname": name, "state": "absent"} for name in TAKEN]),
    "bcm_category": task("bcm_category", name="default", kernel_parameters="quiet", members=TAKEN),
    "bcm_categories": task(
        "bcm_categories", categories=[{"name": "default", "disksetup": "<diskSetup/>"}], allow_member_change=True
    ),
}


@dataclass
class Story:
    """The runs of bob, what was stored before and after each, and how the others ended."""

    runs: dict[str, Run] = field(default_factory=dict)
    stored: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    power: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    ended: dict[str, Run] = field(default_factory=dict)
    failed_early: Run | None = None
    owners_written: list[str | None] = field(default_factory=list)


class TestRunsThatWorkOnNodes:
    @pytest.fixture(scope="class")
    @staticmethod
    def where(open_class_site: OpenSite) -> Site:
        rack = new_rack(8, devices="all", images=["default-image", *IMAGES.values()])
        rack["times"] = {"post": 10, "boot": 60, "install_full": INSTALL_S, "install_sync": INSTALL_S, "init": 60}
        return open_class_site(rack, inventory=inventory_of(rack))

    @pytest.fixture(scope="class")
    @staticmethod
    def story(where: Site) -> Story:
        told = Story()
        many, one = {**PARALLEL, **SLOW}, {**POWER, **SLOW}
        starts = {
            "alice": ("provision", {**many, **target(*ALICE)}),
            "carol": ("reprovision", {**many, **target(*CAROL)}),
            "dan": ("provision", {**one, **target(*DAN)}),
        }
        with contextlib.ExitStack() as stack:
            started = {
                owner: stack.enter_context(
                    where.ansible.start(name, variables={**variables, "bcm_owner": owner}, limit_s=LIMIT_S)
                )
                for owner, (name, variables) in starts.items()
            }
            where.rack.wait_for_states("INSTALLING", *UNDER_WAY)
            for name, attack in ATTACKS.items():
                before, power = stored_in(where), where.rack.power_operations()
                told.runs[name] = attack(where)
                told.stored[name] = (before, stored_in(where))
                told.power[name] = (power, where.rack.power_operations())
            for waited in (UNDER_WAY, DAN[1:]):
                where.rack.wait_for_states("INSTALLING", *waited)
                where.rack.let_pass(INSTALL_S)
                where.rack.wait_for_states("UP", *waited)
            told.ended = {owner: each.end() for owner, each in started.items()}
        where.rack.forget_calls()
        told.failed_early = where.ansible.play(
            "provision", variables={**many, **target(*FREE), "bcm_max_nodes": 1, "bcm_owner": "eve"}
        )
        calls = [call["args"][0] for call in where.rack.call_log() if call["call"].startswith("updateDevice")]
        written = [device for sent in calls for device in (sent if isinstance(sent, list) else [sent])]
        told.owners_written = [(device["extra_values"] or {}).get("baremetal_claim_owner") for device in written]
        return told

    @pytest.mark.parametrize("attack", ATTACKS)
    def test_what_is_stored_stays_as_it_is_but_for_claims_that_are_renewed(self, attack: str, story: Story) -> None:
        before, after = story.stored[attack]

        assert after == before

    @pytest.mark.parametrize("attack", ATTACKS)
    def test_no_power_is_sent(self, attack: str, story: Story) -> None:
        before, after = story.power[attack]

        assert after == before

    @pytest.mark.parametrize("attack", ATTACKS)
    def test_the_other_operator_fails_and_is_told_an_owner(self, attack: str, story: Story) -> None:
        run = story.runs[attack]

        assert run.rc != 0, run.output
        assert "claimed by alice until" in run.output

    @pytest.mark.parametrize("attack", ["provision", "provision, check mode", "reprovision"])
    def test_the_report_refuses_each_node_by_the_name_of_its_owner(self, attack: str, story: Story) -> None:
        run = story.runs[attack]

        assert run.failed_hosts == TAKEN
        owners = {**dict.fromkeys(ALICE, "alice"), **dict.fromkeys(CAROL, "carol"), **dict.fromkeys(DAN, "dan")}
        for name, owner in owners.items():
            assert run.rows[name]["outcome"] == "skipped"
            assert f"claimed by {owner} until" in run.rows[name]["message"]

    def test_the_runs_end_well_with_what_they_were_started_for(self, story: Story, where: Site) -> None:
        assert {owner: run.rc for owner, run in story.ended.items()} == dict.fromkeys(story.ended, 0), story.ended
        images = where.rack.images()
        assert {images[name] for name in TAKEN} == {IMAGES["alice"]}
        assert {where.rack.nodes()[name]["boots"] for name in TAKEN} == {1}

    @pytest.mark.usefixtures("story")
    def test_no_claim_is_left(self, where: Site) -> None:
        notes = notes_of(where, [*TAKEN, *FREE])

        assert not [key for note in notes.values() for key in note if "claim" in key]

    def test_a_run_that_fails_before_it_has_powered_anything_gives_its_claims_back(self, story: Story) -> None:
        run = story.failed_early

        assert run is not None
        assert run.rc != 0
        assert "2 nodes would be powered, more than max_nodes 1" in run.output
        assert story.owners_written[: len(FREE)] == ["eve"] * len(FREE)
        assert story.owners_written[-len(FREE) :] == [None] * len(FREE)


def stored_in(where: Site) -> dict[str, Any]:
    """Give all that is stored, but for the ends of claims, which are renewed."""
    everything = where.rack.head_node.everything()
    for device in everything["devices"].values():
        notes = device["extra_values"] or {}
        device["extra_values"] = {key: value for key, value in notes.items() if key != "baremetal_claim_until"}
    return everything
