# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._bmc.flow import Ask, Flow, IpmiReply
from ansible_collections.baremetal.bcm.plugins.module_utils._bmc.ipmi import Ipmi
from ansible_collections.baremetal.bcm.plugins.module_utils._bmc.ipmi_power import IpmiPower
from ansible_collections.baremetal.bcm.plugins.module_utils._bmc.power import Failure, PowerResult
from ansible_collections.baremetal.bcm.plugins.module_utils._bmc.schedule import Limits
from ansible_collections.baremetal.bcm.plugins.module_utils._bmc.session import Bmc, SessionEvent

from ...fake_clock import FakeClock
from .fake_sessions import FakeBmc, FakeSessions

PASSWORD = "bmc-secret"
WRONG = "Incorrect password provided"


@dataclass
class Hall:
    """BMCs bmc1, bmc2, … at 10.148.0.1, …, and the record of their sessions."""

    bmcs: dict[str, FakeBmc]
    limits: Limits = field(default_factory=lambda: Limits(connect_s=5, tries=3, retry_delay_s=10, deadline_s=60))
    boot_device: str = ""
    users: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clock = FakeClock()
        by_address = {self.address_of(name): bmc for name, bmc in self.bmcs.items()}
        self.sessions = FakeSessions(self.clock, by_address)
        accounts = {
            name: Bmc(self.address_of(name), self.users.get(name, "admin"), PASSWORD, 6230, "OPERATOR")
            for name in self.bmcs
        }
        engine = Ipmi(self.limits, self.clock.now_s, self.sessions)
        self.power = IpmiPower(accounts, engine, timeout_s=8, interval_s=1, boot_device=self.boot_device)

    def address_of(self, name: str) -> str:
        return f"10.148.0.{name.removeprefix('bmc')}"

    def switch(self, action: str) -> dict[str, PowerResult]:
        results = self.power.run(dict.fromkeys(self.bmcs, action), {})
        assert not self.sessions.open_now
        return results

    def states(self) -> dict[str, PowerResult]:
        results = self.power.states(list(self.bmcs))
        assert not self.sessions.open_now
        return results


def make_hall(count: int, others: dict[str, FakeBmc] | None = None, **options: Any) -> Hall:
    bmcs = {f"bmc{number}": FakeBmc() for number in range(1, count + 1)}
    return Hall(bmcs | (others or {}), **options)


def failures_of(results: dict[str, PowerResult]) -> dict[str, str]:
    return {name: result.failure.value for name, result in results.items() if result.failure}


# -- all is well --


def test_states_are_read_and_nothing_is_sent() -> None:
    hall = make_hall(3, {"bmc2": FakeBmc("ON")})

    states = hall.states()

    assert {name: state.after for name, state in states.items()} == {"bmc1": "OFF", "bmc2": "ON", "bmc3": "OFF"}
    assert {request.command for bmc in hall.bmcs.values() for request in bmc.requests} == {0x01}


@pytest.mark.parametrize(
    ("action", "before", "after", "sent"),
    [("on", "OFF", "ON", ("ON",)), ("off", "ON", "OFF", ("OFF",)), ("cycle", "ON", "ON", ("OFF", "ON"))],
)
def test_power_is_read_switched_and_proven_in_one_session(
    action: str, before: str, after: str, sent: tuple[str, ...]
) -> None:
    hall = make_hall(0, {f"bmc{number}": FakeBmc(before) for number in range(1, 6)})

    results = hall.switch(action)

    assert {(result.before, result.after, result.sent, result.error) for result in results.values()} == {
        (before, after, sent, "")
    }
    assert {(bmc.power, bmc.opened) for bmc in hall.bmcs.values()} == {(after, 1)}


def test_the_account_port_and_privilege_are_those_given() -> None:
    hall = make_hall(1)
    hall.states()

    assert hall.sessions.accounts == [Bmc("10.148.0.1", "admin", PASSWORD, 6230, "OPERATOR")]


def test_no_more_sessions_are_open_than_allowed() -> None:
    hall = make_hall(30, limits=Limits(in_flight=7))

    hall.states()

    assert hall.sessions.most_open == 7


def test_all_are_spoken_to_at_once_after_the_first() -> None:
    hall = make_hall(50)

    hall.states()

    assert hall.clock.now_s() < 0.1


def test_no_bmc_is_no_session() -> None:
    assert make_hall(0).states() == {}


# -- the canary --


def test_a_wrong_password_for_all_touches_two() -> None:
    hall = make_hall(0, {f"bmc{number}": FakeBmc(logins=[WRONG]) for number in range(1, 21)})

    results = hall.switch("on")

    assert [name for name, bmc in hall.bmcs.items() if bmc.opened] == ["bmc1", "bmc2"]
    assert {bmc.opened for bmc in hall.bmcs.values()} == {0, 1}
    assert failures_of(results) == {
        name: "credentials" if name in ("bmc1", "bmc2") else "not tried" for name in hall.bmcs
    }
    assert results["bmc20"].error == (
        "not tried: its credentials were refused by bmc1 (10.148.0.1), bmc2 (10.148.0.2); "
        "correct them first (not tried, BMC 10.148.0.20)"
    )
    assert results["bmc20"].tries == 0
    assert PASSWORD not in repr(results)


