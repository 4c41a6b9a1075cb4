# SPDX-License-Identifier: GPL-3.0-or-later
"""A rotation that is cut off anywhere, any number of times, with a BMC and a store that are models of themselves."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given as given_by
from hypothesis import strategies

from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.errors import NotKept, RedfishApiError
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.rotation import (
    ACCEPTED,
    REFUSED,
    Credential,
    LogIn,
    ReadStore,
    Record,
    Retire,
    SetPassword,
    Step,
    Wanted,
    WriteStore,
    login_for,
    rotate,
    was_refused,
)

WANTED = Wanted("bmc-first", "bmc-second", "2026-11", retired=("root",))
FACTORY = Credential("root", "calvin")
OLD = Record(
    (Credential("bmc-first", "old-1", "2026-05"), Credential("bmc-second", "old-2", "2026-05")), login="bmc-first"
)


class Cut(Exception):
    """The run is killed, or hears nothing any more."""


@dataclass
class World:
    """A BMC and a store. `writes` are what each step has done so far."""

    passwords: dict[str, str]
    store: Record = field(default_factory=Record)
    disabled: set[str] = field(default_factory=set)
    failed_logins: int = 0
    steps: list[Step] = field(default_factory=list)
    keeps_writes: bool = True
    is_whole: bool = True  # nobody else has changed an account of ours
    refuses_first: int = 0
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    def may_log_in(self, login: Credential) -> bool:
        return self.passwords.get(login.username) == login.password and login.username not in self.disabled

    def do(self, step: Step) -> Record | str | None:
        self.steps.append(step)
        if isinstance(step, ReadStore):
            return self.store
        if isinstance(step, WriteStore):
            if self.keeps_writes:
                self.store = step.record
            return None
        self.log_in(step.credential if isinstance(step, LogIn) else step.by)
        if isinstance(step, SetPassword):
            if self.refuses_first:
                self.refuses_first -= 1
                return "the password is too simple"
            self.passwords[step.account] = step.credential.password
            self.disabled.discard(step.account)
        elif isinstance(step, Retire):
            self.disabled |= set(step.usernames) & self.passwords.keys()
        return None

    def log_in(self, login: Credential) -> None:
        if not self.may_log_in(login):
            self.failed_logins += 1
            raise RedfishApiError("login refused", status=401)

    def run(self, given: Credential | None, cut: tuple[int, bool] | None = None) -> None:
        """Rotate, until step number `cut[0]`; with `cut[1]` that one is still done, and nobody hears of it."""
        self.log_in(login_for(self.store, WANTED, given))
        flow = rotate(self.store, WANTED, given, lambda: f"new-{next(self.numbers)}")
        answer: Record | str | None = None
        for number in itertools.count():
            try:
                step = flow.send(answer)
            except StopIteration:
                return
            if cut is not None and cut[0] == number:
                if cut[1]:
                    self.do(step)
                raise Cut
            answer = self.do(step)
            if self.is_whole:
                self.check(given)

    def check(self, given: Credential | None) -> None:
        """Nobody is locked out, and the password of every account of ours is in the store."""
        assert self.failed_logins == 0
        known = [*self.store.proven, *([given] if given else [])]
        assert any(self.may_log_in(login) for login in known)
        # Who takes the login out of the store gets one that works, also while others are changed.
        login = self.store.of(self.store.login)
        assert login is None or self.may_log_in(login)
        settled = {each.username for each in self.store.proven} - {each.username for each in self.store.pending}
        assert all(self.may_log_in(login) for login in self.store.proven if login.username in settled - {"root"})
        stored = {(each.username, each.password) for each in (*self.store.proven, *self.store.pending)}
        ours = {(name, self.passwords[name]) for name in (WANTED.first, WANTED.second) if name in self.passwords}
        assert ours <= stored | ({(given.username, given.password)} if given else set())


def starts() -> dict[str, tuple[World, Credential | None]]:
    """The worlds that a rotation may begin in, and the login that is given."""
    first = Credential("bmc-first", "by-hand")
    return {
        "a new server": (World({"root": "calvin"}), FACTORY),
        "our first one made by hand": (World({"root": "calvin", "bmc-first": "by-hand"}), first),
        "our second one made by hand": (
            World({"root": "calvin", "bmc-second": "by-hand"}),
            Credential("bmc-second", "by-hand"),
        ),
        "rotated before": (World({"root": "calvin", "bmc-first": "old-1", "bmc-second": "old-2"}, OLD), None),
        "a login that somebody else put in the store": (
            World({"root": "calvin"}, Record((Credential("root", "calvin"),), login="root")),
            None,
        ),
    }


START_NAMES = sorted(starts())
# Thirteen steps, the disabling among them, each before and after it was done.
CUTS = [(number, done) for number in range(13) for done in (False, True)]


def is_reached(world: World) -> bool:
    by_name = {each.username: each for each in world.store.proven}
    ours = [by_name[name] for name in (WANTED.first, WANTED.second)]
    good = all(world.may_log_in(each) and each.generation == WANTED.generation for each in ours)
    return good and world.store.pending == () and world.store.login in by_name and "root" in world.disabled


@pytest.mark.parametrize("start", START_NAMES)
def test_a_rotation_has_at_least_twelve_points_to_be_cut_at(start: str) -> None:
    world, given = starts()[start]

    world.run(given)

    assert len(world.steps) == 13
    assert is_reached(world)


@pytest.mark.parametrize("start", START_NAMES)
@pytest.mark.parametrize("cut", CUTS)
def test_a_run_that_is_cut_at_any_point_is_finished_by_the_next_one(start: str, cut: tuple[int, bool]) -> None:
    world, given = starts()[start]
    with pytest.raises(Cut):
        world.run(given, cut)
    world.check(given)

    world.run(given)

    assert is_reached(world)
    assert world.failed_logins == 0


@given_by(strategies.sampled_from(START_NAMES), strategies.lists(strategies.sampled_from(CUTS), max_size=6))
def test_however_often_it_is_cut_nobody_is_locked_out_and_no_password_is_unknown(
    start: str, cuts: Sequence[tuple[int, bool]]
) -> None:
    world, given = starts()[start]
    for cut in cuts:
        with contextlib.suppress(Cut):
            world.run(given, cut)
        world.check(given)
    world.run(given)

    assert is_reached(world)
    assert world.failed_logins == 0


def test_a_server_of_this_generation_gets_no_new_password() -> None:
    world, given = starts()["a new server"]
    world.run(given)
    before = (dict(world.passwords), world.store)
    world.steps.clear()

    world.run(given)

    assert (world.passwords, world.store) == before
    assert [type(step) for step in world.steps] == [Retire]


@pytest.mark.parametrize("cut", CUTS)
def test_a_second_one_that_somebody_locked_or_changed_is_repaired_without_trying_it(cut: tuple[int, bool]) -> None:
    world = World({"bmc-first": "old-1", "bmc-second": "lost", "root": "calvin"}, OLD, {"bmc-second"})

    world.is_whole = False
    with contextlib.suppress(Cut):
        world.run(None, cut)
    world.run(None)

    assert is_reached(world)
    assert world.failed_logins == 0


def test_a_store_that_keeps_nothing_is_found_before_the_bmc_is_changed() -> None:
    world, given = starts()["a new server"]
    world.keeps_writes = False

    with pytest.raises(NotKept, match="does not give back"):
        world.run(given)

    assert world.passwords == {"root": "calvin"}


def test_a_password_that_the_bmc_refuses_leaves_nothing_pending() -> None:
    world, given = starts()["rotated before"]
    world.refuses_first = 1

    with pytest.raises(RedfishApiError, match="too simple"):
        world.run(given)
    assert world.store == OLD
    world.check(given)
    world.run(given)

    assert is_reached(world)


def test_without_any_login_nothing_is_done() -> None:
    with pytest.raises(RedfishApiError, match="no login is left"):
        login_for(Record(), WANTED, None)


def test_a_refused_login_is_left_alone_for_a_quarter_of_an_hour() -> None:
    login = Credential("bmc-first", "x", "2026-11")
    refused = {"account": "bmc-first", "generation": "2026-11", "step": REFUSED, "time": 1000}

    assert was_refused([refused], login, 1001)
    assert not was_refused([refused], login, 1900)
    assert not was_refused([refused, {**refused, "step": ACCEPTED}], login, 1001)
    assert not was_refused([refused], Credential("bmc-first", "x", "2026-12"), 1001)
    assert not was_refused([{**refused, "time": None}], login, 1001)
