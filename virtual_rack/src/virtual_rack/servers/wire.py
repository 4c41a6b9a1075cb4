# SPDX-License-Identifier: GPL-3.0-or-later
"""The bench's network: a namespace with a bridge, a tap for each server, lldpd as the switch; a DHCP server beside it.

The first address of the network is in the namespace, for a boot service. The DHCP server, which knows nothing of
booting, has the second one in a namespace of its own: it stands elsewhere at a site too.
"""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from virtual_rack.servers.bench_file import BenchSpec, ServerSpec

BRIDGE = "br0"


class Wire:
    """The network, until it is closed. Needs root, iproute2 and lldpd."""

    def __init__(self, bench: BenchSpec, directory: Path) -> None:
        self.namespace = bench.namespace
        self._bench = bench
        self._directory = directory
        self._site = f"{bench.namespace}-site"
        self._processes: list[subprocess.Popen[bytes]] = []

    def open(self) -> None:
        """Make the namespace, the bridge and the taps, and let the switch announce itself."""
        bench = self._bench
        _run("ip", "netns", "add", bench.namespace)
        self._ip("link", "set", "lo", "up")
        self._ip("link", "add", BRIDGE, "type", "bridge", "forward_delay", "0")
        self._ip("addr", "add", str(bench.address), "dev", BRIDGE)
        self._ip("link", "set", BRIDGE, "up")
        for number in range(len(bench.servers)):
            self._ip("tuntap", "add", "dev", tap(number), "mode", "tap")
            self._ip("link", "set", tap(number), "master", BRIDGE, "up")
        self._lease()
        self._announce()

    def close(self) -> None:
        """End the switch and remove the namespace."""
        for process in self._processes:
            process.terminate()
            process.wait()
        for path in self._of_lldpd:
            path.unlink(missing_ok=True)
        for name in (self._site, self._bench.namespace):
            with contextlib.suppress(OSError):
                _run("ip", "netns", "delete", name)

    def command(self, *words: str) -> list[str]:
        """Give the command that runs another one in the namespace."""
        return ["ip", "netns", "exec", self._bench.namespace, *words]

    def _ip(self, *words: str) -> None:
        _run("ip", "-netns", self._bench.namespace, *words)

    def _lease(self) -> None:
        network = self._bench.address.network
        own, first, last = network[2], network[16], network[min(250, network.num_addresses - 2)]
        _run("ip", "netns", "add", self._site)
        self._ip("link", "add", "site", "type", "veth", "peer", "name", "eth0", "netns", self._site)
        self._ip("link", "set", "site", "master", BRIDGE, "up")
        _run("ip", "-netns", self._site, "addr", "add", f"{own}/{network.prefixlen}", "dev", "eth0")
        _run("ip", "-netns", self._site, "link", "set", "eth0", "up")
        words = [
            "dnsmasq",
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            "--port=0",
            "--interface=eth0",
            "--user=root",
        ]
        words += ["--no-ping", f"--dhcp-range={first},{last},1h", f"--dhcp-leasefile={self._directory / 'leases'}"]
        words += ["--dhcp-option=3", "--dhcp-authoritative", f"--pid-file={self._directory / 'dhcp.pid'}"]
        words += [f"--dhcp-boot=,,{self._bench.address.ip}"] if self._bench.next_server else []
        self._start("dhcp", ["ip", "netns", "exec", self._site, *words])

    def _start(self, name: str, words: list[str]) -> subprocess.Popen[bytes]:
        with (self._directory / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._processes.append(process)
        return process

    def _announce(self) -> None:
        socket, settings = self._of_lldpd
        ports = {tap(number): _announced(server) for number, server in enumerate(self._bench.servers)}
        lines = [
            f"configure system hostname {self._bench.switch}",
            f"configure lldp tx-interval {self._bench.lldp_interval_s}",
        ]
        for name, port in ports.items():
            lines.append(f"configure ports {name} lldp portidsubtype local {port}")
            lines.append(f"configure ports {name} lldp portdescription {port}")
        settings.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        socket.unlink(missing_ok=True)
        # It begins in a pause that an lldpcli of its own ends; settings that come beside that one undo what it does.
        words = ["lldpd", "-d", "-k", "-u", str(socket), "-O", str(settings), "-I", "t*", "-S", "a switch in software"]
        lldpd = self._start("lldpd", self.command(*words))
        until = time.monotonic() + 20
        while not self._announces(socket, ports.values()):
            if time.monotonic() > until or lldpd.poll() is not None:
                raise OSError((self._directory / "lldpd.log").read_text(encoding="utf-8", errors="replace"))
            time.sleep(0.1)

    def _announces(self, socket: Path, ports: Iterable[str]) -> bool:
        words = self.command("lldpcli", "-u", str(socket), "show", "interfaces")
        shown = subprocess.run(words, capture_output=True, text=True, check=False).stdout
        said = (self._directory / "lldpd.log").read_text(encoding="utf-8", errors="replace")
        named = self._bench.switch in shown and all(f"local {port}\n" in shown for port in ports)
        return named and "should resume" in said

    @property
    def _of_lldpd(self) -> tuple[Path, Path]:
        """Its socket and its settings. lldpcli is not root, and sees no directory that is only for root."""
        place = f"/run/{self._bench.namespace}-lldpd"
        return Path(f"{place}.socket"), Path(f"{place}.conf")


def _announced(server: ServerSpec) -> str:
    wrong = server.fault("wrong_port")
    return wrong.option if wrong else server.port


def tap(number: int) -> str:
    """Name the tap of the server with this number."""
    return f"t{number}"


def _run(*words: str) -> None:
    done: subprocess.CompletedProcess[str] = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"{' '.join(words)}: {done.stderr.strip()}")
