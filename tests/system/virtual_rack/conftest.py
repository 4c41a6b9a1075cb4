# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests of the rack's BMCs share."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator

import pytest

from ansible_collections.baremetal.bcm.tests.system.virtual_rack.served import ServedRack, served

_MISSING = [program for program in ("ipmi_sim", "ipmitool", "setpriv") if shutil.which(program) is None]
_MISSING += [] if importlib.util.find_spec("pyghmi") else ["pyghmi"]


@pytest.fixture(scope="session", autouse=True)
def _needs_programs() -> None:
    """Skip where programs are missing, unless the environment requires them."""
    reason = f"not installed: {', '.join(_MISSING)} (Debian packages openipmi and ipmitool, pyghmi by pip)"
    if _MISSING and os.environ.get("VIRTUAL_RACK_REQUIRE_IPMI") == "1":
        pytest.fail(reason)
    if _MISSING:
        pytest.skip(reason)


@pytest.fixture(scope="module")
def rack(_needs_programs: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedRack]:
    """Serve three machines to all tests of a file; each uses what it needs."""
    with served(tmp_path_factory.mktemp("rack"), 3, ipmi_timeout_s=2) as running:
        yield running
