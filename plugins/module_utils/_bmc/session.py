# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Sessions with BMCs: pyghmi's knowledge of RMCP+ without its event loop. The only file that imports pyghmi.

pyghmi 1.6.19 has pitfalls, each kept out here once:
* It reads in a thread of its own and loses wake-ups: an answer that comes just before the caller sleeps is seen up to
  a second later. With 64 BMCs at once that made 65 s out of 3 s. Here each session has its own socket, and one
  `select` waits for all of them.
* The last step of a login blocks, and raises: a BMC that falls silent there holds up all others, then ends the loop.
  Here it is a request like any other.
* Sessions to one address are shared, remembered by user name and password as given and forgotten by their bytes: a
  second one gets the first one's remains. Here none is shared.
* An established session whose BMC is silent logs in again by itself, and the answer that comes after belongs to
  no request. Here it has failed; the caller opens a new one.
* Without a privilege level it logs in a second time with a lower one: the level is always given.
* A callback is called from within packet handling: it only takes notes here (see `Sessions.wait`).
* Its IPMI 1.5 login does not run on Python 3: a BMC that knows nothing newer is reported with a text of its own.
* Failures differ by text only, and "no answer" has many; see `SessionEvent`.
"""

from __future__ import annotations

import selectors
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from .flow import Ask, IpmiReply

try:
    from pyghmi.exceptions import IpmiException
    from pyghmi.ipmi.private.session import Session as PyghmiSession
    from pyghmi.ipmi.private.util import get_ipmi_error

    PYGHMI_IMPORT_ERROR: ImportError | None = None
except ImportError as missing:
    PYGHMI_IMPORT_ERROR = missing
    PyghmiSession, IpmiException = object, RuntimeError

_PRIVILEGES = {"CALLBACK": 1, "USER": 2, "OPERATOR": 3, "ADMINISTRATOR": 4}
_APPLICATION, _SET_PRIVILEGE, _CLOSE_SESSION = 0x06, 0x3B, 0x3C
# Words in pyghmi's texts that mean the login was refused (its rmcp_codes, completion codes and RAKP checks).
_LOGIN_REFUSED = ("password", "unauthorized", "invalid role", "integrity check", "wrong kg", "privilege level")
_LONGEST_PACKET = 4096
# The first and the last of the growing waits for one answer; they are about 1, 2, 3 and 4 s.
_FIRST_WAIT_S = 1.0
_PATIENCE_S = 4
# Where a login is not checked by then, pyghmi logs in anew, which costs the BMC a session. It would not wait a second.
_LOGIN_WAIT_S = 2.0


@dataclass(frozen=True)
class Bmc:
    """Where a BMC is and how to log in."""

    address: str
    username: str
    password: str = field(repr=False)
    port: int = 623
    privilege: str = "ADMINISTRATOR"

    @property
    def credentials(self) -> tuple[str, str]:
        """Return a value that is equal for BMCs that share user name and password."""
        return (self.username, self.password)


@dataclass(frozen=True)
class SessionEvent:
    """One event of a session: a reply, the end of the login (no reply and no error), or why the session has failed."""

    reply: IpmiReply | None = None
    error: str = ""

    @property
    def is_login_refused(self) -> bool:
        """Return whether the BMC refused the login; a locked account looks the same as a wrong password."""
        return any(word in self.error.lower() for word in _LOGIN_REFUSED)


Listener = Callable[[SessionEvent], None]


def open_udp(address: str, port: int) -> socket.socket:
    """Open a socket that receives from one BMC alone, and the errors of a host or port that is not there.

    Raises OSError where the name is not known or there is no route; trying again is safe.
    """
    family, kind, protocol, _name, peer = socket.getaddrinfo(address, port, type=socket.SOCK_DGRAM)[0]
    opened = socket.socket(family, kind, protocol)
    try:
        opened.setblocking(False)
        opened.connect(peer)
    except OSError:
        opened.close()
        raise
    return opened


class Session(PyghmiSession):  # type: ignore[misc]
    """One session with one BMC, at most one request at a time. Raises OSError where there is no way to the BMC."""

    logged: int
    logging: bool
    broken: bool
    lastpayload: object
    attemptedhash: int
    sessioncontext: str | None
    heard: bool = False  # whether the BMC has sent anything

    def __new__(cls, *_args: Any, **_kwargs: Any) -> Session:
        made: Session = object.__new__(cls)
        return made

    def __init__(self, bmc: Bmc, listener: Listener, connect: Callable[[str, int], Any] = open_udp) -> None:
        self._listener = listener
        self._connect = connect
        self._resend_s: float | None = None
        self.forbidsock: tuple[()] = ()
        super().__init__(
            bmc=bmc.address,
            port=bmc.port,
            userid=bmc.username.encode(),
            password=bmc.password.encode(),
            onlogon=listener,
            privlevel=_PRIVILEGES.get(bmc.privilege, _PRIVILEGES["ADMINISTRATOR"]),
            keepalive=False,
        )

    # -- for the caller --------------------------------------------------------------------------------------------

    def ask(self, request: Ask) -> None:
        """Send a request; the listener is called with the reply, or with the reason why there is none."""
        self.ipmicallback = self._got_reply
        self._send_ipmi_net_payload(request.netfn, request.command, request.data)

    def read(self) -> None:
        """Handle the packets that have come; a network error or a broken packet is reported to the listener."""
        try:
            while True:
                packet = bytearray(self.socket.recv(_LONGEST_PACKET))
                if packet[:1] == b"\x06" and packet[2:4] == b"\xff\x07":
                    self.heard = True
                    # The third entry is where pyghmi looks for a server of its own.
                    self._handle_ipmi_packet(packet, qent=(packet, None, None))
        except BlockingIOError:
            pass
        except OSError as error:
            self._fail(f"no way to {self.bmc}: {error.strerror or error}")
        except (IndexError, ValueError, struct.error, IpmiException) as error:
            self._fail(f"an answer that can't be read: {error}")

    @property
    def wake_s(self) -> float | None:
        """Return when `resend` is due, in seconds of time.monotonic; None while no answer is awaited."""
        return self._resend_s if self.lastpayload else None

    def resend(self) -> None:
        """Repeat what was not answered, or give up."""
        self._resend_s = None
        self._timedout()

    def close(self) -> None:
        """Log out, without waiting for it, and close the socket."""
        self.lastpayload = None
        self.pendingpayloads.clear()
        if self.logged:
            self._send_ipmi_net_payload(_APPLICATION, _CLOSE_SESSION, struct.pack("<I", self.sessionid), retry=False)
        self.logged, self.logging, self.broken = 0, False, True
        self.socket.close()

    # -- what pyghmi calls -------------------------------------------------------------------------------------------

    def _assignsocket(self, server: object = None, forbiddensockets: object = ()) -> Any:
        return self._connect(self.bmc, self.port)

    def _xmit_packet(self, retry: bool = True, delay_xmit: float | None = None, timeout: float | None = None) -> None:
        if self.sequencenumber:  # 0 means: before the session
            self.sequencenumber += 1
        # The network reports an absent BMC once, to `read` or here; an unsent packet is repeated like a lost one.
        with suppress(OSError):
            self.socket.send(self.netpacket)
        if retry:
            least_s = _LOGIN_WAIT_S if self.sessioncontext in ("EXPECTINGRAKP2", "EXPECTINGRAKP4") else _FIRST_WAIT_S
            self._resend_s = time.monotonic() + max(least_s, self.timeout if timeout is None else timeout)

    def _initsession(self) -> None:
        # Also called to log in anew after a loss. A BMC that does not take SHA-256 is not asked for it again.
        algorithm = getattr(self, "attemptedhash", None)
        super()._initsession()
        self.attemptedhash = algorithm or self.attemptedhash

    def _req_priv_level(self) -> None:
        self.logged = 1
        self.logoutexpiry = None
        self.maxtimeout = _PATIENCE_S
        self.logontries = 0
        self.ipmicallback = self._got_privilege
        self._send_ipmi_net_payload(_APPLICATION, _SET_PRIVILEGE, (self.privlevel,))

    def _got_privilege(self, response: dict[str, Any]) -> None:
        error = get_ipmi_error(response)
        if error:
            self._fail(error if "error" in response else f"{error} (asked for level {self.privlevel})")
            return
        self.logging = False
        self._listener(SessionEvent())

    def _got_reply(self, response: dict[str, Any]) -> None:
        if "error" in response:
            self._fail(str(response["error"]))
            return
        text = get_ipmi_error(response) or ""
        self._listener(SessionEvent(IpmiReply(int(response["code"]), bytes(response["data"]), text)))

    def _get_session_challenge(self) -> None:
        self._fail("it knows IPMI 1.5 only, which is not supported")

    def onlogon(self, parameter: dict[str, Any]) -> None:
        self._fail(str(parameter.get("error") or "no answer"))

    def _mark_broken(self, error: object = None) -> None:
        """Do nothing: `_fail` has reported it already."""

    def _fail(self, error: str) -> None:
        self.lastpayload = None
        self.logging = False
        if not self.broken:
            self.broken = True
            self._listener(SessionEvent(error=error))


class Sessions:
    """All open sessions, and the wait for any of them."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._open: set[Session] = set()

    def open(self, bmc: Bmc, listener: Listener) -> Session:
        """Begin to log in; the listener is called, within `wait` only, when that has ended and for every reply.

        Raises OSError where there is no way to the BMC; trying again is safe.
        """
        session = Session(bmc, listener)
        self._selector.register(session.socket, selectors.EVENT_READ, session)
        self._open.add(session)
        return session

    def close(self, session: Session) -> None:
        """Log out of a session, without waiting for it, and forget it."""
        self._selector.unregister(session.socket)
        self._open.discard(session)
        session.close()

    def wait(self, timeout_s: float) -> None:
        """Wait up to `timeout_s` seconds for packets and handle them; repeat what is not answered.

        Returns early when something has come.
        """
        wakes_s = [wake_s for wake_s in (session.wake_s for session in self._open) if wake_s is not None]
        left_s = min(wakes_s, default=float("inf")) - time.monotonic()
        for key, _events in self._selector.select(max(0.0, min(timeout_s, left_s))):
            key.data.read()
        now_s = time.monotonic()
        for session in self._overdue(now_s):
            # Its answer may have come while others were read.
            session.read()
        for session in self._overdue(now_s):
            session.resend()

    def _overdue(self, now_s: float) -> list[Session]:
        return [session for session in self._open if session.wake_s is not None and session.wake_s <= now_s]
