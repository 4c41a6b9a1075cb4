# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""BMCs that get addresses by real DHCP: dnsmasq in a namespace, clients in another, a relay between them in a third.

A tap beside the server has three interfaces to listen on: `bmc0`, a bridge to which BMCs are plugged; `relay0`, behind
which a relay stands with BMCs of its own; `trunk0`, to which a switch mirrors what the server sends to the BMCs on VLAN
7, each frame with its tag.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv4Network
from pathlib import Path

from ansible_collections.baremetal.bcm.tests.system.support.dhcp_client import lease_all
from ansible_collections.baremetal.bcm.tests.system.support.namespaces import Namespace, script
from ansible_collections.baremetal.bcm.tests.unit.child_process import started

VLAN = 7
INTERFACES = ("bmc0", "relay0", "trunk0")
# By where a BMC is: the network its address is from.
NETWORKS: Mapping[str, IPv4Network] = {
    "bmc0": IPv4Network("10.230.0.0/16"),
    "relay0": IPv4Network("10.229.30.0/24"),
    "trunk0": IPv4Network("10.229.40.0/24"),
}
_ETH_P_ALL = 0x0003
_LINK = IPv4Network("10.229.20.0/30")  # between server and relay
# By the place of a BMC: the namespace and the bridge that it is connected to.
_PORTS = {"bmc0": ("server", "bmc0"), "relay0": ("relay", "downlink"), "trunk0": ("relay", "switch")}


@dataclass(frozen=True)
class Bmc:
    """A BMC: its MAC address, and the bridge that it is connected to."""

    mac: str
    where: str = "bmc0"
    hostname: str = ""


