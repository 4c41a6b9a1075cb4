# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Audits and hardening against Redfish services that others wrote: OpenStack's sushy-tools and badfish's mock iDRAC."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.tests.integration.support.rack import ROOT, wait_until
from ansible_collections.baremetal.bcm.tests.integration.support.vendors import findings, run_module
from ansible_collections.baremetal.bcm.tests.unit.child_process import started
from ansible_collections.baremetal.bcm.tests.unit.plugins.running import Result

PROGRAMS = Path(os.environ.get("REDFISH_PYTHON", ROOT / ".venv-redfish/bin/python")).parent
SITE = {"ntp": ["10.0.0.1"], "syslog": ["10.0.0.1"], "time_zone": "UTC", "bios_firmware": ">=1", "usb_boot": False}
SYSTEM = "10000000-0000-0000-0000-000000000001"


@pytest.fixture(scope="module", autouse=True)
def _needs() -> None:
    """Skip where the emulators are missing, unless the environment requires them."""
    missing = [str(PROGRAMS / name) for name in ("badfish", "sushy-emulator") if not (PROGRAMS / name).exists()]
    if missing and os.environ.get("VIRTUAL_RACK_REQUIRE_CLIENTS") == "1":
        pytest.fail(f"missing: {', '.join(missing)} (make .venv-redfish)")
    if missing:
        pytest.skip(f"missing: {', '.join(missing)} (make .venv-redfish)")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def emulator(port: int, directory: Path, *words: str, **environment: str) -> Iterator[None]:
    """Run an emulator for as long as the block lasts."""
    env = {**os.environ, "HOME": str(directory), "NO_PROXY": "*", **environment}
    command = [str(PROGRAMS / words[0]), *words[1:]]
    with started(
        command, limit_s=120, cwd=directory, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            wait_until(lambda: answers(port), words[0])
            yield
        finally:
            process.terminate()
            process.wait(timeout=30)


@pytest.fixture
def badfish(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """A mock iDRAC, whose certificate of its own is pinned."""
    port = free_port()
    words = ("badfish", "--redfish-emulator", "--bind", "127.0.0.1", "--port", str(port))
    with emulator(port, tmp_path, *words, BADFISH_EMULATOR_USERS=str(tmp_path / "users.json")):
        shown = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", port)))
        yield {
            "name": "badfish",
            "address": f"127.0.0.1:{port}",
            "username": "quads",
            "password": "quads",
            "tls_fingerprint": hashlib.sha256(shown).hexdigest(),
        }


@pytest.fixture
def sushy(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """A server of sushy-tools, without accounts and sessions."""
    port = free_port()
    system = {"uuid": SYSTEM, "name": "node1", "power_state": "On", "external_notifier": False, "nics": []}
    config = {"SUSHY_EMULATOR_FAKE_SYSTEMS": [system], "SUSHY_EMULATOR_STATE_DIR": str(tmp_path)}
    (tmp_path / "emulator.conf").write_text(
        "".join(f"{name} = {value!r}\n" for name, value in config.items()), encoding="utf-8"
    )
    words = ("sushy-emulator", "--fake", "--config", str(tmp_path / "emulator.conf"), "-i", "127.0.0.1")
    with emulator(port, tmp_path, *words, "-p", str(port)):
        login = {"username": "admin", "password": "any"}
        yield {"name": "sushy", "address": f"http://127.0.0.1:{port}", **login}


@pytest.fixture
def harden(tmp_path: Path) -> Callable[..., Result]:
    """Harden one server as a staged one."""

    def run(server: dict[str, Any], **controls: Any) -> Result:
        return run_module(
            "redfish_harden",
            servers=[{**server, "state": "staged"}],
            profile={"inherits": None, "controls": controls},
            allow_reboot=True,
            fail_on_error=False,
            bundle_path=str(tmp_path / "bundles"),
            lock_path=str(tmp_path / "locks"),
        )

    return run


def of_state(result: Result, name: str, state: str) -> set[str]:
    return {control for control, (found, _message) in findings(result)[name].items() if found == state}


def test_what_others_services_lack_is_unknown_and_no_error(badfish: dict[str, Any], sushy: dict[str, Any]) -> None:
    result = run_module("redfish_audit", servers=[badfish, sushy], profile={"controls": SITE})

    assert result["failures"] == {}
    assert result["servers"]["badfish"]["vendor"] == "idrac"
    assert of_state(result, "badfish", "drift") == {"boot_mode", "session_timeout"}
    assert of_state(result, "sushy", "drift") == {"secure_boot"}
    assert {each for found in findings(result).values() for each, _message in found.values()} == {"drift", "unknown"}
    # Of a BMC of an unknown make nobody knows whether it has lockdown.
    assert "lockdown" in of_state(result, "sushy", "unknown")
    assert len(of_state(result, "badfish", "unknown")) >= 20
    assert len(of_state(result, "sushy", "unknown")) >= 20


def test_a_change_that_badfish_accepts_and_ignores_is_not_kept(
    badfish: dict[str, Any], harden: Callable[..., Result]
) -> None:
    result = harden(badfish, boot_mode="uefi")

    server = result["servers"]["badfish"]
    assert server["failure"] == "not_kept"
    assert "answered success and did not keep boot_mode (Attributes.BootMode); not rebooted" in server["error"]
    assert of_state(result, "badfish", "drift") == {"boot_mode"}
    assert not server["rebooted"]


def test_secure_boot_of_sushy_tools_is_switched_on_and_then_left_alone(
    sushy: dict[str, Any], harden: Callable[..., Result]
) -> None:
    first = harden(sushy, secure_boot=True)
    second = harden(sushy, secure_boot=True)

    assert first["compliant"] == second["compliant"] == ["sushy"], json.dumps(first["servers"])
    assert first["servers"]["sushy"]["rebooted"]
    assert (first["changed"], second["changed"]) == (True, False)
