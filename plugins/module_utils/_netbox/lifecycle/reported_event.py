# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""One event as it was reported, cleaned: what it says comes from DHCP clients and scripts, and is not trusted. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Union

from ..._values.hostname import clean_hostname
from ..._values.mac import parse_mac
from .transitions import Event

Host = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]

_LONGEST_TEXT = 300
# Control characters and what would end the code span that foreign text stands in.
_NOT_IN_TEXT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029`]+")


@dataclass(frozen=True)
class ReportedEvent:
    """One event; `number` is its place in the task's list, `key` the caller's own name for it, returned as it came."""

    number: int
    event: Event
    device: str = ""
    mac: str = ""
    ip: Host | None = None
    prefix_length: int | None = None
    hostname: str = ""
    time: str = ""
    key: str = ""
    reason: str = ""

    @property
    def label(self) -> str:
        """Give the name of its server in messages."""
        return self.device or self.mac

    @property
    def cidr(self) -> str:
        """Give the address as NetBox keeps it; without a known prefix length, as a single host. Raises ValueError."""
        if self.ip is None:
            raise ValueError("no address")
        return f"{self.ip}/{self.prefix_length or self.ip.max_prefixlen}"


def journal_text(text: str) -> str:
    """Make foreign text fit for a code span of a journal entry: one line, no control characters, not long."""
    return _NOT_IN_TEXT.sub(" ", text).strip()[:_LONGEST_TEXT]


def name_event(number: int, given: Mapping[str, Any]) -> ReportedEvent:
    """Read as much of an event as it takes to report that it can't be used. Never raises."""
    device, mac = (journal_text(given.get(name) or "") for name in ("device", "mac"))
    return ReportedEvent(number, Event(given["event"]), device=device, mac=mac, key=given.get("key") or "")


def read_event(number: int, given: Mapping[str, Any]) -> ReportedEvent:
    """Read an event of a task's options, as `EVENTS` has them. Raises ValueError, which says what is wrong with it."""
    event = Event(given["event"])
    device = (given.get("device") or "").strip()
    mac = parse_mac(given["mac"]) if given.get("mac") else ""
    if not device and not mac:
        raise ValueError("it needs device or mac, to know which server it is about")
    ip = ipaddress.ip_address(given["ip"]) if given.get("ip") else None
    if event is Event.DHCP_ACK:
        _refuse_useless(ip)
    elif ip is not None:
        raise ValueError(f"{event} has no ip")
    length = given.get("prefix_length")
    if length is not None and (ip is None or not 1 <= length <= ip.max_prefixlen):
        raise ValueError(f"prefix_length {length} does not fit")
    return ReportedEvent(
        number=number,
        event=event,
        device=device,
        mac=mac,
        ip=ip,
        prefix_length=length,
        hostname=clean_hostname(given.get("hostname") or ""),
        time=journal_text(given.get("time") or ""),
        key=given.get("key") or "",
        reason=journal_text(given.get("reason") or ""),
    )


def _refuse_useless(ip: Host | None) -> None:
    if ip is None:
        raise ValueError("dhcp_ack needs ip")
    if ip.is_unspecified or ip.is_loopback or ip.is_multicast:
        raise ValueError(f"{ip} is not the address of a BMC")
