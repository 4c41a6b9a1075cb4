# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The transition table, row by row, and what holds for all of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.lifecycle.diagram import draw, redrawn
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.lifecycle.find_device import Target
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.lifecycle.plan import Planned, plan_event
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.lifecycle.reported_event import (
    Occurrence,
    read_occurrence,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.lifecycle.state import (
    Device,
    Interface,
    IpAddress,
    World,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.lifecycle.transitions import (
    ACTIVE,
    DECOMMISSIONING,
    DISCOVERED,
    FAILED,
    OFFLINE,
    READY,
    STAGED,
    STATES,
    TRANSITIONS,
    Address,
    Effect,
    Event,
    Outcome,
    find_transition,
)

PAGE = Path(__file__).parents[6] / "docs" / "lifecycle.md"
FREE = (Address.NONE, Address.SAME, Address.OTHER)
# What each event that has no address leads to, state by state; "-" stays without a word, "!" is refused.
MOVES = {
    Event.VALIDATION_PASSED: ("!", STAGED, "-", "!", "!", "!", "!"),
    Event.VALIDATION_FAILED: ("!", FAILED, FAILED, "!", "!", "-", "!"),
    Event.HARDENING_PASSED: ("!", "!", READY, "-", "!", "!", "!"),
    Event.HARDENING_FAILED: ("!", "!", FAILED, FAILED, "!", "-", "!"),
    Event.PROVISIONED: ("!", "!", "!", ACTIVE, "-", "!", "!"),
    Event.RETIRED: (*[DECOMMISSIONING] * 6, "-"),
    Event.QUARANTINED: (*[FAILED] * 5, "-", "!"),
}


@pytest.mark.parametrize("event", MOVES)
def test_an_event_leads_where_it_should_from_every_state(event: Event) -> None:
    found = []
    for state in (OFFLINE, DISCOVERED, STAGED, READY, ACTIVE, FAILED, DECOMMISSIONING):
        row = find_transition(state, event)
        found.append("!" if row.is_problem else row.to or "-")

    assert tuple(found) == MOVES[event]


@pytest.mark.parametrize("relation", FREE)
def test_a_lease_moves_offline_to_discovered_and_refreshes_discovered(relation: Address) -> None:
    offline, discovered = (find_transition(state, Event.DHCP_ACK, relation) for state in (OFFLINE, DISCOVERED))

    assert (offline.to, discovered.to) == (DISCOVERED, None)
    assert offline.effects == discovered.effects == (Effect.ASSIGN, Effect.RELEASE)


def test_a_lease_of_an_active_server_only_fills_in_what_is_missing() -> None:
    rows = {relation: find_transition(ACTIVE, Event.DHCP_ACK, relation) for relation in Address}

    assert rows[Address.NONE].effects == (Effect.ASSIGN,)
    assert (rows[Address.SAME].outcome, rows[Address.SAME].effects) == (Outcome.APPLIED, ())
    assert (rows[Address.OTHER].outcome, rows[Address.OTHER].journal) == (Outcome.CONFLICT, "warning")


@pytest.mark.parametrize(
    "state", [STAGED, READY, FAILED, DECOMMISSIONING, "planned", "inventory", "", "somebody's own"]
)
@pytest.mark.parametrize("relation", Address)
def test_a_lease_in_any_other_state_is_a_warning_and_nothing_else(state: str, relation: Address) -> None:
    row = find_transition(state, Event.DHCP_ACK, relation)

    assert (row.outcome, row.journal, row.to, row.effects) == (Outcome.REFUSED, "warning", None, ())


@pytest.mark.parametrize("state", [OFFLINE, DISCOVERED, ACTIVE])
def test_an_address_of_something_else_is_a_conflict(state: str) -> None:
    row = find_transition(state, Event.DHCP_ACK, Address.TAKEN)

    assert (row.outcome, row.journal, row.to, row.effects) == (Outcome.CONFLICT, "warning", None, ())


def test_what_is_not_in_the_table_is_refused_with_its_reason() -> None:
    row = find_transition("planned", Event.PROVISIONED)

    assert row.outcome is Outcome.REFUSED
    assert row.reason == "provisioned is not expected in state planned"


def test_every_row_can_be_reached() -> None:
    cases = ((state, event, each) for state in (*STATES, "else") for event in Event for each in (None, *Address))

    assert {find_transition(*case) for case in cases} >= set(TRANSITIONS)


def test_a_row_that_does_nothing_but_tell_has_a_reason_and_neither_moves_nor_writes() -> None:
    for row in TRANSITIONS:
        assert row.is_problem == bool(row.reason)
        assert not row.is_problem or (row.to is None and not row.effects)


def test_the_picture_in_the_documentation_is_that_of_the_table() -> None:
    text = PAGE.read_text(encoding="utf-8")

    assert draw() in text, "run tests/tools/lifecycle"
    assert redrawn(text) == text
    with pytest.raises(ValueError, match="no place"):
        redrawn("# A page")


# -- events in any order ------------------------------------------------------------------------------------------

PORTS = {number: Interface(10 * number, "iLO", number, f"node{number}") for number in (1, 2, 3)}
HOSTS = [f"10.0.0.{number}" for number in range(1, 5)]


def a_lease(number: int, device: int, host: str) -> tuple[Occurrence, Target]:
    given = {"event": "dhcp_ack", "device": f"node{device}", "ip": host}
    return read_occurrence(number, given), Target(device, PORTS[device])


def another(number: int, device: int, event: Event) -> tuple[Occurrence, Target]:
    return read_occurrence(number, {"event": event.value, "device": f"node{device}"}), Target(device)


devices = st.sampled_from(sorted(PORTS))
leases = st.tuples(devices, st.sampled_from(HOSTS))
others = st.tuples(devices, st.sampled_from([event for event in Event if event is not Event.DHCP_ACK]))
stories = st.lists(st.one_of(leases, others), max_size=25)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Three servers in any state; addresses that belong to one of them, to something else, or to nobody."""
    states = [draw(st.sampled_from([*STATES, "planned"])) for _device in PORTS]
    world = World({number: Device(number, f"node{number}", state) for number, state in zip(PORTS, states, strict=True)})
    for number, host in enumerate(HOSTS, start=1):
        owner = draw(st.sampled_from(["absent", "free", "else", *PORTS]))
        if owner == "absent":
            continue
        port = PORTS[owner].id if isinstance(owner, int) else None
        whose = f"iLO of node{owner}" if isinstance(owner, int) else ("eth0 of switch" if owner == "else" else "")
        world.addresses[number] = IpAddress(number, f"{host}/24", port, whose)
    return world


def tell(world: World, story: list[tuple[int, str] | tuple[int, Event]]) -> list[Planned]:
    plans = []
    for number, (device, what) in enumerate(story):
        made = another(number, device, what) if isinstance(what, Event) else a_lease(number, device, what)
        plans.append(plan_event(world, *made, nonce=str(number)))
    return plans


@given(worlds(), stories)
def test_an_event_that_is_repeated_at_once_changes_nothing(
    world: World, story: list[tuple[int, str] | tuple[int, Event]]
) -> None:
    for event in story:
        (first,) = tell(world, [event])
        kept = world.copy()
        (again,) = tell(world, [event])

        assert world == kept
        assert not again.is_change
        if first.row.is_problem:
            assert again.entry == first.entry
        else:
            assert again.entry is None


@given(worlds(), stories)
def test_an_address_never_leaves_what_is_not_the_events_server(
    world: World, story: list[tuple[int, str] | tuple[int, Event]]
) -> None:
    for event in story:
        before = world.copy()
        tell(world, [event])

        for address_id, old in before.addresses.items():
            new = world.addresses[address_id]
            if new != old:
                assert PORTS[event[0]].id in (old.interface_id, new.interface_id)
                assert old.is_free or old.interface_id == PORTS[event[0]].id


@given(worlds(), stories)
def test_no_address_is_on_two_servers_that_was_not_before(
    world: World, story: list[tuple[int, str] | tuple[int, Event]]
) -> None:
    tell(world, story)

    for host in {each.host for each in world.addresses.values()}:
        assert len({(each.interface_id, each.owner) for each in world.with_host(host) if not each.is_free}) <= 1


@given(worlds(), stories)
def test_a_state_moves_along_the_table_only_and_a_discovered_server_has_its_address(
    world: World, story: list[tuple[int, str] | tuple[int, Event]]
) -> None:
    allowed = {(row.state, row.to) for row in TRANSITIONS if row.to}
    for plan in tell(world, story):
        moved = plan.after != plan.device.state
        assert not moved or (plan.device.state, plan.after) in allowed
        if moved and plan.after == DISCOVERED:
            assert plan.interface is not None


@given(worlds(), st.permutations(list(PORTS)))
def test_leases_of_different_servers_end_the_same_in_any_order(world: World, order: list[int]) -> None:
    fresh = {1: "10.0.1.1", 2: "10.0.1.2", 3: "10.0.1.3"}
    straight, mixed = world.copy(), world.copy()

    tell(straight, [(device, fresh[device]) for device in PORTS])
    tell(mixed, [(device, fresh[device]) for device in order])

    assert straight.devices == mixed.devices
    for port in PORTS.values():
        held = [{str(each.host) for each in one.on_interface(port.id)} for one in (straight, mixed)]
        assert held[0] == held[1]
