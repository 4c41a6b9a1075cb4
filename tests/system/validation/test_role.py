# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The validation server as services: installed by its role on a computer that runs systemd."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import starlette
import yaml

from ansible_collections.baremetal.bcm.tests.integration.support.rack import BIN
from ansible_collections.baremetal.bcm.tests.system.intake.test_tap_service import ENVIRONMENT, until
from ansible_collections.baremetal.bcm.tests.system.support.booted import Computer, booted
from ansible_collections.baremetal.bcm.tests.system.support.namespaces import Namespace

UNITS = ("validation-dnsmasq", "validation-receiver", "validation-worker")
# systemd's own rating of a service's exposure: 0 is none, 10 is all. Most of what is left is the network they need.
MOST_EXPOSED = {"validation-dnsmasq": 2.5, "validation-receiver": 1.6, "validation-worker": 1.6}
IMAGE_FILES = ("vmlinuz", "initrd", "ipxe.efi", "undionly.kpxe", "shimx64.efi", "grubx64.efi")
TOKEN = "the-token-of-netbox"
_FIND = ("find", "/etc", "/usr/local/lib", "/var/lib", "-maxdepth", "3", "-name", "validation-*")
# Services see nobody's home, where the tests' own Python may live; the packages that they need run on any.
_PYTHON = "/usr/local/bin/python-with-packages"
_WRAPPER = f"""#!/bin/sh
PYTHONPATH=$PYTHONPATH:{Path(starlette.__file__).parents[1]} exec /usr/bin/python3 "$@"
"""


@dataclass(frozen=True)
class Place:
    """A computer, what a check printed while it was bare and what was there then, and the two runs that were made."""

    computer: Computer
    checked: str
    left_by_check: str
    runs: list[str]


def apply_role(computer: Computer, *words: str, **variables: Any) -> str:
    """Run the role, and give what was printed."""
    given = {
        "validation_server_interfaces": ["br0"],
        "validation_server_networks": ["10.97.0.0"],
        "validation_server_url": "http://10.97.0.1:8080",
        "validation_server_netbox_url": "http://127.0.0.1:9",
        "validation_server_netbox_token": TOKEN,
        "validation_server_python": _PYTHON,
        "validation_server_image": "/var/lib/validation-image/image",
        **variables,
    }
    role = {"role": "baremetal.bcm.validation_server", "vars": given}
    content = [{"hosts": "localhost", "connection": "local", "gather_facts": False, "roles": [role]}]
    computer.write("/tmp/play.yml", yaml.safe_dump(content))
    command = [str(BIN / "ansible-playbook"), "--diff", *words, "/tmp/play.yml"]
    return computer.run(*command, environment=ENVIRONMENT).stdout


