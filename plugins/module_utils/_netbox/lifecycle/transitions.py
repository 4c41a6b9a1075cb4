# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The lifecycle of a server as one table. Pure: a state, an event and what is known of the address → what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ..._values.word import Word
from ..api.journal import DANGER, INFO, SUCCESS, WARNING

# In a row of the table: every state that no row before it has, those that are not of the lifecycle included.
ANY_OTHER = "any other"


class State(Word):
    """The states of the lifecycle, in their order. A device may be in another state, which is then a plain text."""

    OFFLINE = "offline"
    DISCOVERED = "discovered"
    STAGED = "staged"
    READY = "ready"
    ACTIVE = "active"
    # NetBox's own words for what is broken and for what leaves.
    FAILED = "failed"
    DECOMMISSIONING = "decommissioning"


class Event(Word):
    """What happens to a server."""

    DHCP_ACK = "dhcp_ack"
    VALIDATION_PASSED = "validation_passed"
    VALIDATION_FAILED = "validation_failed"
    HARDENING_PASSED = "hardening_passed"
    HARDENING_FAILED = "hardening_failed"
    PROVISIONED = "provisioned"
    RETIRED = "retired"
    QUARANTINED = "quarantined"
    READMITTED = "readmitted"


class Address(Enum):
    """How the address of an event relates to what NetBox has; guards of rows ask for it."""

    NONE = "no address recorded"
    SAME = "this address recorded"
    OTHER = "another address recorded"
    TAKEN = "address belongs to something else"


class Effect(Enum):
    """What is done before the state changes."""

    ASSIGN = "assign the address"
    RELEASE = "release others"


class EventOutcome(Word):
    """What became of an event."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    CONFLICT = "conflict"  # NetBox contradicts the event
    REFUSED = "refused"  # the event has no place in the state, or can't be used
    NOT_FOUND = "not_found"  # NetBox does not know the server
    FAILED = "failed"  # NetBox could not be read or written


@dataclass(frozen=True)
class Transition:
    """A row: in `state`, on `event`, while `guard` holds (empty: always), do `effects`, then be `to` (None: stay).

    `problem` is the outcome of an event that is not applied, for the `reason` given; None where it is applied, with the
    outcome `changed` or `unchanged`. `journal` is the kind of the journal entry, if one is written.
    """

    state: str
    event: Event
    guard: tuple[Address, ...] = ()
    to: State | None = None
    effects: tuple[Effect, ...] = ()
    problem: EventOutcome | None = None
    journal: str = INFO
    reason: str = ""

    @property
    def is_problem(self) -> bool:
        """Return whether the event is reported and not applied."""
        return self.problem is not None


_FREE = (Address.NONE, Address.SAME, Address.OTHER)
_RECORD = (Effect.ASSIGN, Effect.RELEASE)
_ACK = Event.DHCP_ACK
_TAKEN = "the address belongs to something else in NetBox; it is never taken away"
_NOT_HANDED_OVER = "a server that failed or was quarantined is not handed over"
_BY_HAND = "a person has to put a server that failed or was quarantined back to discovered"


def _refused(state: str, event: Event, reason: str, **more: str) -> Transition:
    return Transition(state, event, problem=EventOutcome.REFUSED, journal=more.get("journal", WARNING), reason=reason)


# The first row that fits counts. What no row fits is refused.
TRANSITIONS: tuple[Transition, ...] = (
    # A BMC got a lease.
    Transition(State.OFFLINE, _ACK, _FREE, State.DISCOVERED, _RECORD, journal=SUCCESS),
    Transition(State.OFFLINE, _ACK, (Address.TAKEN,), problem=EventOutcome.CONFLICT, journal=WARNING, reason=_TAKEN),
    Transition(State.DISCOVERED, _ACK, _FREE, None, _RECORD),
    Transition(State.DISCOVERED, _ACK, (Address.TAKEN,), problem=EventOutcome.CONFLICT, journal=WARNING, reason=_TAKEN),
    Transition(State.ACTIVE, _ACK, (Address.NONE,), None, (Effect.ASSIGN,)),
    Transition(State.ACTIVE, _ACK, (Address.SAME,)),
    Transition(
        State.ACTIVE,
        _ACK,
        (Address.OTHER,),
        problem=EventOutcome.CONFLICT,
        journal=WARNING,
        reason="an active server's BMC got another address than the recorded one; nothing was changed",
    ),
    Transition(State.ACTIVE, _ACK, (Address.TAKEN,), problem=EventOutcome.CONFLICT, journal=WARNING, reason=_TAKEN),
    _refused(ANY_OTHER, _ACK, "a lease of a BMC changes nothing in this state"),
    # What validation, hardening and provisioning report.
    Transition(State.DISCOVERED, Event.VALIDATION_PASSED, (), State.STAGED, journal=SUCCESS),
    Transition(State.STAGED, Event.VALIDATION_PASSED),
    Transition(State.DISCOVERED, Event.VALIDATION_FAILED, (), State.FAILED, journal=DANGER),
    Transition(State.STAGED, Event.VALIDATION_FAILED, (), State.FAILED, journal=DANGER),
    Transition(State.FAILED, Event.VALIDATION_FAILED),
    Transition(State.STAGED, Event.HARDENING_PASSED, (), State.READY, journal=SUCCESS),
    Transition(State.READY, Event.HARDENING_PASSED),
    Transition(State.STAGED, Event.HARDENING_FAILED, (), State.FAILED, journal=DANGER),
    Transition(State.READY, Event.HARDENING_FAILED, (), State.FAILED, journal=DANGER),
    Transition(State.FAILED, Event.HARDENING_FAILED),
    # A person has put it there, or has to look at it: no late result brings it back into use.
    _refused(State.FAILED, Event.VALIDATION_PASSED, _BY_HAND),
    _refused(State.FAILED, Event.HARDENING_PASSED, _BY_HAND),
    Transition(State.READY, Event.PROVISIONED, (), State.ACTIVE, journal=SUCCESS),
    Transition(State.ACTIVE, Event.PROVISIONED),
    _refused(State.FAILED, Event.PROVISIONED, _NOT_HANDED_OVER, journal=DANGER),
    # What people decide.
    *(
        Transition(state, Event.QUARANTINED, (), State.FAILED, journal=DANGER)
        for state in (State.OFFLINE, State.DISCOVERED, State.STAGED, State.READY, State.ACTIVE)
    ),
    Transition(State.FAILED, Event.QUARANTINED),
    Transition(State.FAILED, Event.READMITTED, (), State.DISCOVERED, journal=WARNING),
    Transition(State.DISCOVERED, Event.READMITTED),
    *(
        Transition(state, Event.RETIRED, (), State.DECOMMISSIONING, journal=INFO)
        for state in (State.OFFLINE, State.DISCOVERED, State.STAGED, State.READY, State.ACTIVE, State.FAILED)
    ),
    Transition(State.DECOMMISSIONING, Event.RETIRED),
)


def find_transition(state: str, event: Event, address: Address | None = None) -> Transition:
    """Find the row for this case; `address` is what guards ask, None for events without one. Never raises."""
    for row in TRANSITIONS:
        fits = row.state in (state, ANY_OTHER) and row.event is event
        if fits and (not row.guard or address in row.guard):
            return row
    return _refused(state, event, f"{event.value} is not expected in state {state or 'unset'}")
