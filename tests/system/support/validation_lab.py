# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual servers that boot the validation image, and what serves them: proxyDHCP as the role sets it up, the receiver.

All of it is in network namespaces of its own. Needs root and QEMU, dnsmasq, lldpd and ipmi_sim.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import yaml

from ansible_collections.baremetal.bcm.plugins.module_utils._validation_server.settings import Settings
from ansible_collections.baremetal.bcm.plugins.module_utils._validation_server.state import State
from ansible_collections.baremetal.bcm.tests.system.support.netbox_server import NetBoxView
from ansible_collections.baremetal.bcm.tests.system.support.validation_netbox import Inventory
from ansible_collections.baremetal.bcm.tests.unit.child_process import started
from virtual_rack.servers.bench_file import BenchSpec, ServerSpec, bench_from

ROOT = Path(__file__).resolve().parents[3]
IMAGE = ROOT / ".cache/validation-image/image"
_ROLE = ROOT / "roles/validation_server"
_PROFILES = (_ROLE / "files/profiles/baseline.yml", ROOT / "tests/system/validation/profiles/bench.yml")
_SERVICES = "ansible_collections.baremetal.bcm.plugins.module_utils._validation_server"
_IN_TFTP = ("undionly.kpxe", "ipxe.efi", "shimx64.efi", "grubx64.efi", "vmlinuz", "initrd")
BOOT_WITHIN_S = 1200.0
_VERDICT_WITHIN_S = 90.0
# Each keeps a core busy, and each of the tests' workers has a bench. One that waits for its disk leaves the core to
# another.
AT_ONCE = max(2, min(6, (os.cpu_count() or 1) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))))
# A machine that is silent for eight of them is given up.
HEARTBEAT_S = 5.0