class DhcpLab:
    """The namespaces and what runs in them, until it is closed. Needs root, dnsmasq, udhcpc and dhcrelay."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._processes: list[subprocess.Popen[str]] = []
        self._running = contextlib.ExitStack()
        self._plugged: dict[str, str] = {}
        names = f"bcm{os.getpid()}"
        self._spaces: list[Namespace] = []
        self.server, self._clients, self._relay = (self._space(f"{names}{part}") for part in ("s", "c", "r"))
        self._script = script(directory / "udhcpc-script", '#!/bin/sh\n[ "$1" = bound ] && echo "$ip"\nexit 0\n')
        self._mirror: Mirror | None = None
        try:
            self._connect()
            self._mirror = Mirror(self._relay, "far", "mirror")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self._mirror is not None:
            self._mirror.close()
        self._running.close()
        for space in self._spaces:
            space.close()

    def start(self) -> None:
        """Start server and relay, and wait until both listen."""
        self._run("dnsmasq", self.server, *self._dnsmasq())
        self._run(
            "dhcrelay", self._relay, "dhcrelay", "-4", "-d", "-a", "-id", "downlink", "-iu", "uplink", str(_LINK[1])
        )
        self._await_listeners()

    def lease(self, bmc: Bmc) -> str:
        """Let a BMC ask for an address, and give the one it got."""
        interface = self._plug(bmc)
        words = [
            "udhcpc",
            "-f",
            "-n",
            "-q",
            "-t",
            "8",
            "-T",
            "1",
            "-i",
            interface,
            "-s",
            str(self._script),
            "-V",
            "iLO",
        ]
        words += ["-x", f"hostname:{bmc.hostname}"] if bmc.hostname else []
        done = subprocess.run(self._clients.command(*words), capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"{done.stdout}{done.stderr}{self.log}"
        return done.stdout.strip()

    def lease_many(self, macs: Sequence[str]) -> dict[str, str]:
        """Let very many BMCs at the bridge ask for addresses at once; gives them by MAC address."""
        interface = self._plug(Bmc("02:00:00:ff:ff:fe"))
        with self._clients.inside():
            return lease_all(interface, macs)

    @property
    def log(self) -> str:
        """Return what server and relay have printed."""
        return "".join(path.read_text(encoding="utf-8") for path in sorted(self._directory.glob("*.log")))

    def _space(self, name: str) -> Namespace:
        space = Namespace(name)
        self._spaces.append(space)
        return space

    def _connect(self) -> None:
        server, relay = self.server, self._relay
        server.ip("link", "add", "bmc0", "type", "bridge", "forward_delay", "0")
        server.ip("link", "add", "relay0", "type", "veth", "peer", "name", "uplink", "netns", relay.name)
        server.ip("link", "add", "trunk0", "type", "veth", "peer", "name", "mirror", "netns", relay.name)
        server.ip("link", "add", "vlan", "type", "veth", "peer", "name", "far", "netns", relay.name)
        for bridge in ("downlink", "switch"):
            relay.ip("link", "add", bridge, "type", "bridge", "forward_delay", "0")
        _give(server, "bmc0", NETWORKS["bmc0"], 1)
        _give(server, "relay0", _LINK, 1)
        server.ip("link", "set", "trunk0", "up")
        _give(server, "vlan", NETWORKS["trunk0"], 1)
        _give(relay, "uplink", _LINK, 2)
        _give(relay, "downlink", NETWORKS["relay0"], 1)
        relay.ip("link", "set", "switch", "up")
        relay.ip("link", "set", "far", "master", "switch", "up")
        relay.ip("link", "set", "mirror", "up")
        server.ip("route", "add", str(NETWORKS["relay0"]), "via", str(_LINK[2]))

    def _plug(self, bmc: Bmc) -> str:
        """Plug a BMC in, unless it is; give its interface."""
        if bmc.mac in self._plugged:
            return self._plugged[bmc.mac]
        number = len(self._plugged)
        interface = f"bmc{number}"
        space, bridge = _PORTS[bmc.where]
        at = self.server if space == "server" else self._relay
        peer = ["type", "veth", "peer", "name", f"port{number}", "netns", at.name]
        self._clients.ip("link", "add", interface, "address", bmc.mac, *peer)
        at.ip("link", "set", f"port{number}", "master", bridge, "up")
        self._clients.ip("link", "set", interface, "up")
        self._plugged[bmc.mac] = interface
        return interface

    def _dnsmasq(self) -> list[str]:
        ranges = [f"--dhcp-range={net[50]},{net[-6]},{net.netmask},1h" for net in NETWORKS.values()]
        listens = [f"--interface={name}" for name in ("bmc0", "relay0", "vlan")]
        here = self._directory
        files = ["--leasefile-ro", f"--pid-file={here}/dnsmasq.pid", "--conf-file=/dev/null"]
        plain = ["--keep-in-foreground", "--port=0", "--no-ping", "--user=root", "--log-facility=-", "--log-dhcp"]
        return ["dnsmasq", *plain, *files, *listens, *ranges, "--dhcp-authoritative", "--dhcp-lease-max=5000"]

    def _run(self, name: str, space: Namespace, *words: str) -> None:
        with (self._directory / f"{name}.log").open("wb") as log:
            program = started(space.command(*words), limit_s=None, stdout=log, stderr=subprocess.STDOUT)
            self._processes.append(self._running.enter_context(program))

    def _await_listeners(self) -> None:
        until = time.monotonic() + 20
        for space in (self.server, self._relay):
            while ":67 " not in _listeners(space):
                assert time.monotonic() < until, self.log
                assert all(process.poll() is None for process in self._processes), self.log
                time.sleep(0.05)


class Mirror:
    """Copies what comes in on one interface to another, with the tag of the VLAN: the mirror port of a switch."""

    def __init__(self, space: Namespace, source: str, target: str) -> None:
        with space.inside():
            self._source = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
            self._target = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._source.bind((source, _ETH_P_ALL))
        self._source.settimeout(0.2)
        self._target.bind((target, 0))
        self._closing = False
        self._thread = threading.Thread(target=self._copy, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closing = True
        self._thread.join(timeout=30)
        self._source.close()
        self._target.close()

    def _copy(self) -> None:
        while not self._closing:
            try:
                frame, place = self._source.recvfrom(1 << 16)
            except TimeoutError:
                continue
            if place[2] != socket.PACKET_OUTGOING:
                self._target.send(frame[:12] + b"\x81\x00" + VLAN.to_bytes(2, "big") + frame[12:])


def _give(space: Namespace, interface: str, network: IPv4Network, number: int) -> None:
    address = IPv4Interface((network[number], network.prefixlen))
    space.ip("address", "add", str(address), "dev", interface)
    space.ip("link", "set", interface, "up")


def _listeners(space: Namespace) -> str:
    answer = subprocess.run(space.command("ss", "-ulnH"), check=True, capture_output=True, text=True, timeout=30)
    return answer.stdout
