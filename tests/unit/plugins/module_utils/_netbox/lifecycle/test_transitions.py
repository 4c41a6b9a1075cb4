# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The transition table, row by row, and what holds for all of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.lifecycle.diagram import draw, update_page
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.lifecycle.find_device import FoundDevice
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.lifecycle.plan import EventPlan, plan_event
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.lifecycle.reported_event import (
    ReportedEvent,
    read_event,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.lifecycle.state import (
    Device,
    Interface,
    IpAddress,
    Snapshot,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.lifecycle.transitions import (
    TRANSITIONS,
    Address,
    Effect,
    Event,
    EventOutcome,
    State,
    find_transition,
)

PAGE = Path(__file__).parents[6] / "docs" / "lifecycle.md"
FREE = (Address.NONE, Address.SAME, Address.OTHER)
# What each event that has no address leads to, state by state; "-" changes nothing, "!" is refused.
MOVES = {
    Event.VALIDATION_PASSED: ("!", State.STAGED, "-", "!", "!", "!", "!"),
    Event.VALIDATION_FAILED: ("!", State.FAILED, State.FAILED, "!", "!", "-", "!"),
    Event.HARDENING_PASSED: ("!", "!", State.READY, "-", "!", "!", "!"),
    Event.HARDENING_FAILED: ("!", "!", State.FAILED, State.FAILED, "!", "-", "!"),
    Event.PROVISIONED: ("!", "!", "!", State.ACTIVE, "-", "!", "!"),
    Event.RETIRED: (*[State.DECOMMISSIONING] * 6, "-"),
    Event.QUARANTINED: (*[State.FAILED] * 5, "-", "!"),
}


@pytest.mark.parametrize("event", MOVES)
def test_an_event_leads_where_it_should_from_every_state(event: Event) -> None:
    found = []
    for state in State:
        row = find_transition(state, event)
        found.append("!" if row.is_problem else row.to or "-")

    assert tuple(found) == MOVES[event]


@pytest.mark.parametrize("relation", FREE)
def test_a_lease_moves_offline_to_discovered_and_refreshes_discovered(relation: Address) -> None:
    offline, discovered = (
        find_transition(state, Event.DHCP_ACK, relation) for state in (State.OFFLINE, State.DISCOVERED)
    )

    assert (offline.to, discovered.to) == (State.DISCOVERED, None)
    assert offline.effects == discovered.effects == (Effect.ASSIGN, Effect.RELEASE)


def test_a_lease_of_an_active_server_only_fills_in_what_is_missing() -> None:
    rows = {relation: find_transition(State.ACTIVE, Event.DHCP_ACK, relation) for relation in Address}

    assert rows[Address.NONE].effects == (Effect.ASSIGN,)
    assert (rows[Address.SAME].problem, rows[Address.SAME].effects) == (None, ())
    assert (rows[Address.OTHER].problem, rows[Address.OTHER].journal) == (EventOutcome.CONFLICT, "warning")


@pytest.mark.parametrize(
    "state",
    [
        State.STAGED,
        State.READY,
        State.FAILED,
        State.DECOMMISSIONING,
        "planned",
        "inventory",
        "",
        "my own",
    ],
)
@pytest.mark.parametrize("relation", Address)
def test_a_lease_in_any_other_state_is_a_warning_and_nothing_else(state: str, relation: Address) -> None:
    row = find_transition(state, Event.DHCP_ACK, relation)

    assert (row.problem, row.journal, row.to, row.effects) == (EventOutcome.REFUSED, "warning", None, ())


@pytest.mark.parametrize("state", [State.OFFLINE, State.DISCOVERED, State.ACTIVE])
def test_an_address_of_something_else_is_a_conflict(state: str) -> None:
    row = find_transition(state, Event.DHCP_ACK, Address.TAKEN)

    assert (row.problem, row.journal, row.to, row.effects) == (EventOutcome.CONFLICT, "warning", None, ())


def test_what_is_not_in_the_table_is_refused_with_its_reason() -> None:
    row = find_transition("planned", Event.PROVISIONED)

    assert row.problem is EventOutcome.REFUSED
    assert row.reason == "provisioned is not expected in state planned"


def test_every_row_can_be_reached() -> None:
    cases = ((state, event, each) for state in (*State, "else") for event in Event for each in (None, *Address))

    assert {find_transition(*case) for case in cases} >= set(TRANSITIONS)


def test_a_row_that_is_only_reported_has_a_reason_and_neither_moves_nor_writes() -> None:
    for row in TRANSITIONS:
        assert row.is_problem == bool(row.reason)
        assert not row.is_problem or (row.to is None and not row.effects)


def test_the_diagram_in_the_documentation_is_that_of_the_table() -> None:
    text = PAGE.read_text(encoding="utf-8")

    assert draw() in text, "run tests/tools/lifecycle"
    assert update_page(text) == text
    with pytest.raises(ValueError, match="no place"):
        update_page("# A page")


# -- events in any order ------------------------------------------------------------------------------------------

PORTS = {number: Interface(10 * number, "iLO", number, f"node{number}") for number in (1, 2, 3)}
HOSTS = [f"10.0.0.{number}" for number in range(1, 5)]


def a_lease(number: int, device: int, host: str) -> tuple[ReportedEvent, FoundDevice]:
    given = {"event": "dhcp_ack", "device": f"node{device}", "ip": host}
    return read_event(number, given), FoundDevice(device, PORTS[device])


def another(number: int, device: int, event: Event) -> tuple[ReportedEvent, FoundDevice]:
    return read_event(number, {"event": event.value, "device": f"node{device}"}), FoundDevice(device)


devices = st.sampled_from(sorted(PORTS))
leases = st.tuples(devices, st.sampled_from(HOSTS))
others = st.tuples(devices, st.sampled_from([event for event in Event if event is not Event.DHCP_ACK]))
stories = st.lists(st.one_of(leases, others), max_size=25)


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    """Three servers in any state; addresses that belong to one of them, to something else, or to nothing."""
    states = [draw(st.sampled_from([*State, "planned"])) for _device in PORTS]
    snapshot = Snapshot(
        {number: Device(number, f"node{number}", state) for number, state in zip(PORTS, states, strict=True)}
    )
    for number, host in enumerate(HOSTS, start=1):
        owner = draw(st.sampled_from(["absent", "free", "else", *PORTS]))
        if owner == "absent":
            continue
        port = PORTS[owner].id if isinstance(owner, int) else None
        whose = f"iLO of node{owner}" if isinstance(owner, int) else ("eth0 of switch" if owner == "else" else "")
        snapshot.addresses[number] = IpAddress(number, f"{host}/24", port, whose)
    return snapshot


def apply(snapshot: Snapshot, story: list[tuple[int, str] | tuple[int, Event]]) -> list[EventPlan]:
    plans = []
    for number, (device, what) in enumerate(story):
        made = another(number, device, what) if isinstance(what, Event) else a_lease(number, device, what)
        plans.append(plan_event(snapshot, *made, nonce=str(number)))
    return plans


@given(snapshots(), stories)
def test_an_event_that_is_repeated_at_once_changes_nothing(
    snapshot: Snapshot, story: list[tuple[int, str] | tuple[int, Event]]
) -> None:
    for event in story:
        (first,) = apply(snapshot, [event])
        kept = snapshot.copy()
        (again,) = apply(snapshot, [event])

        assert snapshot == kept
        assert not again.is_change
        if first.row.is_problem:
            assert again.entry == first.entry
        else:
            assert again.entry is None


@given(snapshots(), stories)
def test_an_address_never_leaves_what_is_not_the_events_server(
    snapshot: Snapshot, story: list[tuple[int, str] | tuple[int, Event]]
) -> None:
    for event in story:
        before = snapshot.copy()
        apply(snapshot, [event])

        for address_id, old in before.addresses.items():
            new = snapshot.addresses[address_id]
            if new != old:
                assert PORTS[event[0]].id in (old.interface_id, new.interface_id)
                assert old.is_free or old.interface_id == PORTS[event[0]].id


@given(snapshots(), stories)
def test_no_address_is_on_two_servers_that_was_not_before(
    snapshot: Snapshot, story: list[tuple[int, str] | tuple[int, Event]]
) -> None:
    apply(snapshot, story)

    for host in {each.host for each in snapshot.addresses.values()}:
        assert len({(each.interface_id, each.owner) for each in snapshot.with_host(host) if not each.is_free}) <= 1


@given(snapshots(), stories)
def test_a_state_moves_along_the_table_only_and_a_discovered_server_has_its_address(
    snapshot: Snapshot, story: list[tuple[int, str] | tuple[int, Event]]
) -> None:
    allowed = {(row.state, row.to) for row in TRANSITIONS if row.to}
    for plan in apply(snapshot, story):
        moved = plan.after != plan.device.state
        assert not moved or (plan.device.state, plan.after) in allowed
        if moved and plan.after == State.DISCOVERED:
            assert plan.interface is not None


@given(snapshots(), st.permutations(list(PORTS)))
def test_leases_of_different_servers_end_the_same_in_any_order(snapshot: Snapshot, order: list[int]) -> None:
    fresh = {1: "10.0.1.1", 2: "10.0.1.2", 3: "10.0.1.3"}
    straight, mixed = snapshot.copy(), snapshot.copy()

    apply(straight, [(device, fresh[device]) for device in PORTS])
    apply(mixed, [(device, fresh[device]) for device in order])

    assert straight.devices == mixed.devices
    for port in PORTS.values():
        held = [{str(each.host) for each in one.on_interface(port.id)} for one in (straight, mixed)]
        assert held[0] == held[1]
