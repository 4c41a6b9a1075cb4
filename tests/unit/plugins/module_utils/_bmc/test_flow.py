# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._bmc.flow import (
    FAILURE_OF,
    Ask,
    Flow,
    IpmiReply,
    NotConfirmed,
    Pause,
    Refused,
    read_details,
    read_power,
    switch_power,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._bmc.power import Failure, Progress, plan_power

STATUS = Ask(0x00, 0x01)
OFF, ON, RESET = (Ask(0x00, 0x02, (number,)) for number in (0, 1, 3))
KEEP = Ask(0x00, 0x08, (3, 8))
BOOT_PXE = Ask(0x00, 0x08, (5, 0xA0, 1 << 2, 0, 0, 0))
WORDS = {STATUS: "STATUS", OFF: "OFF", ON: "ON", RESET: "RESET", KEEP: "KEEP", BOOT_PXE: "BOOT"}


class Cut(Exception):
    """The session ends here."""


@dataclass
class FakeBmc:
    """A machine's power behind requests and replies."""

    power: str = "OFF"
    idle: bool = False  # accepts and does nothing
    lag: int = 0  # so many times more the old state is read after a switch
    codes: Mapping[Ask, int] = field(default_factory=dict)
    cut_at: int = -1  # the number of the step that is cut off, after which the next session is well
    loses_reply: bool = False  # whether what is cut off has been done nevertheless
    acknowledged: list[str] = field(default_factory=list)
    received: list[str] = field(default_factory=list)
    paused_s: float = 0.0
    _shown: str = ""
    _steps: int = 0

    def answer(self, step: Ask | Pause) -> IpmiReply:
        number, self._steps = self._steps, self._steps + 1
        if number == self.cut_at:
            if isinstance(step, Ask) and self.loses_reply:
                self._do(step)
            raise Cut
        if isinstance(step, Pause):
            self.paused_s += step.seconds
            return IpmiReply()
        return self._do(step, acknowledge=True)

    def _do(self, step: Ask, *, acknowledge: bool = False) -> IpmiReply:
        self.received.append(WORDS[step])
        if code := self.codes.get(step, 0):
            return IpmiReply(code)
        if acknowledge:
            self.acknowledged.append(WORDS[step])
        if step == STATUS:
            return IpmiReply(data=bytes([0x60 | (self._read() == "ON"), 0, 0]))
        if step in (ON, OFF, RESET) and not self.idle:
            self._shown, self._left = self.power, self.lag
            self.power = {ON: "ON", OFF: "OFF", RESET: self.power}[step]
        return IpmiReply()

    _left = 0

    def _read(self) -> str:
        if self._left > 0:
            self._left -= 1
            return self._shown
        return self.power

    @property
    def switched(self) -> list[str]:
        return [word for word in self.received if word != "STATUS"]


def talk(bmc: FakeBmc, flow: Flow) -> None:
    """Run one flow to its end. Raises Cut, Refused, NotConfirmed."""
    try:
        step = next(flow)
        while True:
            step = flow.send(bmc.answer(step))
    except StopIteration:
        return


def switch(bmc: FakeBmc, action: str, progress: Progress | None = None, *, boot_device: str = "") -> Progress:
    progress = progress or Progress()
    talk(bmc, switch_power(action, progress, timeout_s=5, interval_s=1, boot_device=boot_device))
    return progress


def feed(flow: Callable[[Progress], Flow], replies: Sequence[IpmiReply]) -> tuple[Progress, list[Ask | Pause]]:
    """Run a flow against replies in a row."""
    progress, asked, queue = Progress(), [], list(replies)
    running = flow(progress)
    step: Ask | Pause | None = next(running)
    while step is not None:
        asked.append(step)
        try:
            step = running.send(queue.pop(0))
        except StopIteration:
            step = None
    return progress, asked


# -- actions --


@pytest.mark.parametrize(
    ("action", "before", "said", "after"),
    [
        ("on", "OFF", ["STATUS", "ON", "STATUS"], "ON"),
        ("on", "ON", ["STATUS"], "ON"),
        ("off", "ON", ["STATUS", "OFF", "STATUS"], "OFF"),
        ("off", "OFF", ["STATUS"], "OFF"),
        ("cycle", "ON", ["STATUS", "OFF", "STATUS", "ON", "STATUS"], "ON"),
        ("cycle", "OFF", ["STATUS", "ON", "STATUS"], "ON"),
        ("reset", "ON", ["STATUS", "RESET", "STATUS"], "ON"),
        ("reset", "OFF", ["STATUS"], "OFF"),
        ("status", "ON", ["STATUS"], "ON"),
        ("status", "OFF", ["STATUS"], "OFF"),
    ],
)
def test_each_action_says_what_is_needed_and_reads_the_proof(
    action: str, before: str, said: list[str], after: str
) -> None:
    bmc = FakeBmc(before)

    progress = switch(bmc, action)

    assert bmc.received == said
    assert (progress.before, progress.after, bmc.power) == (before, after, after)
    assert progress.sent == [word for word in said if word != "STATUS"]


