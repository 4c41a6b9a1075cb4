# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tap as a service: installed by its role on a computer that runs systemd, beside a real DHCP server."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from ansible_collections.baremetal.bcm.tests.integration.support.rack import BIN, ROOT
from ansible_collections.baremetal.bcm.tests.system.support.booted import Computer, booted
from ansible_collections.baremetal.bcm.tests.system.support.dhcp_lab import Bmc, DhcpLab

CAP_NET_RAW = 1 << 13
# systemd's own rating of a service's exposure: 0 is none, 10 is all. Most of what is left is the network it needs.
MOST_EXPOSED = 1.3
SPOOL = "/var/lib/dhcp-tap/spool.sqlite"
TOKEN = "the-token-of-the-webhook"
ENVIRONMENT = {
    "PATH": f"{BIN}:/usr/sbin:/usr/bin:/sbin:/bin",
    "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"),
    "ANSIBLE_PYTHON_INTERPRETER": str(BIN / "python"),
    "ANSIBLE_HOME": "/tmp/ansible",
    "ANSIBLE_CONFIG": "/tmp/ansible.cfg",
    "ANSIBLE_PIPELINING": "1",
    "ANSIBLE_NOCOLOR": "1",
}


@dataclass(frozen=True)
class Place:
    """The DHCP server's computer, its network, and the two runs of the role that were made on it."""

    computer: Computer
    lab: DhcpLab
    first: str
    second: str

    def rows(self) -> list[dict[str, Any]]:
        """Give what waits in the spool."""
        code = (
            "import json, sys; sys.path.insert(0, '/usr/local/lib/dhcp-tap'); "
            "from dhcp_tap._dhcp_tap.spool import Spool; "
            f"print(json.dumps([row.item.to_dict() for row in Spool('{SPOOL}', create=False).peek(99)]))"
        )
        rows: list[dict[str, Any]] = json.loads(self.computer.says("/usr/bin/python3", "-c", code))
        return rows

    def pid(self) -> str:
        """Give the tap's process, 0 where there is none."""
        return self.computer.says("systemctl", "show", "--property=MainPID", "--value", "dhcp-tap")

    def is_active(self) -> bool:
        return self.computer.run("systemctl", "is-active", "dhcp-tap", check=False).stdout.strip() == "active"

    def status_of_tap(self) -> dict[str, str]:
        """Return the kernel's status of the tap's process."""
        lines = self.computer.says("cat", f"/proc/{self.pid()}/status").splitlines()
        return {name: value.strip() for name, value in (line.split(":", 1) for line in lines)}


def apply_role(computer: Computer, **variables: Any) -> str:
    """Run the role, and give what was printed."""
    role = {"role": "baremetal.bcm.dhcp_tap", "vars": variables}
    content = [{"hosts": "localhost", "connection": "local", "gather_facts": False, "roles": [role]}]
    computer.write("/tmp/play.yml", yaml.safe_dump(content))
    return computer.run(str(BIN / "ansible-playbook"), "--diff", "/tmp/play.yml", environment=ENVIRONMENT).stdout


def until(is_so: Callable[[], bool], wait_s: float = 60.0) -> bool:
    """Wait until something is true; returns whether it became so."""
    end = time.monotonic() + wait_s
    while not is_so():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


class TestService:
    @pytest.fixture(scope="class")
    @staticmethod
    def place(tmp_path_factory: pytest.TempPathFactory, dhcp_lab: DhcpLab) -> Iterator[Place]:
        directory = tmp_path_factory.mktemp("service")
        with booted(directory, dhcp_lab.server) as computer:
            runs = [apply_role(computer, dhcp_tap_interfaces=["bmc0", "later0"]) for _run in range(2)]
            yield Place(computer, dhcp_lab, *runs)

    def test_the_role_changes_nothing_the_second_time(self, place: Place) -> None:
        assert re.search(r"changed=[1-9]", place.first)
        assert "changed=0 " in place.second

    def test_the_service_runs_now_and_at_boot(self, place: Place) -> None:
        assert place.is_active()
        assert place.computer.says("systemctl", "is-enabled", "dhcp-tap") == "enabled"

    def test_it_is_not_root_and_may_do_nothing_but_open_raw_sockets(self, place: Place) -> None:
        status = place.status_of_tap()

        assert "0" not in status["Uid"].split()
        assert {int(status[f"Cap{kind}"], 16) for kind in ("Eff", "Prm", "Bnd", "Amb")} == {CAP_NET_RAW}
        assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")

    def test_systemd_finds_little_to_complain_of(self, place: Place) -> None:
        table = place.computer.says("systemd-analyze", "security", "--no-pager", "dhcp-tap.service")

        exposure = re.search(r"Overall exposure level for dhcp-tap.service: ([0-9.]+)", table)
        assert exposure is not None
        assert float(exposure[1]) <= MOST_EXPOSED, table

    def test_a_lease_is_in_the_spool_which_only_the_tap_can_read(self, place: Place) -> None:
        bmc = Bmc("02:00:00:aa:00:01", hostname="ilo-1")
        address = place.lab.lease(bmc)

        assert until(lambda: bool(place.rows()))
        (row,) = place.rows()
        assert (row["mac"], row["ip"], row["hostname"]) == (bmc.mac, address, "ilo-1")
        assert place.computer.says("stat", "--format=%U %a", SPOOL) == "dhcp-tap 600"

    def test_root_may_work_on_the_spool_and_the_tap_goes_on_writing_it(self, place: Place) -> None:
        assert place.rows()
        place.lab.lease(Bmc("02:00:00:aa:00:02"))

        assert until(lambda: len(place.rows()) == 2)

    def test_it_comes_back_when_it_is_killed(self, place: Place) -> None:
        before = place.pid()
        place.computer.run("kill", "-9", before)

        assert until(lambda: place.pid() not in ("0", before) and place.is_active())
        # What is leased before it listens again is seen when it is renewed.
        assert until(lambda: bool(place.lab.lease(Bmc("02:00:00:aa:00:03"))) and len(place.rows()) == 3)

    def test_with_a_webhook_the_token_is_in_no_unit_and_no_output(self, place: Place) -> None:
        said = apply_role(
            place.computer,
            dhcp_tap_interfaces=["bmc0"],
            dhcp_tap_webhook_url="http://127.0.0.1:9/50%25$HOME",
            dhcp_tap_webhook_token=TOKEN,
        )

        command = place.computer.says("sh", "-c", f"tr '\\0' '\\n' </proc/{place.pid()}/cmdline")
        assert "http://127.0.0.1:9/50%25$HOME" in command.splitlines()
        unit = place.computer.says("systemctl", "cat", "dhcp-tap")
        assert TOKEN not in said + unit + command
        assert place.computer.says("cat", "/etc/dhcp-tap/webhook-token") == TOKEN
        assert place.computer.says("stat", "--format=%U:%G %a", "/etc/dhcp-tap/webhook-token") == "root:dhcp-tap 640"
        assert place.is_active()

    def test_removed_it_leaves_nothing_but_its_spool(self, place: Place) -> None:
        apply_role(place.computer, dhcp_tap_state="absent")

        find = ("find", "/etc", "/usr/local/lib", "/var/lib", "-name", "*dhcp[-_]tap*")
        assert place.computer.says(*find) == "/var/lib/dhcp-tap"
        apply_role(place.computer, dhcp_tap_state="absent", dhcp_tap_remove_spool=True)
        assert place.computer.says(*find) == ""
        assert place.computer.run("id", "dhcp-tap", check=False).returncode == 1
