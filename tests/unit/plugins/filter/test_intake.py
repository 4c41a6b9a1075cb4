# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.filter import intake_events as events_file
from ansible_collections.baremetal.bcm.plugins.filter import intake_verdict as verdict_file
from ansible_collections.baremetal.bcm.plugins.filter.intake_events import intake_events
from ansible_collections.baremetal.bcm.plugins.filter.intake_verdict import intake_verdict

OUTCOMES = ("changed", "unchanged", "conflict", "refused", "not_found", "failed")  # as users see them


def row(number: int, *, waited_s: float = 1.0, ip: str = "10.229.10.11") -> dict[str, Any]:
    mac = f"02:00:00:00:00:{number:02x}"
    return {
        "receipt": f"{mac}#{number}",
        "mac": mac,
        "ip": ip,
        "hostname": "ilo",
        "last_seen": "2026-11-20T18:30:00.125Z",
        "waited_s": waited_s,
    }


def brought(*outcomes: str) -> dict[str, Any]:
    """Give what the lifecycle returns for the rows 0, 1, 2, … in another order."""
    events = [{"key": row(number)["receipt"], "outcome": each, "message": each} for number, each in enumerate(outcomes)]
    return {"events": events[::-1]}


def test_an_event_has_the_receipt_as_its_key_and_what_the_journal_shows() -> None:
    (event,) = intake_events([row(1)])

    assert event == {
        "event": "dhcp_ack",
        "key": "02:00:00:00:00:01#1",
        "mac": "02:00:00:00:00:01",
        "ip": "10.229.10.11",
        "hostname": "ilo",
        "time": "2026-11-20T18:30:00.125Z",
    }


def test_the_smallest_network_gives_the_length_of_the_prefix() -> None:
    networks = ["10.0.0.0/8", "10.229.10.0/24", "10.229.0.0/16"]
    rows = [row(1), row(2, ip="10.229.11.1"), row(3, ip="10.1.1.1"), row(4, ip="192.0.2.1")]

    lengths = [event.get("prefix_length") for event in intake_events(rows, networks)]

    assert lengths == [24, 16, 8, None]


@pytest.mark.parametrize("text", ["10.229.10.1/24", "bmc", ""])
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(AnsibleFilterError, match="no network"):
        intake_events([row(1)], [text])


def test_what_netbox_has_or_contradicts_is_acknowledged_and_what_failed_is_tried_again() -> None:
    rows = [row(number) for number in range(len(OUTCOMES))]

    verdict = intake_verdict(rows, brought(*OUTCOMES))

    assert verdict["acknowledge"] == [each["receipt"] for each in rows[:5]]
    assert (verdict["retry"], verdict["later"]) == ([rows[5]["receipt"]], [])
    assert verdict["counts"] == dict.fromkeys(OUTCOMES, 1)
    assert verdict["failures"] == {rows[5]["mac"]: "failed"}


def test_what_netbox_refuses_until_it_is_changed_is_a_failure_that_is_not_tried_again() -> None:
    rows = [row(0)]
    result = {"key": rows[0]["receipt"], "outcome": "failed", "lasting": True, "message": "Cannot create IP address"}

    verdict = intake_verdict(rows, {"events": [result]}, unknown_seconds=60)

    assert (verdict["acknowledge"], verdict["retry"], verdict["later"]) == ([rows[0]["receipt"]], [], [])
    assert verdict["failures"] == {rows[0]["mac"]: "Cannot create IP address"}


def test_what_netbox_does_not_know_is_kept_until_it_has_waited_long_enough() -> None:
    rows = [row(0, waited_s=59), row(1, waited_s=60)]

    verdict = intake_verdict(rows, brought("not_found", "not_found"), unknown_seconds=60)

    assert (verdict["later"], verdict["acknowledge"]) == ([rows[0]["receipt"]], [rows[1]["receipt"]])
    assert ["kept" in line for line in verdict["lines"]] == [True, False]


def test_a_lifecycle_that_failed_as_a_whole_fails_every_row() -> None:
    rows = [row(0), row(1)]

    verdict = intake_verdict(rows, {"failed": True, "msg": "could not reach NetBox"}, unknown_seconds=60)

    assert verdict["retry"] == [each["receipt"] for each in rows]
    assert set(verdict["failures"].values()) == {"could not reach NetBox"}
    assert (verdict["acknowledge"], verdict["later"]) == ([], [])


def test_a_row_that_the_lifecycle_did_not_mention_is_tried_again() -> None:
    assert intake_verdict([row(0), row(1)], brought("changed"))["retry"] == [row(1)["receipt"]]


def test_the_batches_add_up() -> None:
    first = intake_verdict([row(0), row(1)], brought("changed", "failed"))

    second = intake_verdict([row(0)], brought("changed"), so_far=first)

    assert second["counts"] == {"changed": 2, "failed": 1}
    assert second["failures"] == first["failures"]
    assert (second["acknowledge"], second["retry"]) == ([row(0)["receipt"]], [])


def test_a_line_shows_the_server_and_its_states() -> None:
    result = {
        "key": row(0)["receipt"],
        "outcome": "changed",
        "device": "dgx-05",
        "state_before": "offline",
        "state_after": "discovered",
        "effects": ["10.229.10.11 assigned to iLO"],
        "message": "offline → discovered: 10.229.10.11 assigned to iLO",
    }

    (line,) = intake_verdict([row(0)], {"events": [result]})["lines"]

    assert line == (
        "02:00:00:00:00:00  10.229.10.11  dgx-05  offline -> discovered  changed  10.229.10.11 assigned to iLO"
    )


def test_a_line_shows_why_nothing_was_done() -> None:
    result = {
        "key": row(0)["receipt"],
        "outcome": "refused",
        "device": "dgx-05",
        "state_before": "ready",
        "message": "no",
    }

    (line,) = intake_verdict([row(0)], {"events": [{**result, "state_after": "ready"}]})["lines"]

    assert line == "02:00:00:00:00:00  10.229.10.11  dgx-05  ready  refused  no"


def test_nothing_was_leased() -> None:
    assert intake_events([]) == []
    assert intake_verdict([], {})["lines"] == []


@given(
    st.lists(st.sampled_from([*OUTCOMES, ""]), max_size=8),
    st.lists(st.floats(0, 100), min_size=8, max_size=8),
    st.floats(0, 100),
)
def test_every_row_goes_exactly_one_way_and_none_is_deleted_that_failed(
    outcomes: list[str], waited: list[float], unknown_seconds: float
) -> None:
    rows = [row(number, waited_s=waited[number]) for number in range(len(outcomes))]
    returned = {"events": [event for event in brought(*outcomes)["events"] if event["outcome"]]}

    verdict = intake_verdict(rows, returned, unknown_seconds=unknown_seconds)

    ways = verdict["acknowledge"] + verdict["retry"] + verdict["later"]
    assert sorted(ways) == sorted(each["receipt"] for each in rows)
    failed = {rows[number]["receipt"] for number, outcome in enumerate(outcomes) if outcome in ("failed", "")}
    assert set(verdict["retry"]) == failed


def test_the_filters_have_the_names_they_are_documented_under() -> None:
    assert events_file.FilterModule().filters() == {"intake_events": intake_events}
    assert verdict_file.FilterModule().filters() == {"intake_verdict": intake_verdict}
