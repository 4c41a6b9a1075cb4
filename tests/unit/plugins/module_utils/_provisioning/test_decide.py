# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done with a node: the whole table."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.record import Assignment, Record
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.decide import Action, Facts, Request, decide

from .assigning import recorded

OLD = Assignment("old-uuid", "old-image", -1, "disks")
NEW = Assignment("new-uuid", "new-image", -1, "disks")
OTHER_DISKS = replace(NEW, disksetup="other disks")


SAME, CHANGED, NONE = recorded(NEW), recorded(OLD), recorded(None)
ON, CYCLE = Request(enable_power_action=True), Request(enable_power_action=True, power_action="power_cycle")
OFF = Request()


def facts(status: str, record: Record = NONE, assignment: Assignment | None = NEW, **values: Any) -> Facts:
    return Facts(assignment, record, status, **values)


def up(record: Record, **values: Any) -> Facts:
    return facts("UP", record, power="ON", **values)


def down(record: Record = NONE, power: str = "OFF", **values: Any) -> Facts:
    return facts("DOWN", record, power=power, **values)


def sent(known: Facts) -> Facts:
    """Power was sent since the intent was written."""
    return replace(known, power_sent_since_intent=True)


N, R, P, C, W = Action.NOTHING, Action.ADOPT, Action.POWER_ON, Action.REPROVISION, Action.WATCH
PENDING, SKIP, REFUSE = Action.PENDING, Action.SKIP, Action.REFUSE
INTENDED = recorded(None, intent=NEW)
REASSIGNED = replace(NONE, reassigned=True)
GIVEN_UP = replace(INTENDED, intent_failed="booting")

