# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The lifecycle of a server as one table. Pure: a state, an event and what is known of the address → what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ..api.journal import DANGER, INFO, SUCCESS, WARNING

OFFLINE, DISCOVERED, STAGED, READY, ACTIVE = "offline", "discovered", "staged", "ready", "active"
# NetBox's own words for what is broken and for what leaves.
FAILED, DECOMMISSIONING = "failed", "decommissioning"
STATES = (OFFLINE, DISCOVERED, STAGED, READY, ACTIVE, FAILED, DECOMMISSIONING)
# In a row of the table: whatever no row before has taken, states of other people's making included.
ANY_OTHER = "any other"


class Event(Enum):
    """What happens to a server."""

    DHCP_ACK = "dhcp_ack"
    VALIDATION_PASSED = "validation_passed"
    VALIDATION_FAILED = "validation_failed"
    HARDENING_PASSED = "hardening_passed"
    HARDENING_FAILED = "hardening_failed"
    PROVISIONED = "provisioned"
    RETIRED = "retired"
    QUARANTINED = "quarantined"


class Address(Enum):
    """How the address of an event relates to what NetBox has; what guards ask."""

    NONE = "no address recorded"
    SAME = "this address recorded"
    OTHER = "another address recorded"
    TAKEN = "address belongs to something else"


class Effect(Enum):
    """What is done before the state moves."""

    ASSIGN = "assign the address"
    RELEASE = "release others"


class Outcome(Enum):
    """How an event ends where nothing goes wrong on the way."""

    APPLIED = "applied"
    CONFLICT = "conflict"
    REFUSED = "refused"


@dataclass(frozen=True)
class Transition:
    """A row: in `state`, on `event`, while `guard` holds (empty: always), do `effects`, then be `to` (None: stay).

    `journal` is the kind of the entry, None for no entry unless something was changed. `reason` is for people.
    """

    state: str
    event: Event
    guard: tuple[Address, ...] = ()
    to: str | None = None
    effects: tuple[Effect, ...] = ()
    outcome: Outcome = Outcome.APPLIED
    journal: str = INFO
    reason: str = ""

    @property
    def is_problem(self) -> bool:
        """Whether nothing is done but telling."""
        return self.outcome is not Outcome.APPLIED


_FREE = (Address.NONE, Address.SAME, Address.OTHER)
_RECORD = (Effect.ASSIGN, Effect.RELEASE)
_ACK = Event.DHCP_ACK
_TAKEN = "the address belongs to something else in NetBox; it is never taken away"


def _refused(state: str, event: Event, reason: str, **more: str) -> Transition:
    return Transition(state, event, outcome=Outcome.REFUSED, journal=more.get("journal", WARNING), reason=reason)


# The first row that fits counts. What no row fits is refused.
TRANSITIONS: tuple[Transition, ...] = (
    # A BMC got a lease.
    Transition(OFFLINE, _ACK, _FREE, DISCOVERED, _RECORD, journal=SUCCESS),
    Transition(OFFLINE, _ACK, (Address.TAKEN,), outcome=Outcome.CONFLICT, journal=WARNING, reason=_TAKEN),
    Transition(DISCOVERED, _ACK, _FREE, None, _RECORD),
    Transition(DISCOVERED, _ACK, (Address.TAKEN,), outcome=Outcome.CONFLICT, journal=WARNING, reason=_TAKEN),
    Transition(ACTIVE, _ACK, (Address.NONE,), None, (Effect.ASSIGN,)),
    Transition(ACTIVE, _ACK, (Address.SAME,)),
    Transition(
        ACTIVE,
        _ACK,
        (Address.OTHER,),
        outcome=Outcome.CONFLICT,
        journal=WARNING,
        reason="an active server's BMC got another address than the recorded one; nothing was changed",
    ),
    Transition(ACTIVE, _ACK, (Address.TAKEN,), outcome=Outcome.CONFLICT, journal=WARNING, reason=_TAKEN),
    _refused(ANY_OTHER, _ACK, "a lease of a BMC changes nothing in this state"),
    # What validation, hardening and provisioning report.
    Transition(DISCOVERED, Event.VALIDATION_PASSED, (), STAGED, journal=SUCCESS),
    Transition(STAGED, Event.VALIDATION_PASSED),
    Transition(DISCOVERED, Event.VALIDATION_FAILED, (), FAILED, journal=DANGER),
    Transition(STAGED, Event.VALIDATION_FAILED, (), FAILED, journal=DANGER),
    Transition(FAILED, Event.VALIDATION_FAILED),
    Transition(STAGED, Event.HARDENING_PASSED, (), READY, journal=SUCCESS),
    Transition(READY, Event.HARDENING_PASSED),
    Transition(STAGED, Event.HARDENING_FAILED, (), FAILED, journal=DANGER),
    Transition(READY, Event.HARDENING_FAILED, (), FAILED, journal=DANGER),
    Transition(FAILED, Event.HARDENING_FAILED),
    # A person has put it there, or has to look at it: no late result takes it back into the pool.
    _refused(FAILED, Event.VALIDATION_PASSED, "who failed or was quarantined is put back to discovered by a person"),
    _refused(FAILED, Event.HARDENING_PASSED, "who failed or was quarantined is put back to discovered by a person"),
    Transition(READY, Event.PROVISIONED, (), ACTIVE, journal=SUCCESS),
    Transition(ACTIVE, Event.PROVISIONED),
    _refused(FAILED, Event.PROVISIONED, "a server that failed or was quarantined is not handed over", journal=DANGER),
    # What people decide.
    *(
        Transition(state, Event.QUARANTINED, (), FAILED, journal=DANGER)
        for state in (OFFLINE, DISCOVERED, STAGED, READY, ACTIVE)
    ),
    Transition(FAILED, Event.QUARANTINED),
    *(
        Transition(state, Event.RETIRED, (), DECOMMISSIONING, journal=INFO)
        for state in (OFFLINE, DISCOVERED, STAGED, READY, ACTIVE, FAILED)
    ),
    Transition(DECOMMISSIONING, Event.RETIRED),
)


def find_transition(state: str, event: Event, address: Address | None = None) -> Transition:
    """The row for this case; `address` is what guards ask, None for events that have none. Never raises."""
    for row in TRANSITIONS:
        fits = row.state in (state, ANY_OTHER) and row.event is event
        if fits and (not row.guard or address in row.guard):
            return row
    return _refused(state, event, f"{event.value} is not expected in state {state or 'unset'}")
