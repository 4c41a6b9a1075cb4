# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Racks with real BMCs for the tests: programs of their own that speak IPMI 2.0 on 127.x.x.x."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from ansible_collections.baremetal.bcm.tests.integration.conftest import (
    open_class_site,
    open_site,
    pytest_xdist_make_scheduler,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

# pytest finds them here.
__all__ = ["open_class_site", "open_site", "pytest_xdist_make_scheduler"]

# By program: the Debian package it comes in.
_PROGRAMS: Mapping[str, str] = {"ipmi_sim": "openipmi", "ipmitool": "ipmitool"}


@pytest.fixture(autouse=True, scope="session")
def _need_programs() -> None:
    """Skip where the programs are missing; `make test-system` counts that as a failure."""
    missing = [f"{program} (Debian package {package})" for program, package in _PROGRAMS.items() if not _has(program)]
    if missing and os.environ.get("VIRTUAL_RACK_REQUIRE_IPMI") == "1":
        pytest.fail(f"not installed: {', '.join(missing)}")
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


def _has(program: str) -> bool:
    return shutil.which(program) is not None