# what is known, what is asked, action, words of the reason, install mode of the next boot
TABLE: dict[str, tuple[Facts | None, Request, Action, str, str]] = {
    "unknown to BCM": (None, ON, Action.NOT_FOUND, "no such device", ""),
    "no image at all": (down(assignment=None), ON, REFUSE, "no software image", ""),
    # others
    "as it was when the run began": (down(expected=NEW), ON, P, "install new-image", ""),
    "another image since the run began": (
        down(expected=OLD),
        ON,
        REFUSE,
        "assigned new-image by others since this run began with old-image",
        "",
    ),
    "another image since the run began, and UP with it": (up(SAME, expected=OLD), ON, REFUSE, "by others since", ""),
    "another image since the run began, and claimed": (
        down(expected=OLD, claimed_by="bob until 12:00:00 UTC"),
        ON,
        REFUSE,
        "^claimed by bob",
        "",
    ),
    # UP
    "UP as recorded": (up(SAME), ON, N, "UP with new-image", ""),
    "UP as recorded, cycle": (up(SAME), CYCLE, N, "UP with new-image", ""),
    "UP as recorded, restart required": (up(SAME, restart_required=True), ON, N, "a restart is required", ""),
    "UP unrecorded": (up(NONE), ON, SKIP, "unrecorded.*bcm_adopt", ""),
    "UP unrecorded, cycle": (up(NONE), CYCLE, SKIP, "unrecorded", ""),
    "UP unrecorded, adopt": (up(NONE), replace(OFF, adopt=True), R, "adopted: new-image", ""),
    "UP unrecorded, adopt and cycle": (up(NONE), replace(CYCLE, adopt=True), R, "adopted", ""),
    "UP recorded otherwise, adopt": (
        up(CHANGED),
        replace(OFF, adopt=True),
        PENDING,
        "needs new-image",
        "",
    ),
    "UP unrecorded, reassigned, no power": (up(NONE, reassigned=True), OFF, PENDING, "needs new-image", ""),
    "UP unrecorded, reassigned": (up(NONE, reassigned=True), ON, SKIP, "power_cycle does", ""),
    "UP unrecorded, reassigned, cycle": (up(NONE, reassigned=True), CYCLE, C, "new-image instead of what it runs", ""),
    "UP unrecorded, token": (up(NONE), replace(CYCLE, token="t"), C, "new-image instead of", ""),
    "UP with another image, no power": (up(CHANGED), OFF, PENDING, "not without bcm_enable_power_action", ""),
    "UP with another image": (up(CHANGED), ON, SKIP, "power_on never restarts a running node", ""),
    "UP with another image, cycle": (up(CHANGED), CYCLE, C, "new-image instead of old-image", ""),
    "UP with another token": (
        up(SAME, assignment=replace(NEW, token="again")),
        replace(CYCLE, token="again"),
        C,
        "new-image anew",
        "",
    ),
    "UP with other disks": (up(SAME, assignment=OTHER_DISKS), CYCLE, C, "new-image anew", "FULL"),
    "UP with other disks, mode given": (
        up(SAME, assignment=OTHER_DISKS),
        replace(CYCLE, next_boot_install_mode="AUTO"),
        C,
        "new-image anew",
        "AUTO",
    ),
    "UP, FULL asked for": (up(CHANGED), replace(CYCLE, next_boot_install_mode="FULL"), C, "instead of", "FULL"),
    "UP data node, other disks": (
        up(SAME, assignment=OTHER_DISKS, data_node=True),
        CYCLE,
        REFUSE,
        "data node.*wait for a person",
        "",
    ),
    "UP data node, another image": (up(CHANGED, data_node=True), CYCLE, C, "instead of", ""),
    "UP, NOSYNC": (up(CHANGED, install_mode="NOSYNC"), CYCLE, REFUSE, "NOSYNC would keep the old image", ""),
    "UP, SKIP": (up(CHANGED, install_mode="SKIP"), CYCLE, REFUSE, "SKIP would keep", ""),
    "UP, MAIN": (up(CHANGED, install_mode="MAIN"), CYCLE, REFUSE, "MAIN would keep", ""),
    "UP, NOSYNC but FULL now": (
        up(CHANGED, install_mode="NOSYNC"),
        replace(CYCLE, next_boot_install_mode="FULL"),
        C,
        "instead of",
        "FULL",
    ),
    "UP, NOSYNC, as recorded": (up(SAME, install_mode="NOSYNC"), CYCLE, N, "UP with", ""),
    "UP unrecorded, reassigned, NOSYNC": (
        up(NONE, reassigned=True, install_mode="NOSYNC"),
        CYCLE,
        REFUSE,
        "NOSYNC would keep the old image",
        "",
    ),
    # Only watching shows whether that UP is new.
    "UP after an earlier run": (sent(up(INTENDED)), ON, W, "an earlier run sent power", ""),
    "UP after an earlier run, no power": (sent(up(recorded(OLD, NEW))), OFF, PENDING, "earlier run had sent power", ""),
    "UP after an earlier run, recorded otherwise": (sent(up(recorded(OLD, NEW))), CYCLE, W, "an earlier run", ""),
    "UP after an earlier run, recorded": (sent(up(recorded(NEW, NEW))), CYCLE, N, "UP with new-image", ""),
    "UP, reassigned by an earlier run": (up(REASSIGNED), CYCLE, C, "new-image instead of what it runs", ""),
    "UP, reassigned by an earlier run, adopt": (up(REASSIGNED), replace(OFF, adopt=True), PENDING, "needs", ""),
    "UP, intent but no power yet": (up(recorded(OLD, NEW)), CYCLE, C, "instead of old-image", ""),
    "UP as recorded, but powered for another image by a run that did not end": (
        sent(up(recorded(NEW, OLD))),
        CYCLE,
        C,
        "new-image instead of what an earlier run began to install",
        "",
    ),
    "UP as recorded, another image meant but not powered for": (up(recorded(NEW, OLD)), CYCLE, N, "UP with", ""),
    "UP without a record, powered for another image, to be adopted": (
        sent(up(recorded(None, OLD))),
        replace(CYCLE, adopt=True),
        C,
        "instead of what an earlier run began",
        "",
    ),
    "UP, power for another intent": (sent(up(recorded(OLD, OLD))), CYCLE, C, "instead of", ""),
    # installing
    **{
        f"{status} for us": (facts(status, INTENDED), ON, W, f"{status} already, from an earlier run", "")
        for status in ("BOOTING", "INSTALLING", "INSTALLER_REBOOTING", "INSTALLER_CALLING_INIT")
    },
    **{
        f"{status} for another run or a person": (facts(status), CYCLE, SKIP, "never cut", "")
        for status in ("BOOTING", "INSTALLING", "INSTALLER_REBOOTING", "INSTALLER_CALLING_INIT")
    },
    "INSTALLING for us, no power": (facts("INSTALLING", INTENDED), OFF, PENDING, "not watched without", ""),
    "INSTALLING for an older intent": (
        facts("INSTALLING", recorded(None, OLD)),
        ON,
        SKIP,
        "for another run or a person",
        "",
    ),
    # not UP
    "off, no power": (down(), OFF, PENDING, "not powered without bcm_enable_power_action", ""),
    "off": (down(), ON, P, "install new-image", ""),
    "off, cycle": (down(), CYCLE, P, "install new-image", ""),
    "off, installed before": (down(SAME), ON, P, "install new-image", ""),
    "off, other disks": (down(SAME, assignment=OTHER_DISKS), ON, P, "install new-image", "FULL"),
    "off, NOSYNC, never installed": (down(install_mode="NOSYNC"), ON, P, "install", ""),
    "off, NOSYNC, installed before": (down(CHANGED, install_mode="NOSYNC"), ON, REFUSE, "would keep the old", ""),
    "off, data node, FULL asked for": (
        down(data_node=True),
        replace(ON, next_boot_install_mode="FULL"),
        REFUSE,
        "data node",
        "",
    ),
    "off, intent of an earlier run": (sent(down(INTENDED)), ON, P, "install new-image", ""),
    "DOWN, power unknown": (down(power="UNKNOWN"), ON, P, "install", ""),
    "DOWN, power unknown, cycle": (down(power="UNKNOWN"), CYCLE, C, "DOWN: install", ""),
    "DOWN but on": (down(power="ON"), ON, REFUSE, "powered on: something may still run", ""),
    "DOWN but on, cycle": (down(power="ON"), CYCLE, C, "DOWN: install", ""),
    "DOWN but on, powered by an earlier run": (sent(down(INTENDED, "ON")), ON, W, "sent by an earlier run", ""),
    "DOWN but on, powered before the intent": (down(INTENDED, "ON"), ON, REFUSE, "powered on", ""),
    **{
        f"{status}, {request.power_action}": (facts(status, power="ON"), request, C, f"{status}: install", "")
        for status in ("INSTALLER_FAILED", "INSTALLER_UNREACHABLE")
        for request in (ON, CYCLE)
    },
    "failed after an earlier run": (
        sent(facts("INSTALLER_FAILED", INTENDED, power="ON")),
        ON,
        C,
        "INSTALLER_FAILED: install",
        "",
    ),
    "failed and off": (facts("INSTALLER_FAILED", power="OFF"), ON, P, "install", ""),
    "failed, no power": (facts("INSTALLER_FAILED", power="ON"), OFF, PENDING, "INSTALLER_FAILED; not powered", ""),
    # an earlier run gave it up
    "given up, on": (sent(down(GIVEN_UP, "ON")), ON, C, "given up in phase booting before", ""),
    "given up, off": (sent(down(GIVEN_UP)), ON, P, "given up in phase booting", ""),
    "given up, no power": (sent(down(GIVEN_UP, "ON")), OFF, PENDING, "not powered", ""),
    "given up, still INSTALLING": (facts("INSTALLING", GIVEN_UP, power="ON"), ON, C, "given up in phase booting", ""),
    "given up, INSTALLING, no power": (facts("INSTALLING", GIVEN_UP), OFF, PENDING, "not without", ""),
    "given up, INSTALLING, dead BMC": (facts("INSTALLING", GIVEN_UP, power_error="e"), ON, Action.BMC_FAILED, "e", ""),
    "given up, INSTALLING, data node": (
        facts("INSTALLING", GIVEN_UP, data_node=True),
        replace(ON, next_boot_install_mode="FULL"),
        REFUSE,
        "data node",
        "",
    ),
    "given up with another assignment": (
        facts("INSTALLING", replace(recorded(None, OLD), intent_failed="booting")),
        CYCLE,
        SKIP,
        "never cut",
        "",
    ),
    # the probe of the BMC failed
    "off, dead BMC": (down(power="UNKNOWN", power_error="no answer"), ON, Action.BMC_FAILED, "no answer", ""),
    "off, dead BMC, no power": (down(power="UNKNOWN", power_error="no answer"), OFF, PENDING, "not powered", ""),
    "UP, dead BMC, cycle": (up(CHANGED, power_error="no answer"), CYCLE, Action.BMC_FAILED, "no answer", ""),
    "UP as recorded, dead BMC": (up(SAME, power_error="no answer"), CYCLE, N, "UP with", ""),
    "INSTALLING for us, dead BMC": (facts("INSTALLING", INTENDED, power_error="no answer"), ON, W, "already", ""),
    "CLOSED and UP": (up(CHANGED, closed=True), CYCLE, SKIP, "CLOSED in BCM; open it first", ""),
    "CLOSED and DOWN": (down(closed=True), ON, SKIP, "CLOSED", ""),
    "CLOSED and INSTALLING": (facts("INSTALLING", INTENDED, closed=True), ON, SKIP, "CLOSED", ""),
}


@pytest.mark.parametrize(("known", "request_", "action", "reason", "mode"), TABLE.values(), ids=TABLE)
def test_the_decision(known: Facts | None, request_: Request, action: Action, reason: str, mode: str) -> None:
    decision = decide(known, request_)

    assert (decision.action, decision.next_boot_install_mode) == (action, mode)
    assert re.search(reason, decision.reason)