@pytest.mark.parametrize("action", ["on", "off"])
@pytest.mark.parametrize("before", ["ON", "OFF"])
def test_on_and_off_done_twice_are_sent_once(action: str, before: str) -> None:
    bmc = FakeBmc(before)
    switch(bmc, action)
    sent = len(bmc.switched)

    again = switch(bmc, action)

    assert len(bmc.switched) == sent
    assert again.sent == []


@pytest.mark.parametrize("action", ["on", "off", "cycle", "reset", "status"])
@pytest.mark.parametrize("state", ["ON", "OFF", "UNKNOWN"])
def test_the_plan_is_none_an_action_or_its_second_half(action: str, state: str) -> None:
    assert plan_power(action, state) in ("none", action, "on")


def test_a_slow_board_is_asked_again_until_it_shows_the_state() -> None:
    bmc = FakeBmc("OFF", lag=3)

    switch(bmc, "on")

    assert bmc.received == ["STATUS", "ON", *["STATUS"] * 4]
    assert bmc.paused_s == 3


@pytest.mark.parametrize(("action", "before"), [("on", "OFF"), ("off", "ON"), ("cycle", "ON")])
def test_what_was_accepted_and_never_shows_is_not_confirmed(action: str, before: str) -> None:
    bmc = FakeBmc(before, idle=True)

    with pytest.raises(NotConfirmed, match=f"was accepted, but 5 s later the power state is {before}"):
        switch(bmc, action)

    assert len(bmc.switched) == 1
    assert bmc.paused_s == 5


@pytest.mark.parametrize(
    ("action", "before", "request_", "what"),
    [
        ("on", "OFF", ON, "accept power ON"),
        ("off", "ON", OFF, "accept power OFF"),
        ("reset", "ON", RESET, "accept power RESET"),
        ("cycle", "ON", ON, "accept power ON"),
        ("on", "OFF", STATUS, "report its power state"),
    ],
)
def test_a_refusal_names_what_was_refused_and_the_completion_code(
    action: str, before: str, request_: Ask, what: str
) -> None:
    with pytest.raises(Refused, match=f"the BMC did not {what}: completion code 0xd5"):
        switch(FakeBmc(before, codes={request_: 0xD5}), action)


def test_a_refusal_says_what_the_code_means_where_that_is_known() -> None:
    progress = Progress()
    flow = read_power(progress)
    next(flow)

    with pytest.raises(Refused, match=r"completion code 0xd4: Insufficient privilege level$"):
        flow.send(IpmiReply(0xD4, error="Insufficient privilege level"))


def test_each_way_to_fail_has_its_class() -> None:
    assert {Refused: Failure.REFUSED, NotConfirmed: Failure.NOT_CONFIRMED} == FAILURE_OF


# -- boot device --


@pytest.mark.parametrize(
    ("action", "before", "said"),
    [
        ("on", "OFF", ["KEEP", "BOOT", "ON"]),
        ("on", "ON", []),
        ("off", "ON", ["OFF"]),
        ("cycle", "ON", ["OFF", "KEEP", "BOOT", "ON"]),
        ("cycle", "OFF", ["KEEP", "BOOT", "ON"]),
        ("reset", "ON", ["KEEP", "BOOT", "RESET"]),
        ("reset", "OFF", []),
    ],
)
def test_the_boot_device_is_set_just_before_power_comes(action: str, before: str, said: list[str]) -> None:
    bmc = FakeBmc(before)

    switch(bmc, action, boot_device="pxe")

    assert bmc.switched == said


@pytest.mark.parametrize(
    ("device", "mode", "flags", "selector"),
    [
        ("pxe", "uefi", 0b1010_0000, 0b0000_0100),
        ("pxe", "legacy", 0b1000_0000, 0b0000_0100),
        ("disk", "uefi", 0b1010_0000, 0b0000_1000),
        ("bios", "uefi", 0b1010_0000, 0b0001_1000),
        ("none", "uefi", 0b0000_0000, 0b0000_0000),
    ],
)
def test_the_boot_flags_are_valid_for_one_boot_and_name_the_firmware(
    device: str, mode: str, flags: int, selector: int
) -> None:
    sent: list[Ask | Pause] = []
    flow = switch_power("on", Progress(), timeout_s=5, interval_s=1, boot_device=device, boot_mode=mode)
    step = next(flow)
    while len(sent) < 4:
        sent.append(step)
        step = flow.send(IpmiReply(data=b"\0\0\0") if step == STATUS else IpmiReply())

    # Set System Boot Options: the parameter, then its five bytes; bit 7 is valid, 6 lasting, 5 by UEFI (28.12, 28.13).
    assert sent[1:3] == [KEEP, Ask(0x00, 0x08, (5, flags, selector, 0, 0, 0))]