def build_image(directory: Path = IMAGE.parent) -> Path:
    """Build the image unless it is there."""
    words = [sys.executable, str(ROOT / "validation_image/build.py"), str(directory)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    return directory / IMAGE.name


class ValidationLab:
    """A bench that runs, with a boot service in its namespace."""

    def __init__(self, bench: Mapping[str, Any], directory: Path) -> None:
        self.namespace = f"bcmv{os.getpid()}"
        self.spec: BenchSpec = bench_from({**bench, "namespace": self.namespace})
        self.directory = directory
        self.url = f"http://{self.spec.address.ip}:8080"
        self._file = directory / "bench.yml"
        self._file.write_text(yaml.safe_dump({**bench, "namespace": self.namespace}), encoding="utf-8")
        self._running = contextlib.ExitStack()
        self.settings = Settings(
            url=self.url,
            data_directory=str(directory / "data"),
            image_directory=str(IMAGE),
            host=str(self.spec.address.ip),
            heartbeat_seconds=HEARTBEAT_S,
            tftp_directory=str(directory / "tftp/grub") if self._is_secure else "",
        )

    def start(self) -> None:
        """Start all of it; the servers stay off."""
        (self.directory / "data").mkdir()
        self._lay_out_tftp()
        words = [sys.executable, "-m", "virtual_rack", "bench", str(self._file), "--directory", str(self.directory)]
        self.run("bench", words)
        self._await("bench", "ready")
        self.state = State(self.settings.state_path, time.time)
        self._running.callback(self.state.close)
        self.run_inside("dnsmasq", ["dnsmasq", "--keep-in-foreground", f"--conf-file={self._dnsmasq()}", "--user=root"])
        settings = {key: value for key, value in vars(self.settings).items() if not key.startswith("_")}
        (self.directory / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
        words = [sys.executable, "-m", _SERVICES, "receiver", "--config", str(self.directory / "settings.json")]
        self.run_inside("receiver", words)
        self._await("receiver", "listening on")

    def close(self) -> None:
        """End all of it."""
        self._running.close()

    def carry_to(self, netbox: NetBoxView) -> None:
        """Start the worker, and wait until it has admitted what this NetBox has as discovered."""
        profiles = self.directory / "profiles"
        profiles.mkdir()
        for path in _PROFILES:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
            (profiles / f"{path.stem}.json").write_text(json.dumps(content), encoding="utf-8")
        token = self.directory / "token"
        token.write_text(netbox.environment["NETBOX_TOKEN"], encoding="utf-8")
        settings = json.loads((self.directory / "settings.json").read_text(encoding="utf-8"))
        settings.update(netbox_url=netbox.url, netbox_token_file=str(token), profiles_directory=str(profiles))
        path = self.directory / "worker.json"
        path.write_text(json.dumps(settings), encoding="utf-8")
        self.run("worker", [sys.executable, "-m", _SERVICES, "worker", "--config", str(path)])
        until = time.monotonic() + 60
        while len(self.state.admissions()) < len(self.spec.servers):
            assert time.monotonic() < until, self.log("worker")
            time.sleep(0.2)

    def boot_all(self, inventory: Inventory, *, each_turn: Callable[[], None] = lambda: None) -> None:
        """Let all servers boot from the network, some at a time, and wait until NetBox has their verdicts."""
        waiting = list(self.spec.servers)
        running: dict[str, float] = {}
        while waiting or running:
            while waiting and len(running) < AT_ONCE:
                server = waiting.pop(0)
                self.ipmi(server, "chassis", "bootdev", "pxe")
                self.ipmi(server, "chassis", "power", "on")
                running[server.name] = time.monotonic() + BOOT_WITHIN_S
            for server in [each for each in self.spec.servers if each.name in running]:
                if self._is_over(server, inventory):
                    self.ipmi(server, "chassis", "power", "off")
                    del running[server.name]
                elif time.monotonic() > running[server.name]:
                    raise AssertionError(f"{server.name} is still on: {self.console(server)[-3000:]}\n{self._logs()}")
            each_turn()
            time.sleep(1)
        until = time.monotonic() + _VERDICT_WITHIN_S
        # A state changes before the worker is done with the run: its journal and its result follow.
        while "discovered" in inventory.states().values() or any(run.closed for run in self.state.open_runs()):
            assert time.monotonic() < until, f"{inventory.states()}\n{self._logs()}"
            each_turn()
            time.sleep(0.5)
        each_turn()

    def _is_over(self, server: ServerSpec, inventory: Inventory) -> bool:
        """Say whether a server is off again, or was given up where it hangs."""
        if server.fault("hang"):
            return inventory.state(server) != "discovered"
        return "is off" in self.ipmi(server, "chassis", "power", "status")

    def _logs(self) -> str:
        return f"{self.log('receiver')[-3000:]}\n{self.log('worker')[-3000:]}"

    def ipmi(self, server: ServerSpec, *words: str) -> str:
        """Ask a server's BMC."""
        # To ask the BMC which cipher suites it has takes ten seconds: it does not say.
        account = ["-I", "lanplus", "-C", "3", "-H", server.bmc.address]
        account += ["-U", server.bmc.username, "-P", server.bmc.password]
        done = subprocess.run(["ipmitool", *account, *words], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr + self.log("bench")
        return done.stdout

    def console(self, server: ServerSpec) -> str:
        """Give what a server has written to its console."""
        path = self.directory / server.name / "console"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def log(self, name: str) -> str:
        """Give what a program has printed."""
        return (self.directory / f"{name}.out").read_text(encoding="utf-8", errors="replace")

    def run(self, name: str, words: Sequence[str]) -> None:
        """Run a program until the lab is closed."""
        log = self._running.enter_context((self.directory / f"{name}.out").open("wb"))
        options = {"stdout": log, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL, "cwd": ROOT}
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / ".collections"), *sys.path])}
        self._running.enter_context(_ended_gently(words, env=environment, **options))

    def run_inside(self, name: str, words: Sequence[str]) -> None:
        """Run a program in the bench's namespace until the lab is closed."""
        self.run(name, ["ip", "netns", "exec", self.namespace, *words])

    def _await(self, name: str, word: str) -> None:
        until = time.monotonic() + 60
        while word not in self.log(name):
            assert "virtual-rack: " not in self.log(name), self.log(name)
            assert time.monotonic() < until, self.log(name)
            time.sleep(0.1)

    @property
    def _is_secure(self) -> bool:
        return any(server.firmware == "secure_boot" for server in self.spec.servers)

    def _lay_out_tftp(self) -> None:
        tftp = self.directory / "tftp"
        (tftp / "grub").mkdir(parents=True)
        (tftp / "grub/grub.cfg").symlink_to(_ROLE / "files/grub.cfg")
        for name in _IN_TFTP:
            (tftp / name).symlink_to(IMAGE / name)

    def _dnsmasq(self) -> Path:
        variables = yaml.safe_load((_ROLE / "vars/main.yml").read_text(encoding="utf-8"))
        template = jinja2.Environment(trim_blocks=True, autoescape=False).from_string(  # noqa: S701
            (_ROLE / "templates/dnsmasq.conf.j2").read_text(encoding="utf-8")
        )
        text = template.render(
            {
                **variables,
                "ansible_managed": "",
                "validation_server_interfaces": ["br0"],
                "validation_server_networks": [str(self.spec.address.network.network_address)],
                "__validation_server_tftp": str(self.directory / "tftp"),
                "__validation_server_uefi_loader": "shimx64.efi" if self._is_secure else "ipxe.efi",
                "__validation_server_base": self.url,
                "__validation_server_address": str(self.spec.address.ip),
            }
        )
        path = self.directory / "dnsmasq.conf"
        own = ["", f"pid-file={self.directory / 'dnsmasq.pid'}", "log-facility=-", "log-dhcp", ""]
        path.write_text(text + "\n".join(own), encoding="utf-8")
        return path


@contextlib.contextmanager
def _ended_gently(words: Sequence[str], **options: Any) -> Iterator[None]:
    """Run a program that clears up after itself when it is asked to end."""
    with started(words, limit_s=None, **options) as process:
        yield
        process.terminate()
        process.wait(timeout=30)
