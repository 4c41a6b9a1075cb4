# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demonstration of hardening, as `make demo-harden` runs it, with a NetBox that is real."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ansible_collections.baremetal.bcm.tests.integration.support.rack import ROOT
from ansible_collections.baremetal.bcm.tests.system.support.netbox_server import start_netbox
from ansible_collections.baremetal.bcm.tests.unit.child_process import run


def test_three_servers_of_three_vendors_become_ready_and_a_second_run_writes_nothing() -> None:
    tools = ROOT / "tests/tools"
    environment = {
        **os.environ,
        **start_netbox().environment,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }

    done = run(
        [str(tools / "with-rack"), "virtual_rack/racks/vendors.yml", str(tools / "demo-harden")],
        limit_s=600,
        cwd=ROOT,
        env=environment,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 servers: 0 compliant; findings: 56 drift" in done.stdout
    assert "3 servers: 3 compliant; findings: 56 compliant" in done.stdout
    assert done.stdout.count("staged → ready (hardening_passed)") == 3
    assert done.stdout.rstrip().splitlines()[-2].startswith("All three servers are ready")
    assert "demo-own-password" not in done.stdout + done.stderr
    for page in ("before", "after"):
        assert "ipmi over lan" in (ROOT / f".cache/demo-harden/{page}.html").read_text(encoding="utf-8")
