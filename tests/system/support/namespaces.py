# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network namespaces for tests: nothing in them reaches the network of this computer, or is reached from it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.baremetal.bcm.tests.system.support.gate import Gate

_CLONE_NEWNET = 0x40000000


class Namespace:
    """A network namespace, gone when it is closed."""

    def __init__(self, name: str) -> None:
        self.name = name
        ip("netns", "add", name)
        self.ip("link", "set", "lo", "up")

    def close(self) -> None:
        with contextlib.suppress(subprocess.CalledProcessError):
            ip("netns", "delete", self.name)

    def ip(self, *words: str) -> None:
        """Run ip in it."""
        ip("-netns", self.name, *words)

    def command(self, *words: str) -> list[str]:
        """Give the command that runs another one in it."""
        return ["ip", "netns", "exec", self.name, *words]

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Let this thread make its sockets in the namespace for as long as the block lasts."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
        try:
            _enter(there)
            yield
        finally:
            _enter(home)
            os.close(there)
            os.close(home)

    def door(self, address: tuple[str, int]) -> Gate:
        """Open a port on its loopback that passes connections on to a server on this computer's own loopback."""
        with self.inside():
            listener = socket.create_server(("127.0.0.1", address[1]))
        return Gate(listener, address)


def ip(*words: str) -> None:
    """Run ip; what it complains of is in the error."""
    try:
        subprocess.run(["ip", *words], check=True, capture_output=True, text=True, timeout=30)
    except subprocess.CalledProcessError as error:
        error.add_note(error.stderr)
        raise


def _enter(namespace: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def script(path: Path, text: str) -> Path:
    """Write a program."""
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path
