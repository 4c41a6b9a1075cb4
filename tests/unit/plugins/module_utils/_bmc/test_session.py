# SPDX-License-Identifier: GPL-3.0-or-later
"""The real pyghmi against a BMC in memory; nothing goes over a network, and time is not waited for."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("pyghmi")
from pyghmi.ipmi.private import constants

from ansible_collections.baremetal.bcm.plugins.module_utils._bmc import session as session_module
from ansible_collections.baremetal.bcm.plugins.module_utils._bmc.flow import (
    Ask,
    IpmiReply,
    NotConfirmed,
    switch_power,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._bmc.power import Progress
from ansible_collections.baremetal.bcm.plugins.module_utils._bmc.session import (
    Bmc,
    Session,
    SessionEvent,
    Sessions,
    open_udp,
)

from .rmcp_bmc import CLOSE_SESSION, RAKP1, RAKP3, SET_PRIVILEGE, RmcpBmc

STATUS = Ask(0, 1)
OPEN_SHA256, OPEN_SHA1 = ("OPEN", 3), ("OPEN", 1)
AUTHENTICATION = (6, 0x38)
LOGIN = [AUTHENTICATION, OPEN_SHA256, OPEN_SHA1, RAKP1, RAKP3, SET_PRIVILEGE]
ACCOUNT = Bmc("127.0.0.1", "admin", "bmc-secret")


@dataclass
class Wire:
    """A socket with a BMC behind it. `lost` are the numbers of packets that get lost, counted from 1 both ways."""

    bmc: RmcpBmc
    lost: Callable[[int], bool] = lambda _: False
    broken: OSError | None = None
    inbox: list[bytes] = field(default_factory=list)
    closed: bool = False
    count: int = 0

    def send(self, packet: bytes) -> int:
        assert not self.closed
        if self.broken is not None:
            raise self.broken
        answer = None if self._loses() else self.bmc.handle(bytes(packet))
        if answer is not None and not self._loses():
            self.inbox.append(answer)
        return len(packet)

    def recv(self, _size: int) -> bytes:
        assert not self.closed
        if self.broken is not None:
            raise self.broken
        if not self.inbox:
            raise BlockingIOError
        return self.inbox.pop(0)

    def setblocking(self, _flag: bool) -> None:
        """Sockets here never block."""

    def close(self) -> None:
        self.closed = True

    def _loses(self) -> bool:
        self.count += 1
        return self.lost(self.count)


@dataclass
class Line:
    """A session, and its events."""

    wire: Wire
    account: Bmc = ACCOUNT
    events: list[SessionEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.session = Session(self.account, self.events.append, lambda _address, _port: self.wire)

    def until_event(self, count: int = 1, *, patience: int = 60) -> SessionEvent:
        """Read, and where nothing has come repeat as if the time had passed, until the session has that many events."""
        for _round in range(patience):
            if len(self.events) >= count:
                break
            if self.wire.inbox:
                self.session.read()
            elif self.session.wake_s is not None:
                self.session.resend()
        assert len(self.events) == count
        return self.events[-1]

    def logged_in(self) -> Line:
        assert self.until_event() == SessionEvent()
        return self

    def ask(self, request: Ask = STATUS) -> SessionEvent:
        count = len(self.events)
        self.session.ask(request)
        return self.until_event(count + 1)


def line_to(bmc: RmcpBmc, account: Bmc = ACCOUNT, **wire: Any) -> Line:
    return Line(Wire(bmc, **wire), account)


# -- all is well --


def test_a_login_is_reported_and_a_request_is_answered() -> None:
    bmc = RmcpBmc(answers={(0, 1): b"\x21\x10\x40"})
    line = line_to(bmc).logged_in()

    assert line.ask() == SessionEvent(IpmiReply(0, b"\x21\x10\x40"))
    assert bmc.seen == [*LOGIN, (0, 1)]


@pytest.mark.parametrize(("mode", "flags"), [("uefi", 0xA0), ("legacy", 0x80)])
def test_what_crosses_the_wire_to_boot_once_from_the_network_names_the_firmware(mode: str, flags: int) -> None:
    bmc = RmcpBmc(answers={(0, 1): b"\0\0\0"})
    line = line_to(bmc).logged_in()
    flow = switch_power("on", Progress(), timeout_s=0, interval_s=1, boot_device="pxe", boot_mode=mode)
    step = next(flow)
    with contextlib.suppress(NotConfirmed):
        while isinstance(step, Ask):
            reply = line.ask(step).reply
            assert reply is not None
            step = flow.send(reply)

    # Set System Boot Options: flags are to be kept, then valid, not lasting, by UEFI or not, and the device.
    assert bmc.contents[0, 8] == [bytes([3, 8]), bytes([5, flags, 0x04, 0, 0, 0])]


def test_a_completion_code_is_an_answer_with_its_meaning() -> None:
    line = line_to(RmcpBmc(codes={(0, 2): 0xD5})).logged_in()

    event = line.ask(Ask(0, 2, (3,)))

    assert event.reply is not None
    assert (event.reply.code, event.error) == (0xD5, "")
    assert event.reply.error == constants.ipmi_completion_codes[0xD5]


def test_many_requests_go_over_one_session() -> None:
    line = line_to(RmcpBmc(answers={(0, 1): b"\x01\0\0"})).logged_in()

    # More than the protocol's 64 sequence numbers.
    assert {line.ask().reply for _turn in range(150)} == {IpmiReply(0, b"\x01\0\0")}


def test_a_second_session_with_the_same_bmc_has_nothing_of_the_first() -> None:
    first, second = line_to(RmcpBmc()).logged_in(), line_to(RmcpBmc()).logged_in()
    first.session.close()

    assert second.ask().reply == IpmiReply()
    third = line_to(RmcpBmc()).logged_in()
    assert third.session is not first.session
    assert third.ask().reply == IpmiReply()


def test_no_thread_is_started() -> None:
    before = threading.active_count()

    line_to(RmcpBmc()).logged_in().ask()

    assert threading.active_count() == before


@pytest.mark.parametrize("password", ["bmc-secret", "pässwörd", "x" * 20])
def test_a_password_may_have_any_characters(password: str) -> None:
    bmc = RmcpBmc(password=password.encode())

    assert line_to(bmc, Bmc("127.0.0.1", "admin", password)).until_event() == SessionEvent()


def test_no_password_is_in_the_text_of_an_account() -> None:
    assert "bmc-secret" not in repr(ACCOUNT)


# -- the login is refused --


def test_a_wrong_password_is_reported_and_nothing_more_is_sent() -> None:
    bmc = RmcpBmc(password=b"another")
    line = line_to(bmc)

    event = line.until_event()

    assert event.is_login_refused
    assert event.error == "Incorrect password provided"
    assert bmc.seen[-1] == RAKP1
    assert line.session.wake_s is None


def test_an_unknown_user_is_reported() -> None:
    event = line_to(RmcpBmc(username=b"other")).until_event()

    assert event.is_login_refused
    assert event.error == "Unauthorized name in RAKP2"


REFUSING = {0x09, 0x0A, 0x0D, 0x0E, 0x0F}


@pytest.mark.parametrize("status", sorted(constants.rmcp_codes))
@pytest.mark.parametrize("step", [0x10, RAKP1, RAKP3])
def test_each_status_of_a_login_has_its_class(step: int, status: int) -> None:
    if (step, status) == (RAKP1, 2):
        return  # to pyghmi the late answer to a packet that was repeated: it waits for another
    line = line_to(RmcpBmc(status={step: status}))

    event = line.until_event()

    assert event.error
    assert event.is_login_refused == (status in REFUSING or (step == RAKP3 and "level" in event.error))


def test_the_level_is_asked_for_as_given_and_no_second_login_tries_a_lower_one() -> None:
    bmc = RmcpBmc(status={RAKP1: 0x09})

    event = line_to(bmc).until_event()

    assert event.is_login_refused
    assert [role & 0x0F for role in bmc.roles] == [4]


@pytest.mark.parametrize(
    ("privilege", "level"), [("CALLBACK", 1), ("USER", 2), ("OPERATOR", 3), ("ADMINISTRATOR", 4), ("OEM1", 4)]
)
def test_the_level_is_that_of_the_account(privilege: str, level: int) -> None:
    bmc = RmcpBmc()

    line_to(bmc, Bmc("127.0.0.1", "admin", "bmc-secret", privilege=privilege)).logged_in()

    assert [role & 0x0F for role in bmc.roles] == [level]


@pytest.mark.parametrize(("code", "refused"), [(0x80, True), (0x81, True), (0xC0, False), (0xD4, True)])
def test_a_level_that_is_not_granted_is_a_refused_login(code: int, refused: bool) -> None:
    event = line_to(RmcpBmc(codes={SET_PRIVILEGE: code})).until_event()

    assert event.error
    assert event.is_login_refused is refused


@pytest.mark.parametrize(
    "text",
    [
        "timeout",
        "no answer",
        "Session failed to initialize",
        "Insufficient resources to create a session at the requested role",
        "No Cipher suite match with proposed security algorithms",
        "Invalid integrity algorithm",
        "No matching integrity payload",
        "no way to 10.148.0.1: Connection refused",
    ],
)
def test_what_is_no_refusal_of_the_account_is_not_taken_for_one(text: str) -> None:
    assert not SessionEvent(error=text).is_login_refused


def test_a_bmc_that_knows_ipmi_1_5_only_is_reported_as_such() -> None:
    event = line_to(RmcpBmc(only_ipmi15=True)).until_event()

    assert event.error == "it knows IPMI 1.5 only, which is not supported"
    assert not event.is_login_refused


# -- packets get lost --


@pytest.mark.parametrize("number", range(1, 15))
def test_a_lost_packet_is_made_up_for(number: int) -> None:
    line = line_to(RmcpBmc(answers={(0, 1): b"\x01\0\0"}), lost=lambda count: count == number).logged_in()

    assert line.ask().reply == IpmiReply(0, b"\x01\0\0")


@pytest.mark.parametrize("every", range(9, 25))
@pytest.mark.parametrize("offset", [0, 1])
def test_a_regular_loss_does_not_strike_at_the_same_step_for_ever(every: int, offset: int) -> None:
    line = line_to(RmcpBmc(answers={(0, 1): b"\x01\0\0"}), lost=lambda count: count % every == offset).logged_in()

    for _turn in range(5):
        assert line.ask().reply == IpmiReply(0, b"\x01\0\0")


def test_a_bmc_that_does_not_take_sha_256_is_asked_for_it_once() -> None:
    bmc = RmcpBmc()
    line = line_to(bmc, lost=lambda count: count == 10)

    line.logged_in()

    assert bmc.seen.count(OPEN_SHA256) == 1
    assert bmc.seen.count(OPEN_SHA1) == 2


@pytest.mark.parametrize("step", [AUTHENTICATION, OPEN_SHA256, OPEN_SHA1])
def test_a_bmc_that_falls_silent_in_the_login_is_given_up(step: object) -> None:
    line = line_to(RmcpBmc(deaf_to=frozenset([step])))

    event = line.until_event()

    assert event.error
    assert not event.is_login_refused


@pytest.mark.parametrize("step", [RAKP1, RAKP3])
def test_a_bmc_that_falls_silent_after_the_user_name_is_asked_until_the_session_is_closed(step: int) -> None:
    line = line_to(RmcpBmc(deaf_to=frozenset([step])))

    with pytest.raises(AssertionError):
        line.until_event()

    assert not line.events
    line.session.close()


@pytest.mark.parametrize("step", [RAKP1, RAKP3])
def test_a_bmc_is_given_two_seconds_to_check_a_login(step: int) -> None:
    line = line_to(RmcpBmc(deaf_to=frozenset([step])))
    while line.wire.inbox:
        began_s = time.monotonic()
        line.session.read()

    assert line.wire.bmc.seen[-1] == step
    assert line.session.wake_s is not None
    assert line.session.wake_s - began_s >= 2.0


def test_a_bmc_that_falls_silent_in_the_last_step_of_the_login_delays_no_other() -> None:
    silent = line_to(RmcpBmc(deaf_to=frozenset([SET_PRIVILEGE])))
    other = line_to(RmcpBmc())
    while silent.wire.inbox:
        silent.session.read()

    # `read` has come back without an answer, and the other one goes on.
    assert other.logged_in().ask().reply == IpmiReply()
    assert not silent.events
    assert silent.until_event().error == "timeout"


def test_a_bmc_that_falls_silent_in_mid_session_has_failed_once() -> None:
    bmc = RmcpBmc()
    line = line_to(bmc).logged_in()
    bmc.deaf_to = frozenset([(0, 1)])

    event = line.ask()

    assert (event.error, event.reply) == ("timeout", None)
    assert bmc.seen.count((0, 1)) > 1
    assert bmc.seen.count(AUTHENTICATION) == 1
    assert line.session.wake_s is None


# -- packets that are none --


@pytest.mark.parametrize("length", [*range(1, 48, 3)])
@pytest.mark.parametrize("after", range(6))
def test_a_cut_packet_never_raises(after: int, length: int) -> None:
    line = line_to(RmcpBmc())
    for _turn in range(after):
        if line.wire.inbox:
            line.session.read()
    line.wire.inbox = [packet[:length] for packet in line.wire.inbox]

    line.session.read()

    assert all("password" not in event.error for event in line.events)


@pytest.mark.parametrize(
    "packet", [b"", b"\x06", b"\x06\x00\xff\x06" + b"\0" * 12, b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 99]
)
def test_what_is_no_rmcp_packet_is_passed_over(packet: bytes) -> None:
    line = line_to(RmcpBmc())
    line.wire.inbox.insert(0, packet)

    line.logged_in()


def test_an_answer_after_the_end_is_ignored() -> None:
    line = line_to(RmcpBmc(password=b"another"))
    line.until_event()
    line.wire.inbox.append(b"\x06\x00\xff\x07" + b"\x00" * 40)

    line.session.read()

    assert len(line.events) == 1


# -- the way to the BMC --


def test_a_port_that_is_not_there_is_reported_with_the_reason() -> None:
    line = line_to(RmcpBmc())
    line.wire.broken = ConnectionRefusedError(111, "Connection refused")

    line.session.read()

    assert line.events == [SessionEvent(error="no way to 127.0.0.1: Connection refused")]


def test_a_packet_that_can_not_be_sent_counts_as_lost() -> None:
    line = line_to(RmcpBmc())
    line.wire.broken = OSError(105, "No buffer space available")
    line.session.resend()
    line.wire.broken = None

    line.logged_in()


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_socket_is_of_the_addresss_family(address: str) -> None:
    try:
        opened = open_udp(address, 6230)
    except OSError:
        pytest.skip(f"{address} is not to be had here")
    with opened:
        assert opened.getpeername()[:2] == (address, 6230)
        assert not opened.getblocking()


def test_a_name_that_is_not_known_is_an_error_of_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: Any, **_options: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)

    with pytest.raises(OSError, match="Name or service not known"):
        Session(Bmc("nowhere", "admin", "x"), lambda _: None)


# -- the end --


def test_a_session_is_ended_at_the_bmc_and_here() -> None:
    bmc = RmcpBmc()
    line = line_to(bmc).logged_in()

    line.session.close()

    assert bmc.seen[-1] == CLOSE_SESSION
    assert line.wire.closed


def test_a_session_whose_answer_is_awaited_is_ended_too() -> None:
    bmc = RmcpBmc(deaf_to=frozenset([(0, 1)]))
    line = line_to(bmc).logged_in()
    line.session.ask(STATUS)

    line.session.close()

    assert bmc.seen[-1] == CLOSE_SESSION
    assert line.wire.closed


@pytest.mark.parametrize("step", LOGIN[:-1])
def test_a_session_that_is_not_logged_in_yet_is_closed_without_a_packet(step: object) -> None:
    bmc = RmcpBmc(deaf_to=frozenset([step]))
    line = line_to(bmc)
    line.session.read()

    line.session.close()

    assert bmc.seen[-1] == step
    assert line.wire.closed


def test_a_session_that_has_failed_is_closed_too() -> None:
    line = line_to(RmcpBmc(password=b"another"))
    line.until_event()

    line.session.close()

    assert line.wire.closed


# -- all of them --


@pytest.fixture
def peers(monkeypatch: pytest.MonkeyPatch) -> dict[str, socket.socket]:
    """The other ends of all sockets that are opened, by address; they lead nowhere else."""
    others: dict[str, socket.socket] = {}

    class Paired(Session):
        def __init__(self, bmc: Bmc, listener: Callable[[SessionEvent], None]) -> None:
            super().__init__(bmc, listener, self._pair)

        @staticmethod
        def _pair(address: str, _port: int) -> socket.socket:
            own, others[address] = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
            own.setblocking(False)
            others[address].setblocking(False)
            return own

    monkeypatch.setattr(session_module, "Session", Paired)
    return others


def serve(peers: dict[str, socket.socket], bmcs: dict[str, RmcpBmc], silent: Collection[str] = ()) -> None:
    for address, peer in peers.items():
        if address not in silent:
            try:
                answer = bmcs[address].handle(peer.recv(4096))
            except BlockingIOError:
                continue
            if answer is not None:
                peer.send(answer)


def test_one_wait_serves_all_sessions(peers: dict[str, socket.socket]) -> None:
    sessions, events = Sessions(), dict[str, list[SessionEvent]]()
    bmcs = {f"127.0.0.{number}": RmcpBmc() for number in range(1, 6)}
    opened = []
    for address in bmcs:
        events[address] = []
        opened.append(sessions.open(Bmc(address, "admin", "bmc-secret"), events[address].append))

    for _round in LOGIN:
        serve(peers, bmcs, silent=["127.0.0.3"])
        sessions.wait(0)

    assert {address: len(list_) for address, list_ in events.items()} == dict.fromkeys(bmcs, 1) | {"127.0.0.3": 0}
    for session in opened:
        sessions.close(session)
    assert all(session.socket.fileno() == -1 for session in opened)
    for peer in peers.values():
        peer.close()


def test_a_wait_that_is_over_repeats_what_was_not_answered(
    peers: dict[str, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(session_module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    sessions = Sessions()
    session = sessions.open(ACCOUNT, lambda _: None)
    (peer,) = peers.values()
    peer.recv(4096)

    sessions.wait(0)
    with pytest.raises(BlockingIOError):
        peer.recv(4096)
    now[0] += 2
    sessions.wait(0)

    assert peer.recv(4096)
    sessions.close(session)
    peer.close()


def test_an_answer_that_comes_while_others_are_read_is_not_asked_for_again(
    peers: dict[str, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(session_module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    sessions = Sessions()
    busy, late = (sessions.open(Bmc(f"127.0.0.{number}", "admin", "bmc-secret"), lambda _: None) for number in (1, 2))
    bmcs = {"127.0.0.1": RmcpBmc(), "127.0.0.2": RmcpBmc()}

    def read_slowly() -> None:
        Session.read(busy)
        serve(peers, bmcs, silent=["127.0.0.1"])
        now[0] += 60

    monkeypatch.setattr(busy, "read", read_slowly)
    for _round in LOGIN:
        serve(peers, bmcs, silent=["127.0.0.2"])
        sessions.wait(0)

    assert bmcs["127.0.0.2"].seen == LOGIN
    for session in (busy, late):
        sessions.close(session)
    for peer in peers.values():
        peer.close()