def test_a_boot_device_that_is_refused_leaves_power_alone() -> None:
    bmc = FakeBmc("OFF", codes={BOOT_PXE: 0x80})

    with pytest.raises(Refused, match="take pxe as boot device: completion code 0x80"):
        switch(bmc, "on", boot_device="pxe")

    assert bmc.power == "OFF"


@pytest.mark.parametrize(
    ("data", "device"),
    [
        ([1, 5, 0x80, 0x04, 0, 0, 0], "pxe"),
        ([1, 5, 0x80, 0x08, 0, 0, 0], "disk"),
        ([1, 5, 0xC0, 0x18, 0, 0, 0], "bios"),
        ([1, 5, 0x80, 0x00, 0, 0, 0], "none"),
        ([1, 5, 0x80, 0x2C, 0, 0, 0], "0xb"),  # one that this collection has no word for
        ([1, 5, 0x00, 0x04, 0, 0, 0], "none"),  # the flags are not valid
        ([1, 0x85, 0x80, 0x04, 0, 0, 0], "none"),  # the parameter is not valid
    ],
)
def test_the_boot_device_is_read_where_its_flags_are_valid(data: list[int], device: str) -> None:
    progress, _asked = feed(read_details, [DEVICE_ID, IpmiReply(data=b"\x01\0\0"), IpmiReply(data=bytes(data))])

    assert progress.boot_device == device


# -- details --

DEVICE_ID = IpmiReply(data=bytes([0x20, 0x81, 0x89, 0x17, 0x02, 0xBF, 0x47, 0x12, 0x00, 0x34, 0x12]))


def test_details_are_firmware_and_power() -> None:
    progress, asked = feed(
        read_details, [DEVICE_ID, IpmiReply(data=b"\x01\0\0"), IpmiReply(data=bytes([1, 5, 0, 0, 0, 0, 0]))]
    )

    assert (progress.firmware, progress.after) == ("9.17", "ON")
    assert asked == [Ask(0x06, 0x01), STATUS, Ask(0x00, 0x09, (5, 0, 0))]


@pytest.mark.parametrize("reply", [IpmiReply(0xC1), IpmiReply(0x80), IpmiReply(data=b"\x01")])
def test_a_bmc_that_knows_no_boot_options_is_no_failure(reply: IpmiReply) -> None:
    progress, _asked = feed(read_details, [DEVICE_ID, IpmiReply(data=b"\0\0\0"), reply])

    assert (progress.boot_device, progress.after) == ("", "OFF")


# -- cut off and started again --

CASES = [("on", "OFF"), ("off", "ON"), ("cycle", "ON"), ("cycle", "OFF"), ("reset", "ON")]
STEPS = 12


@pytest.mark.parametrize("loses_reply", [False, True])
@pytest.mark.parametrize("lag", [0, 2])
@pytest.mark.parametrize("cut_at", range(STEPS))
@pytest.mark.parametrize(("action", "before"), CASES)
def test_started_again_after_a_cut_anywhere_nothing_acknowledged_is_sent_twice(
    action: str, before: str, cut_at: int, lag: int, loses_reply: bool
) -> None:
    bmc = FakeBmc(before, cut_at=cut_at, lag=lag, loses_reply=loses_reply)
    progress = Progress()

    for _session in range(2):
        try:
            switch(bmc, action, progress)
        except Cut:
            continue
        break

    acknowledged = [word for word in bmc.acknowledged if word != "STATUS"]
    assert len(acknowledged) == len(set(acknowledged))
    assert bmc.power == ("OFF" if action == "off" else "ON")
    assert progress.before == before
    assert progress.after == bmc.power


@pytest.mark.parametrize("cut_at", range(STEPS))
@pytest.mark.parametrize(("action", "before"), CASES)
def test_a_cut_session_never_leaves_out_a_step(action: str, before: str, cut_at: int) -> None:
    whole = FakeBmc(before)
    switch(whole, action)
    bmc, progress = FakeBmc(before, cut_at=cut_at), Progress()

    for _session in range(2):
        try:
            switch(bmc, action, progress)
        except Cut:
            continue
        break

    assert bmc.switched == whole.switched


def test_a_boot_device_is_set_again_in_a_new_session() -> None:
    bmc = FakeBmc("OFF", cut_at=3)
    progress = Progress()
    with pytest.raises(Cut):
        switch(bmc, "on", progress, boot_device="pxe")

    switch(bmc, "on", progress, boot_device="pxe")

    assert bmc.switched == ["KEEP", "BOOT", "KEEP", "BOOT", "ON"]
