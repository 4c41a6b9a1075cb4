# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each playbook with the least profile that docs/profiles.md lists, on a head node that refuses every other call."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.tests.integration.conftest import OpenSite
from ansible_collections.baremetal.bcm.tests.integration.support.playbook import PARALLEL, POWER, Run
from ansible_collections.baremetal.bcm.tests.integration.support.rack import ROOT, demo_rack
from ansible_collections.baremetal.bcm.tests.integration.support.site import Site

# The head node asks for it once a minute, and these runs take less.
RARE = {"CMSession::acknowledgeKeepAlive"}
# Tried once, and done without.
REFUSED = {"CMDevice::addDevices", "CMDevice::updateDevices"}
NAMES = {"cmdevice": "CMDevice", "cmpart": "CMPart", "cmnet": "CMNet", "cmstatus": "CMStatus", "cmprov": "CMProv"}
NAMES.update(cmsession="CMSession", cmmain="CMMain")


def documented() -> dict[str, set[str]]:
    """Read the calls of each playbook from the page."""
    rows = re.findall(r"^\| (.+?) \| (.+?) \|$", (ROOT / "docs/profiles.md").read_text(encoding="utf-8"), re.MULTILINE)
    groups = {name: set(re.findall(r"`(\w+::\w+)`", calls)) for name, calls in rows if name.startswith("*")}
    found = {}
    for names, calls in rows:
        for playbook in re.findall(r"`(\w+)`", names) if "*reading*" in calls else ():
            own = set(re.findall(r"`(\w+::\w+)`", calls))
            found[playbook] = own.union(*(groups[group] for group in re.findall(r"\*[\w ]+\*", calls)))
    return found


PROFILES = documented()


@dataclass(frozen=True)
class Played:
    """A playbook's runs under its own profile, and the calls they made."""

    runs: list[Run]
    calls: set[str]


class TestLeastProfiles:
    @pytest.fixture(scope="class")
    @staticmethod
    def played(open_class_site: OpenSite) -> dict[str, Played]:
        admin = {"username": "admin", "password": "demo-head-node"}
        users = [{"username": name, "password": f"{name}-secret", "profile": name} for name in PROFILES]
        profiles = {name: sorted(calls) for name, calls in PROFILES.items()}
        where = open_class_site(demo_rack(users=[admin, *users], profiles=profiles))
        another = {**PARALLEL, "bcm_software_image": "ubuntu-22.04-nvidia-550"}
        cycle = {**POWER, "bcm_power_action": "power_cycle", "bcm_allow_up": True}
        return {
            "preflight": play(where, "preflight", {}),
            "provision": play(where, "provision", PARALLEL, {**PARALLEL, "bcm_categories": CHANGED}),
            "reprovision": play(where, "reprovision", another),
            "power": play(where, "power", cycle),
            "status": play(where, "status", {"bcm_include_power": True}),
        }

    def test_the_page_names_every_playbook_that_speaks_to_a_head_node(self) -> None:
        others = {
            "controller",
            "intake_discovered",
            "load_bmc_macs",
            "audit",
            "harden",
            "rotate",
            "validate",
            "readmit",
        }
        others |= {"build_validation_image"}

        assert set(PROFILES) == {path.stem for path in (ROOT / "playbooks").glob("*.yml")} - others

    @pytest.mark.parametrize("playbook", sorted(PROFILES))
    def test_a_playbook_needs_no_more_than_the_page_says(self, played: dict[str, Played], playbook: str) -> None:
        assert [run.failures for run in played[playbook].runs if run.rc] == []
        assert played[playbook].calls <= PROFILES[playbook] | REFUSED

    def test_without_the_right_to_write_many_at_once_each_node_gets_calls_of_its_own(
        self, played: dict[str, Played]
    ) -> None:
        assert {*REFUSED, "CMDevice::addDevice", "CMDevice::updateDevice"} <= played["provision"].calls
        assert not REFUSED & PROFILES["provision"]

    def test_the_page_names_no_call_that_is_never_made(self, played: dict[str, Played]) -> None:
        made: set[str] = set().union(*(each.calls for each in played.values()))

        assert set().union(*PROFILES.values()) - made == RARE


CHANGED = [
    {"name": "dgx-worker", "clone_from": "default", "software_image": "ubuntu-22.04-nvidia-535", "notes": "changed"},
    {"name": "control-plane", "clone_from": "default", "software_image": "default-image"},
]


def play(where: Site, playbook: str, *variables: dict[str, Any]) -> Played:
    """Run a playbook as the user whose profile is called like it."""
    login = {"BCM_USERNAME": playbook, "BCM_PASSWORD": f"{playbook}-secret"}
    where.rack.forget_calls()
    runs = [where.ansible.play(playbook, variables=each, environment=login) for each in variables]
    log = where.rack.call_log()
    return Played(runs, {f"{NAMES[call['service']]}::{call['call']}" for call in log if call["service"] != "login"})
