# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A port that passes connections on to a server, and ends them all when it is closed."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Sequence


class Gate:
    """A listening port before the server at `address`; connections go out from where the gate is made."""

    def __init__(self, listener: socket.socket, address: tuple[str, int]) -> None:
        self._address = address
        self._passing: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = listener
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Refuse connections from now on, and end those there are."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(timeout=30)
        self._listener.close()
        with self._lock:
            for each in self._passing:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def _serve(self) -> None:
        while True:
            try:
                caller, _address = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._pass_on, args=(caller,), daemon=True).start()

    def _pass_on(self, caller: socket.socket) -> None:
        with caller, contextlib.suppress(OSError), socket.create_connection(self._address, timeout=5) as server:
            server.settimeout(None)
            ends = (caller, server)
            with self._lock:
                self._passing.update(ends)
            try:
                pump(ends)
            finally:
                with self._lock:
                    self._passing.difference_update(ends)


def pump(ends: Sequence[socket.socket]) -> None:
    """Pass bytes on both ways until one end has no more."""
    while True:
        readable, _writable, _broken = select.select(ends, [], [])
        for end in readable:
            content = end.recv(1 << 16)
            if not content:
                return
            ends[end is ends[0]].sendall(content)
