# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Flows: what is asked of one BMC, in order, as IPMI requests and replies. Pure generators; the caller does the I/O.

A flow may be cut off anywhere and started again on a new session: it reads the state first, and `Progress` keeps
what earlier tries have done.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Union

from .power import STATE_AFTER, STEPS, UEFI, Failure, Progress, plan_power

# IPMI 2.0: network functions, commands (table G-1), chassis control (28.3), boot flags (28.13).
_CHASSIS, _APPLICATION = 0x00, 0x06
_GET_CHASSIS_STATUS, _CHASSIS_CONTROL, _SET_BOOT_OPTIONS, _GET_BOOT_OPTIONS = 0x01, 0x02, 0x08, 0x09
_GET_DEVICE_ID = 0x01
_CONTROL = {"OFF": 0x00, "ON": 0x01, "RESET": 0x03, "SHUTDOWN": 0x05}
_BOOT_FLAGS = 0x05
# Of the first byte of the boot flags; the bit between them would make them last beyond the next boot.
_FLAGS_VALID, _BOOT_BY_UEFI = 0x80, 0x20
BOOT_DEVICES = {"none": 0, "pxe": 1, "disk": 2, "safe": 3, "diagnostic": 4, "cdrom": 5, "bios": 6}


@dataclass(frozen=True)
class Ask:
    """One IPMI request: network function, command and data (IPMI 2.0, appendix G lists them)."""

    netfn: int
    command: int
    data: tuple[int, ...] = ()


@dataclass(frozen=True)
class Pause:
    """A time to wait before the next request, in seconds."""

    seconds: float


@dataclass(frozen=True)
class IpmiReply:
    """The reply to an Ask: completion code (0 is success), data, and the meaning of the code in `error`.

    An empty one follows a Pause.
    """

    code: int = 0
    data: bytes = b""
    error: str = ""


class Refused(Exception):
    """The failure of a flow whose BMC answered with a completion code that is not success."""


class NotConfirmed(Exception):
    """The failure of a flow whose BMC accepted a power command, and whose power state did not follow in time."""


FAILURE_OF = {Refused: Failure.REFUSED, NotConfirmed: Failure.NOT_CONFIRMED}

AskOrPause = Union[Ask, Pause]
Flow = Generator[AskOrPause, IpmiReply, None]


def read_power(progress: Progress) -> Flow:
    """Read the power state into `progress` (IPMI 2.0, 28.2).

    Raises Refused; trying again is safe.
    """
    reply = yield from _ask(Ask(_CHASSIS, _GET_CHASSIS_STATUS), "report its power state")
    progress.after = "ON" if reply.data and reply.data[0] & 1 else "OFF"
    if progress.before == "UNKNOWN":
        progress.before = progress.after


def ask_to_shut_down(progress: Progress) -> Flow:
    """Ask the operating system of a machine that is on to shut down, by ACPI (IPMI 2.0, 28.3, soft shutdown).

    A BMC that can't leaves SHUTDOWN out of `sent`; that is no failure. Raises Refused where it does not even report the
    power state; trying again is safe.
    """
    yield from read_power(progress)
    if progress.after == "ON" and "SHUTDOWN" not in progress.sent:
        reply = yield Ask(_CHASSIS, _CHASSIS_CONTROL, (_CONTROL["SHUTDOWN"],))
        if reply.code == 0:
            progress.sent.append("SHUTDOWN")


def read_details(progress: Progress) -> Flow:
    """Read firmware version, power state and boot device override into `progress` (IPMI 2.0, 20.1, 28.2 and 28.13).

    Raises Refused; trying again is safe. A BMC that knows no boot options leaves `boot_device` empty.
    """
    reply = yield from _ask(Ask(_APPLICATION, _GET_DEVICE_ID), "report its firmware")
    progress.firmware = f"{reply.data[2] & 0x7F}.{reply.data[3] >> 4}{reply.data[3] & 0x0F}"
    yield from read_power(progress)
    reply = yield Ask(_CHASSIS, _GET_BOOT_OPTIONS, (_BOOT_FLAGS, 0, 0))
    # Not every BMC knows boot options; that is no failure of the BMC.
    if reply.code == 0 and len(reply.data) >= 4:
        progress.boot_device = _boot_device_of(reply.data)


def _boot_device_of(data: bytes) -> str:
    valid = not data[1] & 0x80 and data[2] & 0x80
    number = (data[3] >> 2) & 0x0F if valid else 0
    return next((name for name, code in BOOT_DEVICES.items() if code == number), f"0x{number:x}")


def switch_power(
    action: str,
    progress: Progress,
    *,
    timeout_s: float,
    interval_s: float,
    boot_device: str = "",
    boot_mode: str = UEFI,
) -> Flow:
    """Perform on, off, cycle or reset and confirm each step (IPMI 2.0, 28.3 and 28.12).

    `boot_device`, a key of BOOT_DEVICES or "", is set before the step that gives power, by `boot_mode`, UEFI or LEGACY.
    The state may take `timeout_s` seconds to follow each step and is read every `interval_s`. Raises Refused and
    NotConfirmed. Trying again with the same `progress` is safe: a step that was accepted is not sent twice.
    """
    yield from read_power(progress)
    steps = STEPS.get(plan_power(action, progress.before), ())
    for step in steps[progress.confirmed :]:
        if boot_device and step != "OFF":
            yield from _set_boot_device(boot_device, boot_mode, progress)
        if not (step in progress.sent or (step != "RESET" and progress.after == STATE_AFTER[step])):
            yield from _ask(Ask(_CHASSIS, _CHASSIS_CONTROL, (_CONTROL[step],)), f"accept power {step}")
            progress.sent.append(step)
        yield from _confirm(step, progress, timeout_s, interval_s)
        progress.confirmed += 1


def _confirm(step: str, progress: Progress, timeout_s: float, interval_s: float) -> Flow:
    waited_s = 0.0
    while True:
        yield from read_power(progress)
        if progress.after == STATE_AFTER[step]:
            return
        if waited_s >= timeout_s:
            raise NotConfirmed(
                f"power {step} was accepted, but {timeout_s:g} s later the power state is {progress.after}"
            )
        yield Pause(interval_s)
        waited_s += interval_s


def _set_boot_device(name: str, mode: str, progress: Progress) -> Flow:
    # Without this the BMC drops the flags after 60 s, or at the power cycle itself (IPMI 2.0, 28.12 parameter 3).
    yield from _ask(Ask(_CHASSIS, _SET_BOOT_OPTIONS, (3, 8)), "keep the boot device")
    # There is no word for "as the firmware is set": without the bit many boot by the ways of the old BIOS, once.
    flags = 0x00 if name == "none" else _FLAGS_VALID | (_BOOT_BY_UEFI if mode == UEFI else 0x00)
    data = (_BOOT_FLAGS, flags, BOOT_DEVICES[name] << 2, 0, 0, 0)
    yield from _ask(Ask(_CHASSIS, _SET_BOOT_OPTIONS, data), f"take {name} as boot device")
    progress.boot_device = name


def _ask(request: Ask, what: str) -> Generator[AskOrPause, IpmiReply, IpmiReply]:
    reply = yield request
    if reply.code != 0:
        text = f": {reply.error}" if reply.error else ""
        raise Refused(f"the BMC did not {what}: completion code 0x{reply.code:02x}{text}")
    return reply