def test_one_that_refuses_fails_alone() -> None:
    hall = make_hall(9, {"bmc1": FakeBmc(logins=[WRONG])})

    assert failures_of(hall.switch("on")) == {"bmc1": "credentials"}
    assert hall.bmcs["bmc1"].opened == 1


def test_other_credentials_go_on() -> None:
    refusing = {f"bmc{number}": FakeBmc(logins=[WRONG]) for number in (1, 2, 3)}
    hall = make_hall(6, refusing, users=dict.fromkeys(refusing, "other"))

    assert failures_of(hall.states()) == {"bmc1": "credentials", "bmc2": "credentials", "bmc3": "not tried"}


def test_a_bmc_that_refused_is_not_asked_in_a_later_batch_either() -> None:
    hall = make_hall(4, {"bmc1": FakeBmc(logins=[WRONG]), "bmc2": FakeBmc(logins=[WRONG])})
    states = hall.states()
    assert failures_of(states) == {
        "bmc1": "credentials",
        "bmc2": "credentials",
        "bmc3": "not tried",
        "bmc4": "not tried",
    }

    assert hall.switch("on") == states
    assert [bmc.opened for bmc in hall.bmcs.values()] == [1, 1, 0, 0]


def test_a_refusal_says_that_a_locked_account_looks_the_same() -> None:
    hall = make_hall(1, {"bmc1": FakeBmc(logins=["Unauthorized name in RAKP2"])})

    assert hall.states()["bmc1"].error == (
        "the BMC refuses the login: Unauthorized name in RAKP2; not tried again, a locked account looks the same "
        "(credentials, BMC 10.148.0.1)"
    )


# -- trouble --


def test_a_silent_bmc_is_given_up_after_its_tries_and_delays_no_other() -> None:
    hall = make_hall(5, {"bmc2": FakeBmc(silent=True)})

    results = hall.switch("on")

    assert failures_of(results) == {"bmc2": "unreachable"}
    assert results["bmc2"].error == ("the BMC does not answer: no answer within 5 s (unreachable, BMC 10.148.0.2)")
    assert (results["bmc2"].tries, hall.bmcs["bmc2"].opened) == (3, 3)
    # Three tries of five seconds and two sleeps.
    assert results["bmc2"].seconds == pytest.approx(35, abs=0.5)
    assert max(result.seconds for name, result in results.items() if name != "bmc2") < 1


def test_a_silent_canary_holds_up_the_others_for_one_try() -> None:
    hall = make_hall(5, {"bmc1": FakeBmc(silent=True)})

    results = hall.switch("on")

    assert failures_of(results) == {"bmc1": "unreachable"}
    assert [bmc.opened for bmc in hall.bmcs.values()] == [3, 1, 1, 1, 1]
    assert hall.clock.now_s() == pytest.approx(35, abs=0.5)


def test_what_is_not_done_at_the_deadline_is_ended() -> None:
    hall = make_hall(2, {"bmc2": FakeBmc(silent=True)}, limits=Limits(connect_s=50, deadline_s=20))

    results = hall.switch("on")

    assert failures_of(results) == {"bmc2": "unreachable"}
    assert results["bmc2"].error == "the BMC does not answer: nothing within 20 s (unreachable, BMC 10.148.0.2)"
    assert results["bmc2"].seconds == pytest.approx(20, abs=0.1)


def test_dead_bmcs_that_come_first_delay_no_other() -> None:
    dead = {f"bmc{number}": FakeBmc(silent=True) for number in (1, 2, 3)}
    hall = make_hall(9, dead, limits=Limits(connect_s=30, tries=5, retry_delay_s=10, deadline_s=60))
    started_s = hall.clock.now_s()

    results = hall.switch("on")

    assert failures_of(results) == dict.fromkeys(dead, "unreachable")
    # One deadline, and a moment of patience for each that was silent before one that answered.
    assert hall.clock.now_s() - started_s == pytest.approx(60, abs=5)
    assert max(result.seconds for name, result in results.items() if name not in dead) < 5


def test_a_bmc_that_falls_silent_in_mid_session_is_tried_anew_and_nothing_is_sent_twice() -> None:
    hall = make_hall(1, {"bmc1": FakeBmc(hangs_after=2)})
    bmc = hall.bmcs["bmc1"]
    original = bmc.log_in

    def come_back() -> Any:
        if bmc.opened == 2:
            bmc.hangs_after = 99
        return original()

    bmc.log_in = come_back  # type: ignore[method-assign]
    (result,) = hall.switch("on").values()

    assert (result.error, result.tries, result.sent, result.before) == ("", 2, ("ON",), "OFF")
    assert [request for request in bmc.requests if request.command == 0x02] == [Ask(0, 2, (1,))]