class TestRole:
    @pytest.fixture(scope="class")
    @staticmethod
    def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
        network = Namespace(f"bcmr{os.getpid()}")
        try:
            network.ip("link", "add", "br0", "type", "bridge")
            network.ip("addr", "add", "10.97.0.1/24", "dev", "br0")
            network.ip("link", "set", "br0", "up")
            with booted(tmp_path_factory.mktemp("role"), network) as computer:
                computer.write(_PYTHON, _WRAPPER)
                computer.run("chmod", "755", _PYTHON)
                # One that was built on this computer is not this test's.
                computer.run("rm", "-rf", "/var/lib/validation-image")
                # It is served as it lies there, whatever it is.
                computer.run("mkdir", "-p", "/var/lib/validation-image/image")
                for name in IMAGE_FILES:
                    computer.write(f"/var/lib/validation-image/image/{name}", name)
                checked = apply_role(computer, "--check")
                left = computer.says(*_FIND) + computer.run("id", "validation-server", check=False).stdout
                yield Place(computer, checked, left, [apply_role(computer), apply_role(computer)])
        finally:
            network.close()

    def test_a_check_of_a_bare_computer_foretells_the_installation_and_writes_nothing(self, place: Place) -> None:
        assert re.search(r"changed=1\d .*failed=0", place.checked)
        assert "+dhcp-range=10.97.0.0,proxy" in place.checked
        assert "+dhcp-boot=tag:http,http://10.97.0.1:8080/image/ipxe.efi" in place.checked
        assert "It is not installed yet: undionly.kpxe and ipxe.efi would be copied" in place.checked
        assert TOKEN not in place.checked
        assert place.left_by_check.split() == ["/var/lib/validation-image"]

    def test_the_role_changes_nothing_the_second_time(self, place: Place) -> None:
        assert re.search(r"changed=[1-9]", place.runs[0])
        assert "changed=0 " in place.runs[1]

    def test_check_mode_foretells_a_change_and_writes_nothing(self, place: Place) -> None:
        before = place.computer.says("cat", "/etc/validation-server/dnsmasq.conf")
        said = apply_role(place.computer, "--check", validation_server_networks=["10.97.9.0"])

        assert "+dhcp-range=10.97.9.0,proxy" in said
        assert place.computer.says("cat", "/etc/validation-server/dnsmasq.conf") == before

    @pytest.mark.parametrize("unit", UNITS)
    def test_its_services_run_now_and_at_boot(self, place: Place, unit: str) -> None:
        def pid() -> str:
            return place.computer.says("systemctl", "show", "--property=MainPID", "--value", unit)

        # One that is started again and again has another process each time.
        first = pid()
        time.sleep(3)
        assert first != "0"
        assert pid() == first, place.computer.run("systemctl", "status", unit, check=False).stdout
        assert place.computer.says("systemctl", "is-enabled", unit) == "enabled"

    @pytest.mark.parametrize("unit", UNITS)
    def test_systemd_finds_little_to_complain_of(self, place: Place, unit: str) -> None:
        table = place.computer.says("systemd-analyze", "security", "--no-pager", f"{unit}.service")

        exposure = re.search(r"Overall exposure level for \S+: ([0-9.]+)", table)
        assert exposure is not None
        assert float(exposure[1]) <= MOST_EXPOSED[unit], table

    def test_none_of_them_is_root(self, place: Place) -> None:
        own = place.computer.says("id", "-u", "validation-server")
        for unit in UNITS:
            pid = place.computer.says("systemctl", "show", "--property=MainPID", "--value", unit)
            lines = place.computer.says("cat", f"/proc/{pid}/status").splitlines()
            (uids,) = (line.split()[1:] for line in lines if line.startswith("Uid:"))
            assert set(uids) == {own}

    def test_the_receiver_answers_where_servers_come_by(self, place: Place) -> None:
        def answers() -> bool:
            words = ("curl", "--silent", "--max-time", "5", "http://10.97.0.1:8080/boot/ipxe")
            return place.computer.run(*words, check=False).stdout.startswith("#!ipxe")

        assert until(answers)

    def test_netbox_s_token_is_in_one_file_that_only_the_worker_reads(self, place: Place) -> None:
        settings = place.computer.says("cat", "/etc/validation-server/settings.json")

        assert TOKEN not in settings + "".join(place.runs)
        assert place.computer.says("cat", "/etc/validation-server/netbox-token") == TOKEN
        path = "/etc/validation-server/netbox-token"
        assert place.computer.says("stat", "--format=%U %G %a", path) == "root validation-worker 640"
        groups = {unit: place.computer.says("systemctl", "show", "-PSupplementaryGroups", unit) for unit in UNITS}
        assert groups == {**dict.fromkeys(UNITS, ""), "validation-worker": "validation-worker"}
        own = ("setpriv", "--reuid=validation-server", "--regid=validation-server", "--clear-groups")
        assert "Permission denied" in place.computer.run(*own, "cat", path, check=False).stderr
        assert json.loads(settings)["netbox_url"] == "http://127.0.0.1:9"

    def test_for_secure_boot_uefi_is_given_shim_and_grub_and_the_worker_writes_what_grub_reads(
        self, place: Place
    ) -> None:
        apply_role(place.computer, validation_server_secure_boot=True)

        tftp = "/var/lib/validation-server/tftp"
        settings = json.loads(place.computer.says("cat", "/etc/validation-server/settings.json"))
        assert settings["tftp_directory"] == f"{tftp}/grub"
        assert "X86-64_EFI,Validation,shimx64.efi" in place.computer.says("cat", "/etc/validation-server/dnsmasq.conf")
        there = place.computer.says("find", tftp, "-type", "f", "-printf", "%P ").split()
        assert {"shimx64.efi", "grubx64.efi", "vmlinuz", "initrd", "grub/grub.cfg"} <= set(there)
        assert place.computer.says("stat", "--format=%U", f"{tftp}/grub") == "validation-server"

    def test_removed_it_leaves_nothing_but_its_data(self, place: Place) -> None:
        apply_role(place.computer, validation_server_state="absent")

        left = {"/var/lib/validation-image", "/var/lib/validation-server"}
        assert set(place.computer.says(*_FIND).split()) == left
        apply_role(place.computer, validation_server_state="absent", validation_server_remove_data=True)
        assert set(place.computer.says(*_FIND).split()) == {"/var/lib/validation-image"}
        assert place.computer.run("id", "validation-server", check=False).returncode == 1
