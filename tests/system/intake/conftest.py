# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the intake need of a computer, and the network with the BMCs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping

import pytest

from ansible_collections.baremetal.bcm.tests.system.support.dhcp_lab import DhcpLab
from ansible_collections.baremetal.bcm.tests.system.support.netbox_server import NetBoxView, start_netbox

# By program: the Debian package it comes in.
_PROGRAMS: Mapping[str, str] = {
    "ip": "iproute2",
    "dnsmasq": "dnsmasq-base",
    "udhcpc": "udhcpc",
    "dhcrelay": "isc-dhcp-relay",
    "java": "openjdk-17-jre-headless",
    "redis-server": "redis-server",
    "psql": "postgresql",
    "systemd-analyze": "systemd",
    "nsenter": "util-linux",
}


@pytest.fixture(autouse=True, scope="session")
def _need_programs() -> None:
    """Skip where programs or root are missing, instead of what other system tests need.

    `make test-system` counts that as a failure.
    """
    missing = [f"{program} (Debian package {package})" for program, package in _PROGRAMS.items() if not _has(program)]
    if os.geteuid():
        missing.append("root, to make network namespaces")
    if missing and os.environ.get("INTAKE_REQUIRE_ALL") == "1":
        pytest.fail(f"missing: {', '.join(missing)}")
    if missing:
        pytest.skip(f"missing: {', '.join(missing)}")


@pytest.fixture(scope="class")
def dhcp_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DhcpLab]:
    """Give a network with a DHCP server, for the tests of a class."""
    lab = DhcpLab(tmp_path_factory.mktemp("lab"))
    try:
        lab.start()
        yield lab
    finally:
        lab.close()


@pytest.fixture(scope="session")
def netbox() -> NetBoxView:
    """Give the NetBox that all tests share; it runs on, for the next time."""
    return start_netbox()


def _has(program: str) -> bool:
    return shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is not None