def test_a_bmc_without_a_route_is_unreachable_and_says_why() -> None:
    hall = make_hall(3, {"bmc2": FakeBmc(unreachable=OSError(101, "Network is unreachable"))})

    results = hall.switch("on")

    assert failures_of(results) == {"bmc2": "unreachable"}
    assert results["bmc2"].error == (
        "the BMC does not answer: no way to 10.148.0.2: Network is unreachable (unreachable, BMC 10.148.0.2)"
    )
    assert results["bmc2"].tries == 3


@pytest.mark.parametrize(
    "text", ["timeout", "Insufficient resources to create new session (wait for existing sessions to timeout)", "no"]
)
def test_a_login_that_fails_otherwise_is_tried_again(text: str) -> None:
    hall = make_hall(1, {"bmc1": FakeBmc(logins=[text, text, ""])})

    (result,) = hall.switch("on").values()

    assert (result.error, result.tries) == ("", 3)


def test_what_was_accepted_and_never_shows_is_reported_after_its_time_out() -> None:
    hall = make_hall(3)
    idle = hall.bmcs["bmc2"]
    answer = idle.answer

    def ignore(request: Ask, now_s: float = 0.0) -> Any:
        told = answer(request, now_s)
        idle.power = "OFF"
        return told

    idle.answer = ignore  # type: ignore[method-assign]
    results = hall.switch("on")

    assert failures_of(results) == {"bmc2": "not confirmed"}
    assert results["bmc2"].error == (
        "power ON was accepted, but 8 s later the power state is OFF (not confirmed, BMC 10.148.0.2)"
    )
    assert results["bmc2"].seconds == pytest.approx(8, abs=0.5)


def test_sessions_are_closed_when_the_run_is_interrupted() -> None:
    hall = make_hall(5)
    closed: list[str] = []

    def break_off(name: str) -> Flow:
        if name == "bmc3":
            raise KeyboardInterrupt
        try:
            yield Ask(0, 1)
        finally:
            closed.append(name)

    def flow_of(name: str) -> Flow:
        return break_off(name)

    engine = Ipmi(Limits(), hall.clock.now_s, hall.sessions)
    with pytest.raises(KeyboardInterrupt):
        engine.run(hall.power.bmcs, flow_of)

    assert not hall.sessions.open_now


def test_an_engine_runs_again() -> None:
    hall = make_hall(3)

    assert failures_of(hall.switch("on")) == failures_of(hall.switch("off")) == {}
    assert [bmc.opened for bmc in hall.bmcs.values()] == [2, 2, 2]


def test_details_are_those_of_each_bmc() -> None:
    hall = make_hall(3, {"bmc2": FakeBmc(silent=True), "bmc3": FakeBmc(logins=[WRONG])})
    for bmc in hall.bmcs.values():
        bmc.answer = _device  # type: ignore[method-assign, assignment]

    details = hall.power.details()

    result, progress = details["bmc1"]
    assert (result.failure, result.after, progress.firmware, progress.boot_device) == (None, "ON", "9.08", "pxe")
    assert {name: result.failure for name, (result, _progress) in details.items()} == {
        "bmc1": None,
        "bmc2": Failure.UNREACHABLE,
        "bmc3": Failure.CREDENTIALS,
    }


def _device(request: Ask, _now_s: float = 0.0) -> Any:

    answers = {
        (6, 1): bytes([0x20, 0x81, 0x89, 0x08, 0x02, 0, 0, 0, 0, 0, 0]),
        (0, 1): b"\x01\0\0",
        (0, 9): bytes([1, 5, 0x80, 4, 0, 0, 0]),
    }
    return SessionEvent(IpmiReply(data=answers[request.netfn, request.command]))


def test_the_boot_device_goes_before_power() -> None:
    hall = make_hall(2, boot_device="pxe")

    hall.switch("on")

    for bmc in hall.bmcs.values():
        assert [request.command for request in bmc.requests] == [0x01, 0x08, 0x08, 0x02, 0x01]
        assert bmc.requests[2].data == (5, 0xA0, 4, 0, 0, 0)


def test_a_boot_mode_reaches_the_bmc() -> None:
    hall = make_hall(1, boot_device="pxe")
    hall.power.boot_mode = "legacy"

    hall.switch("on")

    assert [bmc.requests[2].data for bmc in hall.bmcs.values()] == [(5, 0x80, 4, 0, 0, 0)]


def test_what_was_known_before_is_kept() -> None:
    hall = make_hall(1, {"bmc1": FakeBmc("ON")})

    results = hall.power.run({"bmc1": "off"}, {"bmc1": PowerResult(before="ON")})

    assert results["bmc1"].before == "ON"
