# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Addresses of servers: which are ones, and finding them in bounded time."""

from __future__ import annotations

import ipaddress
import queue
import re
import socket
import threading

from .errors import BadAddress

_LONGEST_NAME = 253
_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")


def is_ip_address(host: str) -> bool:
    """Return whether it is an IPv4 or IPv6 address, and needs no DNS."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def check_host(host: str) -> None:
    """Raise BadAddress for what is no IP address and no host name (RFC 1123, 2.1; underscores are seen in the wild)."""
    if is_ip_address(host):
        return
    name = host[:-1] if host.endswith(".") else host
    if len(name) > _LONGEST_NAME or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise BadAddress(f"{host[:60]!r} is neither a host name nor an IP address")


def check_port(port: int) -> None:
    """Raise BadAddress for what is no TCP port."""
    if not 1 <= port <= 65535:
        raise BadAddress(f"{port} is no port: it takes 1 to 65535")


def resolve(host: str, port: int, timeout_s: float | None) -> list[str]:
    """Return the IP addresses of a host, in the order of preference.

    The C library has no bound on the time of a look-up, so it is done in a thread that may be left behind. Raises
    TimeoutError, and OSError where there is no such host.
    """
    if is_ip_address(host):
        return [host]
    answers: queue.Queue[list[str] | OSError] = queue.Queue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            answers.put(error if isinstance(error, OSError) else OSError(str(error)))
        else:
            answers.put(list(dict.fromkeys(str(entry[4][0]) for entry in found)))

    threading.Thread(target=ask, daemon=True, name="resolve").start()
    try:
        answer = answers.get(timeout=timeout_s)
    except queue.Empty:
        raise TimeoutError(f"the look-up of {host} did not end") from None
    if isinstance(answer, OSError):
        raise answer
    return answer
