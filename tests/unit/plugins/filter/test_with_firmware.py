# SPDX-License-Identifier: GPL-3.0-or-later
"""One result of the update of firmware and of the hardening after it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.baremetal.bcm.plugins.filter.hardening_events import hardening_events
from ansible_collections.baremetal.bcm.plugins.filter.with_firmware import with_firmware

PLANNED = {"component": "bios", "before": "2.18.1", "wanted": ">=2.19", "image": "a.bin", "disruption": "reboot"}
SSH = {"control": "ssh", "state": "compliant"}


def hardened(**more: Any) -> dict[str, Any]:
    server = {"compliant": True, "profile": "site", "failure": None, "error": "", "controls": [SSH], "written": [],
              "rebooted": False, "requests": 10, "seconds": 1.0, **more}  # fmt: skip
    before = {"a": {"controls": [SSH]}}
    return {"changed": True, "servers": {"a": server}, "before": before, "bundle": "b.json", "failures": {}}


def updated(**more: Any) -> dict[str, Any]:
    server = {"failure": None, "error": "", "phase": "", "versions": {"bios": "2.19.1"}, "plan": [PLANNED], "left": {},
              "updated": [], "sent": True, "rebooted": True, "unmet": [], "requests": 5, "seconds": 2.0,
              **more}  # fmt: skip
    failures = {"a": server["error"]} if server["failure"] else {}
    return {"changed": True, "servers": {"a": server}, "failures": failures}


def test_without_an_update_the_result_is_that_of_the_hardening() -> None:
    assert with_firmware(hardened(), {"skipped": True}) == hardened()


def test_firmware_is_one_more_finding_before_and_after() -> None:
    both = with_firmware(hardened(), updated())

    (server,) = both["servers"].values()
    assert [(each["control"], each["state"]) for each in server["controls"]] == [
        ("firmware", "compliant"), ("ssh", "compliant")]  # fmt: skip
    assert [each["state"] for each in both["before"]["a"]["controls"]] == ["drift", "compliant"]
    assert both["before"]["a"]["controls"][0]["seen"] == {"bios": "2.18.1"}
    assert (both["counts"]["compliant"], both["compliant"], both["bundle"]) == (2, ["a"], "b.json")
    assert (server["rebooted"], server["requests"], server["seconds"]) == (True, 15, 3.0)


def test_a_server_without_the_versions_that_were_asked_for_is_not_compliant_and_does_not_pass() -> None:
    left = updated(plan=[], left={"bios": "it needs a reboot"}, unmet=["bios"], versions={"bios": "2.18.1"})

    both = with_firmware(hardened(), left)

    finding = both["servers"]["a"]["controls"][0]
    assert (finding["state"], finding["message"]) == ("drift", "bios: it needs a reboot")
    assert both["compliant"] == []
    assert hardening_events(both) == []


@pytest.mark.parametrize(("sent", "events"), [(True, ["hardening_failed"]), (False, [])])
def test_a_server_whose_update_failed_was_not_hardened_and_has_failed_where_an_image_was_sent(
    sent: bool, events: list[str]
) -> None:
    failed = updated(failure="timed_out", error="bios is 2.18.1 still", phase="update", sent=sent, rebooted=False)

    both = with_firmware({"skipped": True}, failed)

    assert both["failures"] == {"a": "bios is 2.18.1 still"}
    assert [each["state"] for each in both["servers"]["a"]["controls"]] == ["error"]
    assert [each["event"] for each in hardening_events(both)] == events
    assert both["compliant"] == []


def test_images_for_other_types_are_no_finding() -> None:
    other = updated(plan=[], versions={}, sent=False)

    assert with_firmware(hardened(), other)["servers"]["a"]["controls"] == [SSH]


def test_something_else_is_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="redfish_firmware"):
        with_firmware(hardened(), {"servers": {"a": {}}})
