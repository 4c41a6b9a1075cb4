# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of validation need of a computer, and the image, which is built once for all of them."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from ansible_collections.baremetal.bcm.tests.system.support.validation_lab import IMAGE, build_image

# By program or file: the Debian package it comes in.
_NEEDED: Mapping[str, str] = {"ip": "iproute2", "dnsmasq": "dnsmasq-base"}
_NEEDED_TO_BOOT: Mapping[str, str] = {
    "ipmi_sim": "openipmi",
    "ipmitool": "ipmitool",
    "qemu-system-x86_64": "qemu-system-x86",
    "mmdebstrap": "mmdebstrap",
    "zstd": "zstd",
    "depmod": "kmod",
    "lldpd": "lldpd",
    "/usr/share/OVMF/OVMF_CODE_4M.fd": "ovmf",
    "/usr/lib/ipxe/qemu/pxe-virtio.rom": "ipxe-qemu",
}


@pytest.fixture(autouse=True, scope="session")
def _need_programs() -> None:
    """Skip where programs or root are missing; `make test-system` counts that as a failure."""
    _need(_NEEDED)


def _need(needed: Mapping[str, str]) -> None:
    missing = _missing(needed)
    if missing and os.environ.get("INTAKE_REQUIRE_ALL") == "1":
        pytest.fail(f"missing: {missing}")
    if missing:
        pytest.skip(f"missing: {missing}")


@pytest.fixture(scope="session")
def image() -> Path:
    """Build the image unless it is there; of several workers one builds."""
    _need(_NEEDED_TO_BOOT)
    IMAGE.parent.mkdir(parents=True, exist_ok=True)
    with (IMAGE.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return build_image()


def _missing(needed: Mapping[str, str]) -> str:
    missing = [f"{name} (Debian package {package})" for name, package in needed.items() if not _has(name)]
    return ", ".join([*missing, *(["root, to make network namespaces"] if os.geteuid() else [])])


def _has(name: str) -> bool:
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is not None or Path(name).is_file()
